"""Evidence: what comparisons say about each dimension, one number each.

    e_d = sum_q (2 y_q - 1) dPhi_qd / sum_q |dPhi_qd|,     dPhi = loadings of option a minus those of option b

Legend of shapes: Q comparisons, D = 19; leading axes are free.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.arrays import Array, padded, span

Floats = NDArray[np.float64]


def differences(loadings: Floats, pairs: NDArray[np.int64]) -> Floats:
    """dPhi (..., Q, D) of pairs (..., Q, 3): item, option a, option b."""
    difference: Floats = loadings[pairs[..., 0], pairs[..., 1]] - loadings[pairs[..., 0], pairs[..., 2]]
    return difference


def evidence_weights(difference: Floats) -> Floats:
    """Loading differences (..., Q, D) over their summed sizes; 0 where nothing was asked."""
    total = np.abs(difference).sum(-2, keepdims=True)
    weights: Floats = np.where(total > 0, difference / np.where(total > 0, total, 1.0), 0.0)
    return weights


def evidence(labels: Array, weights: Array) -> Array:
    """Evidence (..., D) of labels (..., Q) with weights (..., Q, D), multiplied as matrices are."""
    return (2.0 * labels - 1.0) @ weights


class Product:
    """Numbers (n, Q) times a table (Q, D) in two parts, each with the dimensions that its comparisons speak of.

    Items with two options and wider ones speak of different dimensions, and stand one after the other: cut there, a table
    loses half of its zeros.
    """

    def __init__(self, table: NDArray[Any]) -> None:
        """Cut where least is left to multiply."""
        there = table != 0
        before, behind = (np.logical_or.accumulate(side, 0).sum(1) for side in (there, there[::-1]))
        rows = np.arange(1, len(table) + 1)
        cut = 1 + int(np.argmin(rows * before + (len(table) - rows) * np.append(behind[::-1][1:], 0)))
        self._shape, self._parts = table.shape, []
        for part in (slice(cut), slice(cut, None)):
            dims = span(table[part])
            self._parts.append((part, dims, padded(table[part, dims].T).T.copy()))

    def __call__(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """(n, D)."""
        product = np.zeros((len(numbers), self._shape[1]), dtype=numbers.dtype)
        for part, dims, columns in self._parts:
            product[:, dims] += (numbers[:, part] @ columns)[:, : dims.stop - dims.start]
        return product


class VoteEvidence:
    """Evidence of votes on comparisons whose loading differences are whole numbers."""

    def __init__(self, differences: Floats) -> None:
        """Of loading differences (Q, D)."""
        whole = np.rint(differences)
        self._product = Product(whole.astype(np.float32))
        self._all, size = whole.sum(0), np.abs(whole).sum(0)
        self._size = np.where(size > 0, size, np.inf)

    def __call__(self, votes: NDArray[np.float32]) -> Floats:
        """(..., D) of votes (..., Q) of 0 and 1.

        Sums of whole numbers below 2**24 are exact in 32 bits, in which products cost half.
        """
        sums = self._product(votes.reshape(-1, votes.shape[-1])).astype(np.float64)
        shares: Floats = (2.0 * sums - self._all) / self._size
        return shares.reshape(*votes.shape[:-1], -1)
