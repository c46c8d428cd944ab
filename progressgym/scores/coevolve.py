"""The utility of Coevolve: how much a simulated human came to resemble later centuries.

Source: ProgressGym (arXiv 2406.20087), table 2. Legend of shapes as in `progressgym.scores.utilities`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.scores.similarity import directions
from progressgym.scores.utilities import per_step, suffix_max

Floats = NDArray[np.float64]


def coevolve_utilities(simulated: ArrayLike, human: ArrayLike, covered: ArrayLike | None = None) -> Floats:
    """Coevolve: mean over m = 0..T-1 of the largest sim(h_j, v(s_n)) with j >= m, so later centuries count more.

    Args:
        simulated: (..., S, D) values of the simulated human after each of S steps.
        human: (..., T, D) values of the real path.
        covered: (..., D) bool.

    Returns:
        (..., S) utilities.
    """
    keep = per_step(covered)
    s, h = directions(simulated, keep), directions(human, keep)
    similarity = np.clip(np.matmul(s, np.swapaxes(h, -1, -2)), -1.0, 1.0)
    utilities: Floats = suffix_max(similarity).mean(-1)
    return utilities
