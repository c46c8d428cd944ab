"""Many sets of pairs at once, as tensors: what preference models are fitted to, one set or a thousand histories'.

Legend of shapes: B sets, n pairs of each, d features, c of their context.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from progressgym.core.late import Late
from progressgym.preferences.pairs import Pairs

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")


@dataclass(kw_only=True, frozen=True, eq=False)
class Batch:
    """`Pairs`, stacked."""

    left: Tensor
    """(B, n, d)."""
    right: Tensor
    """(B, n, d)."""
    target: Tensor
    """(B, n) in [0, 1]: probability that left is preferred; anything where the weight is 0."""
    weight: Tensor
    """(B, n) share in a loss; 0 where nobody was asked."""
    context: Tensor
    """(B, n, c); c may be 0."""

    @classmethod
    def of(cls, pairs: Pairs) -> Batch:
        """A batch of one set."""
        parts = {name: torch.from_numpy(np.array(getattr(pairs, name)))[None] for name in ("left", "right", "context")}
        target = torch.from_numpy(np.where(pairs.weight > 0, pairs.target, 0.5))[None]
        return cls(**parts, target=target, weight=torch.from_numpy(np.array(pairs.weight))[None])

    def __len__(self) -> int:
        return len(self.target)

    @cached_property
    def difference(self) -> Tensor:
        """(B, n, d) left - right: a search asks for it in every step."""
        return self.left - self.right

    def rows(self, chosen: Tensor | None) -> Batch:
        """Some of the sets, by their indices; None: all of them."""
        if chosen is None:
            return self
        return replace(self, **{part.name: getattr(self, part.name)[chosen] for part in fields(self)})

    def repeated(self, times: int) -> Batch:
        """Every set as many times, one after the other: for ensembles and starts."""
        return replace(
            self, **{part.name: getattr(self, part.name).repeat_interleave(times, 0) for part in fields(self)}
        )
