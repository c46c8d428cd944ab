"""Conditional DPO: a policy conditioned on whose preferences it serves (after Dang et al. 2025, arXiv 2501.06655, PPD).

    loss = sum_t sum_q u_tq L(m_tq, y_tq),      m_tq = beta [ log pi(a | c_t)/ref(a) - log pi(b | c_t)/ref(b) ]
    theta(c) = theta_ref + w + c E

A century is a user, and what all of them share is learned from all; the present one's c says how it differs. So few votes of
a century do not have to tell everything. With `centuries=1` there is one user, and it is `lifelong-dpo` to the bit.

Of a language model c is words: the rows of a century before this one stand after `[1 ago]`, `[2 ago]`, ..., those of the
present one after nothing, as the policy is read. What the centuries share it learns from all.

`ahead` moves on along the way that c went, in centuries: an extrapolative agent for free.

Differences from the paper: 19 numbers instead of a generator and numbers of a user instead of cross-attention; c is learned
with everything else instead of read off four pairs by a frozen model; no user is dropped at random, w has a prior instead.

Legend of shapes: B episodes, Q comparisons, T centuries, D = 19.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from progressgym.agents.methods.dpo import Dpo
from progressgym.agents.methods.stage import ModelStage, Stage
from progressgym.core.arguments import Count, Nonnegative, Positive, Within
from progressgym.core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from progressgym.tuning.contrasts import Contrast


@dataclass(kw_only=True, frozen=True)
class ConditionalDpo(Dpo):
    """DPO whose users are a history's centuries."""

    centuries: Count = 6
    """How many of the last centuries are learned from together, the present one included."""
    size: Annotated[int, Within(0, 19)] = 2
    """Numbers that tell centuries apart."""
    spread: Positive = 1.0
    """Precision of the prior of those numbers around 0."""
    ahead: Nonnegative = 0.0
    """How many centuries the last one's difference from the one before it is continued."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        super().__post_init__()
        if self.loss not in ("sigmoid", "ipo"):
            raise UserError(f"conditional-dpo learns with loss=sigmoid or ipo, not {self.loss}")

    def update(self, stage: Stage) -> Tensor:
        """theta (B, D): the present century's."""
        from progressgym.agents.methods.rewards import STEPS, trajectory
        from progressgym.preferences.models.user import UserConditioned

        cut = None if stage.past is None else stage.past[..., -self.centuries :]
        recent = replace(stage, past=cut, features=self.beta_dpo * stage.features)
        if cut is None or cut.shape[-1] < 2:
            return super().update(stage)
        model = UserConditioned(size=self.size, spread=self.spread, ridge=self.ridge, loss=self.loss, rounds=STEPS)
        if self.reference == "uniform":
            path = trajectory(model, recent, self.beta_dpo * stage.offsets)
            return path[:, -1] + self.ahead * (path[:, -1] - path[:, -2])
        path = trajectory(model, recent)
        return stage.start + path[:, -1] + self.ahead * (path[:, -1] - path[:, -2])

    def rows(self, stage: ModelStage) -> list[Contrast]:
        """The present century's comparisons, and before them the same as they were decided in those before it.

        Raises:
            UserError: a vector that is to be continued, which words are not.
        """
        from progressgym.preferences.pairs import Pairs

        if self.ahead:
            raise UserError(
                "ahead continues the numbers of a stance; a language model's centuries are words, leave it out"
            )
        rows = super().rows(stage)
        last = 1 if stage.past is None else min(self.centuries, stage.past.shape[1])
        for ago in range(1, last):
            assert stage.past is not None
            said = Pairs.of_options(stage.policy.instrument, stage.pairs.triples, stage.past[:, -1 - ago])
            earlier = replace(stage, pairs=said[said.weight > 0])
            if len(earlier.pairs):
                rows += earlier.rows(self.beta_dpo, self.reference, condition=f"[{ago} ago] ")
        return rows
