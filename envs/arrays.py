"""The few array operations that formulas for one environment and for thousands of them have in common.

Formulas that serve both back ends are written against `Arrays`: operators, `xp` for functions that numpy and torch
spell alike, and the methods below for the rest. numpy is here; torch, on any device, is in
`progressgym.envs.vector.torch`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from progressgym.core.threads import scratch
from progressgym.scores.similarity import STILL, TINY

Array = Any
"""A numpy array or a torch tensor, all of one formula alike."""
TOLERANCES = {"float64": (TINY, STILL, 1e-9), "float32": (1e-6, 1e-5, 1e-6)}
"""Precision -> (tiny, still, full); those of float64 are the single environments'."""
FEW = 2048
"""So few numbers take one call of a slow function; more, several calls of fast ones."""
KERNEL = 4
"""Rows or columns that a matrix product works on at once."""
BLOCK = 256
"""Environments that one core works on at a time: a block of hidden numbers then stays in its cache."""


class Arrays(Protocol):
    """What a back end can do."""

    compiled: bool
    """Whether kernels of `progressgym.envs.vector.compiled` stand in for formulas."""

    xp: Any
    """numpy or torch: `where`, `exp`, `log`, `sqrt`, `clip`, `sign`, `zeros_like` and their like."""

    tiny: float
    """Vectors shorter than this have no direction."""
    still: float
    """A change shorter than this is rounding, not movement."""
    full: float
    """A similarity nearer to 1 than this leaves no room for a gain."""

    def floats(self, array: Any) -> Array:
        """As numbers of the working precision on the device."""
        ...

    def observation(self, array: Any) -> Array:
        """As float32 on the device."""
        ...

    def index(self, array: NDArray[np.int64]) -> Array:
        """As integers on the device, to index with."""
        ...

    def flags(self, array: NDArray[np.bool_]) -> Array:
        """As booleans on the device."""
        ...

    def host(self, array: Array) -> NDArray[Any]:
        """As a numpy array."""
        ...

    def copy(self, array: Array) -> Array:
        """A copy of one's own."""
        ...

    def affine(self, x: Array, weights: Array, bias: Array) -> Array:
        """x (..., A) @ weights (A, C) + bias (..., C), freshly made."""
        ...

    def sigmoid(self, x: Array) -> Array:
        """1 / (1 + exp(-x)); overwrites x."""
        ...

    def logistic(self, x: Array) -> Array:
        """1 / (1 + exp(-x)), freshly made."""
        ...

    def exp(self, x: Array) -> Array:
        """Exponentials; overwrites x."""
        ...

    def mixed(self, *shares: tuple[float, Array]) -> Array:
        """Sums of numbers times arrays (B, C), or (1, C) but for the first, freshly made."""
        ...

    def apart(self, a: Array, b: Array) -> Array:
        """Row by row sums (B,) of the sizes of differences of (B, C) and (B or 1, C)."""
        ...

    def differentiated(self, x: Array) -> bool:
        """True when gradients with respect to x are wanted: then nothing may be overwritten."""
        ...

    def unrecorded(self, x: Array) -> AbstractContextManager[Any]:
        """Where nothing is recorded for gradients unless x is `differentiated`: small operations cost less there."""
        ...

    def recordable(self, x: Array) -> Array:
        """What was computed there, fit for a user's own gradients."""
        ...

    def blocks(self, rows: int, size: int = BLOCK) -> Iterator[slice]:
        """Slices of rows that are best worked on one after the other."""
        ...

    def parts(self, columns: Array) -> Iterator[Array]:
        """Views of columns (C, B), as many at a time as are best worked on: (..., C, b)."""
        ...

    def columns(self, table: Array, chosen: Array) -> Array:
        """table[:, chosen] (B, n) of (B, C)."""
        ...

    def stored(self, table: Array, rows: slice, new: Array) -> Array:
        """A table (B, ...) with new rows, those of a block: the table itself where it may be changed."""
        ...

    def affine_columns(self, table: Array, x: Array) -> Array:
        """table[:, :-1] (C, A) @ x (..., A, b) + table[:, -1:], freshly made, for x from `parts`."""
        ...

    def product(self, table: Array, x: Array) -> Array:
        """table (C, A) @ x (..., A, b), freshly made, for x from `parts`."""
        ...

    def dot(self, a: Array, b: Array) -> Array:
        """Row by row scalar products of (B, D) and (B or 1, D): (B,)."""
        ...


