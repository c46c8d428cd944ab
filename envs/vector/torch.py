"""The torch back end: actions, observations, rewards and infos are tensors that stay on one device.

What depends on chance is drawn on the host when an episode begins, so that a seed means the same everywhere; a fixed
history with labels as probabilities needs no draws, and then nothing is copied to the device after the first reset.
Rewards are differentiable in the actions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.envs.arrays import BLOCK, TOLERANCES, Array

WIDTH = 128
"""Columns of a matrix in a batch: fewer cost more in calls than they gain."""


class TorchArrays:
    """torch on one device; see `progressgym.envs.arrays.Arrays`."""

    xp: Any = torch
    compiled: bool = False

    def __init__(self, device: str, dtype: str) -> None:
        """Choose device and working precision.

        Raises:
            UserError: a device that torch does not have here.
        """
        try:
            self._device = torch.device(device)
            torch.empty(1, device=self._device)
        except (RuntimeError, AssertionError) as error:
            raise UserError(f"device {device!r} is not to be had: {str(error).splitlines()[0]}") from None
        self._dtype = torch.float32 if dtype == "float32" else torch.float64
        self.tiny, self.still, self.full = TOLERANCES[dtype]

    def floats(self, array: Any) -> Array:
        """As numbers of the working precision on the device."""
        return torch.as_tensor(array, dtype=self._dtype, device=self._device)

    def observation(self, array: Any) -> Array:
        """As float32 on the device."""
        return torch.as_tensor(array, dtype=torch.float32, device=self._device)

    def index(self, array: NDArray[np.int64]) -> Array:
        """As integers on the device."""
        return torch.as_tensor(array, device=self._device)

    def flags(self, array: NDArray[np.bool_]) -> Array:
        """As booleans on the device."""
        return torch.from_numpy(array.copy()).to(self._device)

    def host(self, array: Array) -> NDArray[Any]:
        """As a numpy array."""
        copy: NDArray[Any] = array.detach().cpu().numpy()
        return copy

    def copy(self, array: Array) -> Array:
        """A copy, without holes."""
        return array.clone(memory_format=torch.contiguous_format)

    def affine(self, x: Array, weights: Array, bias: Array) -> Array:
        """x @ weights + bias."""
        return torch.addmm(bias, x, weights) if x.ndim == weights.ndim == 2 else x @ weights + bias

    def sigmoid(self, x: Array) -> Array:
        """1 / (1 + exp(-x)) in place."""
        return torch.sigmoid_(x)

    def logistic(self, x: Array) -> Array:
        """1 / (1 + exp(-x))."""
        return torch.sigmoid(x)

    def exp(self, x: Array) -> Array:
        """Exponentials in place."""
        return torch.exp_(x)

    def mixed(self, *shares: tuple[float, Array]) -> Array:
        """Sums of numbers times tensors."""
        return sum(share * array for share, array in shares)

    def apart(self, a: Array, b: Array) -> Array:
        """Sums of the sizes of differences."""
        return (a - b).abs().sum(-1)

    def differentiated(self, x: Array) -> bool:
        """True when x is part of a graph."""
        return bool(x.requires_grad) and torch.is_grad_enabled()

    def unrecorded(self, x: Array) -> AbstractContextManager[Any]:
        """Inference mode."""
        return torch.inference_mode(not self.differentiated(x))

    def recordable(self, x: Array) -> Array:
        """A copy where it is needed: a tensor of inference mode must not take part in a later graph."""
        return x.clone() if x.is_inference() else x

    def blocks(self, rows: int, size: int = BLOCK) -> Iterator[slice]:
        """All at once."""
        yield slice(None)

    def parts(self, columns: Array) -> Iterator[Array]:
        """All at once, (n, C, b): a product with a batch of matrices occupies every core, one with a wide matrix does not."""
        count = equal_parts(columns.shape[1])
        yield columns.view(len(columns), count, -1).transpose(0, 1)

    def stored(self, table: Array, rows: slice, new: Array) -> Array:
        """The new rows, which are all: what is part of a graph must not be changed."""
        return new

    def columns(self, table: Array, chosen: Array) -> Array:
        """table[:, chosen]."""
        return table[:, chosen]

    def affine_columns(self, table: Array, x: Array) -> Array:
        """table[:, :-1] @ x + table[:, -1:]."""
        return torch.baddbmm(table[:, -1:], table[:, :-1].expand(len(x), -1, -1), x)

    def product(self, table: Array, x: Array) -> Array:
        """table @ x."""
        return torch.bmm(table.expand(len(x), -1, -1), x)

    def dot(self, a: Array, b: Array) -> Array:
        """Row by row scalar products."""
        return a @ b[0] if len(b) == 1 else (a * b).sum(-1)


@cache
def equal_parts(count: int) -> int:
    """The most parts of the same size that are no smaller than `WIDTH`; 1 where no number divides the count."""
    return max((parts for parts in range(1, count // WIDTH + 1) if count % parts == 0), default=1)
