"""What all preference models without a closed form have in common: margins of parameters, a loss, a prior, one fit.

    theta = argmin  sum_q u_q L(m_q(theta), y_q) + ridge / 2 |theta|^2

A model is its margins: a subclass says how many parameters there are (`begin`) and what they make of pairs (`margins`). It
is fitted to a single set of pairs by `fit` and to a batch of sets by `solve`, which is the same code.

Legend of shapes: B sets, n pairs, d features, P parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from numpy.typing import NDArray

from progressgym.core.arguments import Count, Named, Positive, check_fields
from progressgym.core.errors import UserError
from progressgym.core.late import Late
from progressgym.losses import LOSSES, loss_of, weighted
from progressgym.preferences.models.batch import Batch
from progressgym.preferences.models.descent import Metric, minimise
from progressgym.preferences.models.newton import GRID
from progressgym.preferences.pairs import Pairs

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")


Floats = NDArray[np.float64]


@dataclass(kw_only=True)
class FittedModel:
    """A preference model by its margins."""

    ridge: Positive = 0.1
    """Precision of the Gaussian prior of every parameter around 0."""
    loss: Annotated[str, Named(LOSSES)] = "sigmoid"
    """What a margin costs."""
    rounds: Count = 200
    """At most so many steps of the search, where there is one."""
    parameters: Tensor = field(default_factory=lambda: torch.zeros(0, 0), init=False, repr=False)
    """(1, P) after `fit`."""
    width: int = field(default=-1, init=False, repr=False)
    """d, after `fit`."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        check_fields(self)

    def begin(self, batch: Batch) -> Tensor:
        """(B, P) where the search begins; the same whichever sets stand beside a set."""
        raise NotImplementedError

    def margins(self, parameters: Tensor, batch: Batch) -> Tensor:
        """Log-odds (B, n) that left is preferred, by parameters (B, P)."""
        raise NotImplementedError

    def metric(self, start: Tensor, batch: Batch) -> Metric | None:
        """About the inverse Hessian at the start, where a model knows it."""
        return None

    def objective(self, parameters: Tensor, batch: Batch) -> Tensor:
        """(B,) what is minimised."""
        costs = weighted(loss_of(self.loss), self.margins(parameters, batch), batch.target, batch.weight)
        return costs.sum(-1) + 0.5 * self.ridge * (parameters * parameters).sum(-1)

    def solve(self, batch: Batch) -> Tensor:
        """(B, P) the parameters of every set, rounded as `newton.solve` rounds."""
        return self.best(batch, [self.begin(batch)])

    def best(self, batch: Batch, starts: Sequence[Tensor]) -> Tensor:
        """(B, P) the end of the lowest loss of searches from starts (B, P) each."""

        def cost(parameters: Tensor, rows: Tensor | None) -> Tensor:
            return self.objective(parameters, batch.rows(rows))

        ends = [minimise(cost, start, metric=self.metric(start, batch), rounds=self.rounds) for start in starts]
        if len(ends) > 1:
            least = torch.stack([self.objective(end, batch) for end in ends]).argmin(0)[None, :, None]
            ends = [torch.stack(ends).gather(0, least.expand(1, *ends[0].shape))[0]]
        return torch.round(ends[0] * GRID) / GRID

    def fit(self, pairs: Pairs) -> Self:
        """Learn from one set of pairs.

        Raises:
            UserError: nothing to learn from.
        """
        weighed = pairs[pairs.weight > 0]
        if not len(weighed):
            raise UserError("there are no pairs to learn from; all have the weight 0")
        self.width = weighed.left.shape[1]
        self.parameters = self.solve(Batch.of(weighed))
        return self

    def margin(self, pairs: Pairs) -> Floats:
        """Log-odds (n,) that left is preferred.

        Raises:
            UserError: not fitted, or to other features.
        """
        if pairs.left.shape[1] != self.width:
            raise UserError(f"a model of {max(self.width, 0)} features is asked about {pairs.left.shape[1]}")
        margins: Floats = self.margins(self.parameters, Batch.of(pairs))[0].numpy()
        return margins


def curvature(features: Tensor, bend: Tensor, ridge: float) -> Tensor:
    """Inverse (B, d, d) of the Hessian of margins that are linear in features (B, n, d), with second derivatives (B, n)."""
    hessian = (features * bend[..., None]).transpose(1, 2) @ features
    inverse: Tensor = torch.linalg.inv(
        hessian + ridge * torch.eye(features.shape[-1], dtype=features.dtype, device=features.device)
    )
    return inverse