class NumpyArrays:
    """numpy on one machine's memory."""

    xp: Any = np
    compiled: bool = False

    def __init__(self, dtype: str = "float64") -> None:
        """Choose the working precision: `float64` or `float32`."""
        self.dtype: np.dtype[np.floating] = np.dtype(dtype)
        self.tiny, self.still, self.full = TOLERANCES[dtype]

    def floats(self, array: Any) -> Array:
        """As numbers of the working precision."""
        return np.asarray(array, dtype=self.dtype)

    def observation(self, array: Any) -> Array:
        """As float32."""
        return np.asarray(array, dtype=np.float32)

    def index(self, array: NDArray[np.int64]) -> Array:
        """The array itself."""
        return array

    def flags(self, array: NDArray[np.bool_]) -> Array:
        """The array itself."""
        return array

    def host(self, array: Array) -> NDArray[Any]:
        """The array itself."""
        return np.asarray(array)

    def copy(self, array: Array) -> Array:
        """A copy, without holes, row after row: of rows that were spread, numpy would keep the columns together."""
        return np.array(array, order="C")

    def affine(self, x: Array, weights: Array, bias: Array) -> Array:
        """x @ weights + bias."""
        return x @ weights + bias

    def sigmoid(self, x: Array) -> Array:
        """1 / (1 + exp(-x)) in place; x stays within +-50, so nothing overflows."""
        return self._logistic(x, x)

    def logistic(self, x: Array) -> Array:
        """1 / (1 + exp(-x))."""
        return self._logistic(x, np.empty_like(x))

    def _logistic(self, x: Array, out: Array) -> Array:
        # scipy's expit is one call; for many numbers four vectorised passes of numpy's are faster.
        if x.size < FEW:
            return expit(x, out=out)
        np.negative(x, out=out)
        np.exp(out, out=out)
        out += 1.0
        return np.divide(1.0, out, out=out)  # twice as fast as `reciprocal`, with the same bits

    def mixed(self, *shares: tuple[float, Array]) -> Array:
        """Term by term, with one array beside the result."""
        (share, first), *others = shares
        total = share * first
        for share, array in others:
            total += np.multiply(share, array, out=_beside(array))
        return total

    def apart(self, a: Array, b: Array) -> Array:
        """In one array."""
        away = np.subtract(a, b, out=_beside(a))
        return np.abs(away, out=away).sum(-1)

    def exp(self, x: Array) -> Array:
        """Exponentials in place."""
        return np.exp(x, out=x)

    def differentiated(self, x: Array) -> bool:
        """Never."""
        return False

    def unrecorded(self, x: Array) -> AbstractContextManager[Any]:
        """Nothing is recorded anywhere."""
        return nullcontext()

    def recordable(self, x: Array) -> Array:
        """The array itself."""
        return x

    def blocks(self, rows: int, size: int = BLOCK) -> Iterator[slice]:
        """Slices of as many rows as `size` says."""
        return (slice(start, start + size) for start in range(0, rows, size))

    def parts(self, columns: Array) -> Iterator[Array]:
        """`BLOCK` columns after `BLOCK` columns."""
        return (columns[:, block] for block in self.blocks(columns.shape[1]))

    def stored(self, table: Array, rows: slice, new: Array) -> Array:
        """Into the same memory: new memory of that size costs more than what is written there."""
        table[rows] = new
        return table

    def columns(self, table: Array, chosen: Array) -> Array:
        """`take` is twice as fast as an index, and the more so when it need not check."""
        return np.take(table, chosen, axis=1, mode="clip")

    def affine_columns(self, table: Array, x: Array) -> Array:
        """A row of ones costs less than adding to the product."""
        # `table @ x + bias` would write the product to memory and read it again.
        extended = np.ones((len(x) + 1, x.shape[1]), dtype=x.dtype)
        extended[:-1] = x
        return table @ extended

    def product(self, table: Array, x: Array) -> Array:
        """table @ x."""
        return table @ x

    def dot(self, a: Array, b: Array) -> Array:
        """Row by row scalar products."""
        return a @ b[0] if len(b) == 1 else np.einsum("bd,bd->b", a, b)


def _beside(array: NDArray[Any]) -> NDArray[Any]:
    """Memory for another array like this, the same for all of its shape."""
    return scratch(f"beside {array.shape}", array.shape, array.dtype)


def span(*tables: NDArray[Any]) -> slice:
    """From the first to the last column that is not 0 everywhere in tables (..., D)."""
    used = np.flatnonzero(np.concatenate(tables).any(0))
    return slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 0)


def padded(table: NDArray[Any]) -> NDArray[Any]:
    """A matrix with rows of zeros up to a multiple of `KERNEL`: products are faster with some of these than with a rest."""
    return np.pad(table, ((0, -len(table) % KERNEL), (0, 0)))


NUMPY = NumpyArrays()
