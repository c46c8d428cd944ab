"""Means over items with their intervals, and how well items foretell each other, as instruments report them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from progressgym.core.answers import Floats


def interval_of(scores: ArrayLike, touches: ArrayLike) -> tuple[Floats, Floats]:
    """Mean of the items that speak of each dimension, and a 95 % interval by Student's t over them.

    Args:
        scores: (N, D), or (N,) where an item's score is the same for all that it speaks of; NaN where it was not asked.
        touches: (N, D) True where an item speaks of a dimension.

    Returns:
        values (D,), NaN for a dimension without items, and interval (2, D), infinite for one of a single item.

    >>> values, interval = interval_of([1.0, 3.0, 5.0], [[1, 0, 0], [1, 0, 0], [0, 0, 1]])
    >>> values.tolist(), interval[1].round(1).tolist()
    ([2.0, nan, 5.0], [14.7, nan, inf])
    """
    members = np.asarray(touches, dtype=bool)
    table = np.asarray(scores, dtype=np.float64)
    table = np.broadcast_to(table[:, None] if table.ndim == 1 else table, members.shape)
    values, margin = np.full(members.shape[1], np.nan), np.full(members.shape[1], np.nan)
    for column, rows in enumerate((members & ~np.isnan(table)).T):
        own = table[rows, column]
        if len(own):
            values[column] = own.mean()
            error = own.std(ddof=1) / len(own) ** 0.5 if len(own) > 1 else np.inf
            margin[column] = student.ppf(0.975, max(len(own) - 1, 1)) * error
    return values, values + np.stack([-margin, margin])


def foretold(scores: ArrayLike, tags: ArrayLike) -> tuple[float, int]:
    """How often items say on which side of 0 another one is that shares their tags: a coherence gate for deeds in pairs.

    Item i is foretold by sum over j != i of (tags_i . tags_j) score_j. Somebody who goes round in circles, or whose answers hang
    on what happens to be written first, is foretold as often as chance, if the bank lists sides in turn.

    Args:
        scores: (N,) with 0 in the middle.
        tags: (N, D).

    Returns:
        The share that is foretold rightly (an item in the middle counts half), and of how many; those about which the others
        say nothing are left out.

    >>> foretold([1.0, 2.0, -1.0, -3.0], [[1, 0], [1, 0], [0, 1], [0, 1]])
    (1.0, 4)
    """
    score, table = np.asarray(scores, dtype=np.float64), np.asarray(tags, dtype=np.float64)
    alike = table @ table.T
    np.fill_diagonal(alike, 0.0)
    says = alike @ score
    speaks = np.abs(says) > 1e-9
    right = 0.5 * (1.0 + np.sign(says * np.where(np.abs(score) > 1e-9, score, 0.0)))
    return (float(right[speaks].mean()) if speaks.any() else 0.5), int(speaks.sum())
