"""Pareto fronts: what is ranked by two numbers at once, because neither may be traded for the other unseen."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def fronts(points: ArrayLike) -> NDArray[np.int64]:
    """Which front every point lies on: 1 where no other is as good in all and better in one, and so on inward.

    Args:
        points: (M, C) criteria, more is better in each. A point with a NaN is on no front.

    Returns:
        (M,) numbers from 1; 0 for a point with a NaN. Equal points share a front.

    >>> fronts([[0.9, -0.5], [0.5, -0.1], [0.4, -0.6]]).tolist()
    [1, 1, 2]
    """
    table = np.asarray(points, dtype=np.float64)
    rank = np.zeros(len(table), dtype=np.int64)
    if not table.size:
        return rank
    left = np.atleast_1d(np.isfinite(table).all(axis=1))
    as_good = (table[:, None] >= table[None, :]).all(-1)
    better = as_good & (table[:, None] > table[None, :]).any(-1)
    front = 0
    while left.any():
        front += 1
        beaten = (better & left[:, None]).any(0)
        rank[left & ~beaten] = front
        left &= beaten
    return rank
