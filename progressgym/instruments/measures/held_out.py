"""Whether what was measured on some questions foretells the answers to others: the coherence of an instrument's key.

Leanings y_i between two poles are regressed on the key x_i (what each question says of each dimension) without one fold of the
questions, and the sign of the rest is foretold. Whoever has what the key speaks of is foretold; whoever answers at random, by
position, in circles or always the same is not, however sure it is.

Legend of shapes: N questions, D dimensions.
"""

from __future__ import annotations

import numpy as np

from progressgym.core.answers import Floats
from progressgym.instruments.fitness import FEWEST

FOLDS = 8
RIDGE = 0.1
"""Of a question's size: enough that a dimension with two questions has an answer."""
TINY = 1e-9


def held_out_accuracy(leanings: Floats, key: Floats) -> tuple[float, int]:
    """Share of questions whose leaning the others foretell, ties half, NaN of fewer than ten; and how many questions lean and
    have a key.

    Args:
        leanings: (N,) in [-1, 1], 0 for none.
        key: (N, D).

    >>> key = np.tile([[1.0], [-1.0]], (20, 1))
    >>> held_out_accuracy(0.5 * key[:, 0], key), held_out_accuracy(np.ones(40), key)
    ((1.0, 40), (0.5, 40))
    """
    counted = (np.abs(leanings) > TINY) & (np.abs(key).sum(1) > TINY)
    x, y = key[counted], leanings[counted]
    if len(y) < FEWEST:
        return float("nan"), len(y)
    foretold, fold = np.zeros(len(y)), (np.arange(len(y)) // 2) % FOLDS
    for out in range(FOLDS):
        rest = fold != out
        gram = x[rest].T @ x[rest] + RIDGE * np.eye(x.shape[1])
        foretold[~rest] = x[~rest] @ np.linalg.solve(gram, x[rest].T @ y[rest])
    right = np.where(np.abs(foretold) > TINY, np.sign(foretold) == np.sign(y), 0.5)
    return float(right.mean()), len(y)
