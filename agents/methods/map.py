"""MAP tracking: the human's choices are stance differences, the stance moves a little every century.

    P(a over b) = sigma( (c_a - c_b) + scale * (Phi_a - Phi_b) . theta ),     theta_n ~ N(theta_{n-1}, I / prior)

The honest lifelong baseline: unlike DPO and RLHF it explains the human's preferences instead of adding them to what
the policy prefers already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from progressgym.agents.methods.stage import Method, Stage
from progressgym.core.arguments import Positive

if TYPE_CHECKING:
    from torch import Tensor

PRIOR = {"probability": 4.0, "sample": 32.0}
"""Precision of a century's move by kind of labels. Chosen on synthetic histories, see docs/agents/map.md."""


@dataclass(kw_only=True, frozen=True)
class Map(Method):
    """The stance of highest posterior density given a century's comparisons and the last stance."""

    prior: Positive | None = None
    """Precision of a century's move, larger is slower; `PRIOR` when None."""

    def update(self, stage: Stage) -> Tensor:
        """theta (B, D)."""
        from progressgym.preferences.models.newton import solve

        prior = PRIOR[stage.kind] if self.prior is None else self.prior
        return solve(stage.features, stage.offsets, stage.targets, stage.weights, stage.start, prior)
