"""MetaRM: a reward model that goes on telling apart what a new policy writes (Wang et al. 2024, arXiv 2401.06080, section 4).

    J(theta) = 2 / k^2 sum_(i<j) sigma(|r(s_i) - r(s_j)|)          on k unlabelled things of the new policy
    theta'   = theta + eta grad J(theta),    theta <- theta - alpha grad L(theta')

The paper iterates. Where its iteration rests, grad L(theta') = 0: of a convex L, as here, theta' is then the ordinary
optimum theta*, and theta + eta grad J(theta) = theta*, which is the stationary point of

    1/2 |theta - theta*|^2 + eta J(theta)

So MetaRM *shrinks* the reward where the unlabelled things lie apart: it is a penalty on their spread, and an L2 penalty
(`ridge`) is its natural control. That minimum is what is computed. eta = 0, or nothing unlabelled, is the ordinary reward
to the bit.

Legend of shapes: B sets, n pairs, d features, k unlabelled things.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Self

from progressgym.core.arguments import Nonnegative, Within
from progressgym.core.errors import UserError
from progressgym.core.late import Late
from progressgym.preferences.models.batch import Batch
from progressgym.preferences.models.descent import minimise
from progressgym.preferences.models.feature import FeatureReward
from progressgym.preferences.models.fitted import Floats
from progressgym.preferences.models.newton import GRID

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")


MOST = 64
"""Of more unlabelled things every so many-th is taken: J compares each with each."""
CORNER = 0.01
"""|r_i - r_j| is rounded off within so much of a tie, where it has a corner."""


@dataclass(kw_only=True)
class MetaReward(FeatureReward):
    """A linear reward that has seen what it will be asked about."""

    eta: Nonnegative = 0.3
    """How much the spread of the unlabelled things counts."""
    hidden: Annotated[int, Within(0, 0)] = 0
    """The reward is linear."""
    unlabelled: Tensor = field(default_factory=lambda: torch.zeros(0, 0), init=False, repr=False)
    """(k, d), see `adapt`."""

    def adapt(self, things: Floats) -> Self:
        """Tell it, before `fit`, what the new policy writes (k, d), at least two things.

        Raises:
            UserError: other shapes, or numbers that are not finite.
        """
        given = torch.as_tensor(things, dtype=torch.float64)
        if given.ndim != 2 or len(given) < 2 or not bool(torch.isfinite(given).all()):
            raise UserError(f"unlabelled things are (k, d) finite numbers of at least two; got {tuple(given.shape)}")
        self.unlabelled = given[:: -(-len(given) // MOST)]
        return self

    def spread(self, theta: Tensor) -> Tensor:
        """J (B,) of rewards (B, d)."""
        k = len(self.unlabelled)
        rewards = theta @ self.unlabelled.T.to(theta)
        first, second = torch.triu_indices(k, k, offset=1)
        apart = rewards[:, first] - rewards[:, second]
        return 2.0 / k**2 * torch.sigmoid((apart * apart + CORNER**2).sqrt()).sum(-1)

    def solve(self, batch: Batch) -> Tensor:
        """(B, d)."""
        best = self._linear(batch)
        if not len(self.unlabelled) or self.eta == 0:
            return best
        if self.unlabelled.shape[1] != best.shape[1]:
            raise UserError(f"unlabelled things have {self.unlabelled.shape[1]} features, the pairs {best.shape[1]}")

        def cost(theta: Tensor, rows: Tensor | None) -> Tensor:
            centre = best if rows is None else best[rows]
            return 0.5 * ((theta - centre) ** 2).sum(-1) + self.eta * self.spread(theta)

        shrunk = minimise(cost, best, rounds=self.rounds)
        return torch.round(shrunk * GRID) / GRID
