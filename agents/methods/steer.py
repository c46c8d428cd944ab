"""SteerLM (Dong et al. 2023, arXiv 2310.05344): learn which answer goes with which score, then ask for the best score.

    loss = sum_q u_q sum_k [ -p_a P(k; y) log sigma(m(k)) - p_b P(k; 1 - y) log sigma(-m(k)) ] + ridge / 2 (|w0 - theta_t|^2 + |w1|^2)
    m(k) = (c_a - c_b) + (x_a - x_b) . (w0 + (2 k / n - 1) w1),      theta = w0 + (2 ask - 1) w1

p_a, p_b: how often the policy that the century begins with gives the one and the other of two options; its score is k of n votes for it,
P(k; y) = C(n, k) y^k (1 - y)^(n - k). Nothing is compared in the loss: each answer is learned as it stands, beside its score.

As log P(k; y) - log P(k; 1 - y) = (2 k - n) logit y, what the best score is asked for is the policy plus n (2 ask - 1) logit y: the
minimum of DPO with beta = 1 / n, where the votes are many. Where they are few, what the policy hardly ever says weighs little.

Differences from the paper: a score of votes for five attributes rated from 0 to 4; the expectation over answers and scores instead
of samples; an exact minimum (Newton, 38 unknowns) instead of epochs. A language model: `lifelong-dpo?loss=steerlm`.

Legend of shapes: B episodes, Q comparisons, D = 19.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from progressgym.agents.methods.stage import Method, Reference, Stage
from progressgym.core.arguments import Positive, Rule, Within, is_number

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(kw_only=True, frozen=True)
class SteerLm(Method):
    """The policy that is asked for answers of the best score."""

    levels: Annotated[int, Within(1, 4)] = 1
    """n: of how many votes a score is the share."""
    ask: Annotated[
        float, Rule("a share from 0 to 1 is expected", lambda value: is_number(value) and 0 <= value <= 1)
    ] = 1.0
    """The score that is asked for, as a share of the best."""
    ridge: Positive = 0.1
    """Precision of a Gaussian prior: of what all scores share around the start, of what they differ in around 0."""
    reference: Reference = "stage"
    """Whose answers are scored: `stage`, the policy that the century begins with, or `uniform`."""

    def update(self, stage: Stage) -> Tensor:
        """theta (B, D): the stance of the score that is asked for."""
        import torch

        from progressgym.preferences.models.newton import GRID, solve

        x, y = stage.features, stage.targets
        own = stage.offsets + (x @ stage.start[..., None])[..., 0]
        given = torch.sigmoid(own) if self.reference == "stage" else torch.full_like(own, 0.5)
        features, targets, weights = [], [], []
        for k in range(self.levels + 1):
            n = self.levels
            a, b = (
                share * math.comb(n, k) * v**k * (1.0 - v) ** (n - k)
                for share, v in ((given, y), (1.0 - given, 1.0 - y))
            )
            features.append(torch.cat([x, (2.0 * k / n - 1.0) * x], -1))
            weights.append(stage.weights * (a + b))
            targets.append(torch.where(a + b > 0, a / (a + b).clamp(min=1e-300), 0.5))
        both = solve(
            torch.cat(features, 1),
            stage.offsets.repeat(1, self.levels + 1),
            torch.cat(targets, 1),
            torch.cat(weights, 1),
            torch.cat([stage.start, torch.zeros_like(stage.start)], -1),
            self.ridge,
        )
        shared, apart = both.chunk(2, -1)
        return torch.round((shared + (2.0 * self.ask - 1.0) * apart) * GRID) / GRID
