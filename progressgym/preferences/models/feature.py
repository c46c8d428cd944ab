"""A reward of a few features that mean something (Nath et al. 2024, domain knowledge in reward models): 19 values, seven ratings.

    r(x) = w . x                     hidden = 0, Bradley and Terry's to the bit
    r(x) = w . x + v . tanh(U x + b)     hidden units beside it

A handful of numbers needs few pairs: with the seven rated features of 940 summaries, ten pairs are as good as eight hundred.
So a baseline belongs beside it (`progressgym preferences compare`): the plain mean of the features, and which is longer.

Differences from the paper: the network stands beside a linear reward instead of in its place, so that a ridge leads back to
that; the minimum is found exactly, from one start, instead of by 100 epochs of Adam.

Legend of shapes: B sets, n pairs, d features, H hidden units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from progressgym.core.arguments import Whole, Within
from progressgym.core.errors import UserError
from progressgym.core.late import Late
from progressgym.losses import loss_of
from progressgym.preferences.models.batch import Batch
from progressgym.preferences.models.fitted import FittedModel, Floats
from progressgym.preferences.models.newton import solve

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")


@dataclass(kw_only=True)
class FeatureReward(FittedModel):
    """A reward model of few parameters; those of the linear part are readable."""

    hidden: Annotated[int, Within(0, 64)] = 0
    """Units of one hidden layer; 0 for a linear reward."""
    seed: Whole = 0
    """Of the hidden layer's first weights."""

    @property
    def weights(self) -> Floats:
        """w (d,), after `fit`."""
        weights: Floats = self.parameters[0, : self.width].numpy()
        return weights

    def solve(self, batch: Batch) -> Tensor:
        """(B, P); linear rewards by Newton's steps."""
        if self.hidden:
            return super().solve(batch)
        return self._linear(batch)

    def begin(self, batch: Batch) -> Tensor:
        """The linear optimum, and units that do little."""
        linear = self._linear(batch)
        random = torch.Generator().manual_seed(self.seed)
        d = linear.shape[1]
        inner = torch.randn(self.hidden, d + 1, generator=random, dtype=torch.float64) / max(d, 1) ** 0.5
        outer = 0.1 * torch.randn(self.hidden, generator=random, dtype=torch.float64)
        units = torch.cat([inner.flatten(), outer]).to(linear)
        return torch.cat([linear, units.expand(len(batch), -1)], 1)

    def margins(self, parameters: Tensor, batch: Batch) -> Tensor:
        """r(left) - r(right) (B, n)."""
        d = batch.left.shape[-1]
        margins = (batch.difference @ parameters[:, :d, None])[..., 0]
        if self.hidden:
            inner, outer = parameters[:, d : -self.hidden], parameters[:, -self.hidden :]
            layer = inner.reshape(-1, self.hidden, d + 1).transpose(1, 2)
            up, down = (torch.tanh(side @ layer[:, :d] + layer[:, d:]) for side in (batch.left, batch.right))
            bent = up - down
            margins = margins + (bent @ outer[..., None])[..., 0]
        return margins

    def reward(self, items: Floats) -> Floats:
        """Rewards (n,) of things (n, d), 0 for one without features.

        Raises:
            UserError: not fitted, or to other features.
        """
        x = torch.as_tensor(items, dtype=torch.float64)
        if x.shape[-1:] != (self.width,):
            raise UserError(f"a reward model of {max(self.width, 0)} features is asked about {tuple(x.shape[-1:])}")
        none = torch.zeros(1, len(x), 0, dtype=x.dtype)
        batch = Batch(left=x[None], right=torch.zeros_like(x)[None], target=none, weight=none, context=none)
        rewards: Floats = self.margins(self.parameters, batch)[0].numpy()
        return rewards

    def _linear(self, batch: Batch) -> Tensor:
        nothing, nowhere = torch.zeros_like(batch.target), torch.zeros_like(batch.left[:, 0])
        return solve(batch.difference, nothing, batch.target, batch.weight, nowhere, self.ridge, loss_of(self.loss))
