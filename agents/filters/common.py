"""The common course: how far an item moves when the whole questionnaire drifts one way.

Items on which people part in the same direction hang together: whoever upholds purity in one tends to uphold authority in
another. That direction is in the questionnaire itself, as the main axis of its loadings (the first principal component of
all options), and no answer is needed to find it. Fifty years of people drift along it more than in any other direction
(docs/agents/kalman.md), and alike in items of few and of many tags. So its pull on an item is put at one unit between the
item's two ends, whatever the size of the loadings.

Which way it goes is left to the evidence: the prior is symmetric.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from progressgym.instruments.questionnaire import Questionnaire

Floats = NDArray[np.float64]
FLAT = 1e-9
"""An item whose options differ by less along the axis takes no part."""


def common_course(instrument: Questionnaire) -> Floats:
    """(N, K) where the options of each item stand along the questionnaire's main axis.

    Centred over an item's options; its ends are 1 apart, or all are 0 where the item has no part in the axis.
    """
    return course_of(instrument.loadings, instrument.mask)


def course_of(loadings: Floats, mask: NDArray[np.bool_]) -> Floats:
    """The same of loadings (N, K, D) and a mask (N, K) of the real options."""
    flat = loadings.reshape(-1, loadings.shape[-1])
    axis = np.linalg.eigh(flat.T @ flat)[1][:, -1]
    along = np.where(mask, loadings @ axis, 0.0)
    centred = np.where(mask, along - (along.sum(1) / mask.sum(1))[:, None], 0.0)
    ends = np.where(mask, along, -np.inf).max(1) - np.where(mask, along, np.inf).min(1)
    moves = ends > FLAT
    course: Floats = np.where(moves[:, None], centred / np.where(moves, ends, 1.0)[:, None], 0.0)
    return course
