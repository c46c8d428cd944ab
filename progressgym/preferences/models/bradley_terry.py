"""Bradley and Terry (1952, Biometrika 39, 324-345) with features: a linear reward whose differences are log-odds.

P(left over right) = sigma(m),   m = w . (left - right),   w ~ N(0, I / ridge)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from numpy.typing import NDArray

from progressgym.core.arguments import Named, Positive, check_fields
from progressgym.core.errors import UserError
from progressgym.losses import LOSSES, loss_of
from progressgym.preferences.pairs import Pairs

if TYPE_CHECKING:
    from torch import Tensor

    from progressgym.preferences.models.batch import Batch


@dataclass(kw_only=True)
class BradleyTerry:
    """A linear reward model.

    >>> pairs = Pairs.of([[1.0], [1.0]], [[0.0], [0.0]], target=[1.0, 0.5])
    >>> float(BradleyTerry(ridge=1e-6).fit(pairs).margin(pairs)[0].round(3))  # log 3: three of four for the first
    1.099
    """

    ridge: Positive = 0.1
    """Precision of the prior around 0; what is always preferred has no finite reward else."""
    loss: Annotated[str, Named(LOSSES)] = "sigmoid"
    """What a margin costs; another than `sigmoid` is no longer the probability of the paper."""
    weights: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), init=False)
    """w (d,), after `fit`."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        check_fields(self)

    def fit(self, pairs: Pairs) -> Self:
        """The minimum of the weighted loss."""
        from progressgym.preferences.models.batch import Batch

        self.weights = self.solve(Batch.of(pairs[pairs.weight > 0]))[0].numpy()
        return self

    def solve(self, batch: Batch) -> Tensor:
        """w (B, d) of many sets at once."""
        import torch

        from progressgym.preferences.models.newton import solve

        nothing, centre = torch.zeros_like(batch.target), torch.zeros_like(batch.left[:, 0])
        return solve(batch.difference, nothing, batch.target, batch.weight, centre, self.ridge, loss_of(self.loss))

    def reward(self, items: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rewards (n,) of things (n, d).

        Raises:
            UserError: not fitted, or to other features.
        """
        if np.shape(items)[-1:] != self.weights.shape:
            raise UserError(f"a reward model of {len(self.weights)} features is asked about {np.shape(items)[-1:]}")
        rewards: NDArray[np.float64] = np.asarray(items, dtype=np.float64) @ self.weights
        return rewards

    def margin(self, pairs: Pairs) -> NDArray[np.float64]:
        """Log-odds (n,) that left is preferred."""
        return self.reward(pairs.difference)
