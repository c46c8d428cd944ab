"""Preferences over segments of behaviour by regret (Knox et al. 2024, arXiv 2206.02231).

    partial return   P(left over right) = sigma(R_l - R_r),     R = sum of r(s_t) along the segment = w . phi
    regret           P(left over right) = sigma(G_l - G_r),     G = w . phi + V(end) - V(start)
    V(s) = sum_p softmax_p(psi_p(s) . w / T) psi_p(s) . w       the best of a pool of policies, smoothly

A segment that starts well looks good by its return although everything in it may have got worse; regret asks how it did for
where it began. psi_p(s) are the successor features of the pool's policies: the discounted features that policy p meets from
s on. Without a pool V = 0 and the model is partial return, that is Bradley and Terry's with phi as features, to the bit.

With a pool the sides of pairs hold phi, and after it the numbers of the states in which the segment starts and ends.

Differences from the paper: a ridge, several starts and L-BFGS instead of 5,000 steps of Adam; the temperature is relative to
the size of the values, so that a larger reward is no sharper.

Legend of shapes: B sets, n pairs, d features, p policies, s states.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from progressgym.core.arguments import Positive
from progressgym.core.errors import UserError
from progressgym.core.late import Late
from progressgym.losses import loss_of
from progressgym.preferences.models.batch import Batch
from progressgym.preferences.models.fitted import FittedModel, Floats
from progressgym.preferences.models.newton import solve
from progressgym.preferences.pairs import Pairs

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")


@dataclass(kw_only=True)
class Regret(FittedModel):
    """A linear reward, seen through what would have been possible."""

    temperature: Positive = 0.03
    """T, in units of the largest value of the pool's policies."""
    pool: Tensor = field(default_factory=lambda: torch.zeros(0, 0, 0), init=False, repr=False)
    """psi (p, s, d), see `among`."""

    def among(self, successors: Floats) -> Self:
        """Tell it, before `fit`, the successor features (p, s, d) of a pool of policies.

        Raises:
            UserError: other shapes, or numbers that are not finite.
        """
        given = torch.as_tensor(successors, dtype=torch.float64)
        if given.ndim != 3 or not given.numel() or not bool(torch.isfinite(given).all()):
            raise UserError(f"successor features are finite numbers (policies, states, d); got {tuple(given.shape)}")
        self.pool = given
        return self

    @property
    def weights(self) -> Floats:
        """w (d,), after `fit`."""
        weights: Floats = self.parameters[0].numpy()
        return weights

    def fit(self, pairs: Pairs) -> Self:
        """Learn from one set of pairs.

        Raises:
            UserError: nothing to learn from, or sides that do not end in two numbers of states of the pool.
        """
        if self.pool.numel():
            _, states, d = self.pool.shape
            for side in (pairs.left, pairs.right):
                numbers = side[:, d:]
                fits = numbers.shape[1] == 2 and bool(((numbers >= 0) & (numbers < states) & (numbers % 1 == 0)).all())
                if not fits:
                    raise UserError(f"a side is {d} features and the numbers of two of {states} states, from 0 on")
        return super().fit(pairs)

    def solve(self, batch: Batch) -> Tensor:
        """(B, d), the best end of several starts."""
        if not self.pool.numel():
            return self.begin(batch)
        return self.best(batch, self._starts(batch))

    def begin(self, batch: Batch) -> Tensor:
        """(B, d) of partial return."""
        d = self.pool.shape[2] if self.pool.numel() else batch.left.shape[-1]
        nothing, nowhere = torch.zeros_like(batch.target), torch.zeros_like(batch.left[:, 0, :d])
        return solve(
            batch.difference[..., :d], nothing, batch.target, batch.weight, nowhere, self.ridge, loss_of(self.loss)
        )

    def values(self, parameters: Tensor) -> Tensor:
        """V (B, s)."""
        worth = torch.einsum("psd,bd->bps", self.pool.to(parameters), parameters)
        scale = worth.abs().amax((1, 2), keepdim=True).clamp(min=1e-9)
        return (torch.softmax(worth / (self.temperature * scale), 1) * worth).sum(1)

    def margins(self, parameters: Tensor, batch: Batch) -> Tensor:
        """G_l - G_r (B, n)."""
        d = parameters.shape[1]
        gained = (batch.difference[..., :d] @ parameters[..., None])[..., 0]
        if not self.pool.numel():
            return gained
        values = self.values(parameters)
        ahead = [values.gather(1, side[..., d + k].long()) for side in (batch.left, batch.right) for k in (0, 1)]
        return gained + (ahead[1] - ahead[0]) - (ahead[3] - ahead[2])

    def _starts(self, batch: Batch) -> list[Tensor]:
        """Partial return, its opposite, and the rewards that favour single policies of the pool."""
        first = self.begin(batch)
        favoured = self.pool.mean(1) - self.pool.mean((0, 1))
        size = first.norm(dim=-1, keepdim=True).clamp(min=1.0)
        steepest = [size * (policy / policy.norm().clamp(min=1e-9)) for policy in favoured[:6]]
        return [first, -0.1 * first, *steepest]
