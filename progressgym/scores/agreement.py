"""Agreement of answers, item by item: the utility of challenges that compare answers themselves, not their values.

The utility of a step is the mean over the scored items of 1 - the total-variation distance of two answers. Where the
reference agrees with itself, skill is then 1 - d / d(static) with d the mean distance. Legend of shapes: n steps, N
items, K options.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def agreement(answers: ArrayLike, goal: ArrayLike) -> Floats:
    """1 - total variation of the answers to every item, from 0 (nothing in common) to 1 (the same).

    Args:
        answers: (..., N, K).
        goal: (..., N, K).

    Returns:
        (..., N).

    >>> agreement([[1.0, 0.0]], [[0.25, 0.75]]).tolist()
    [0.25]
    """
    gap = np.abs(np.asarray(answers, dtype=np.float64) - np.asarray(goal, dtype=np.float64))
    agreed: Floats = 1.0 - gap.sum(-1) / 2
    return agreed


def agreement_utilities(mean: Floats, human: Floats, covered: NDArray[np.bool_] | None) -> Floats:
    """The utility: mean agreements (..., n, 1) as they are. They have been compared already, so the rest is not used."""
    utilities: Floats = np.asarray(mean, dtype=np.float64)[..., 0]
    return utilities
