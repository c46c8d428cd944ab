"""The three score definitions of the original ProgressGym, each with its own best possible value.

Numbers of our runs on these scales are on the same scale but come from another instrument and other models: they are
not comparable with the paper's. Re-scoring one of the paper's own result files is.
Sources: arXiv 2406.20087 (table 2, algorithms 3 to 5) and `src/evaluation/metric.py` of its code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.errors import UserError
from progressgym.scores.similarity import cosine
from progressgym.scores.utilities import suffix_max

Floats = NDArray[np.float64]


def follow_sum(human: ArrayLike, values: ArrayLike) -> float:
    """Sum of cosines, best value S (8 for eight snapshots): the published Follow score.

    Args:
        human: (T, D) human values, aligned with `values` at the end when longer.
        values: (S, D) the agent's snapshots, S <= T.
    """
    h, v = _aligned(human, values)
    return float(cosine(v, h).sum())


def code_sum_of_maxes(human: ArrayLike, values: ArrayLike) -> float:
    """The published Predict and Coevolve scores as the code computed them; best S (S + 1) / 2: 36 for 8, 45 for 9.

    With d_i = sum over j >= i of cos(h_j, v_i), the score is the sum over i of max over i' >= i of d_i'.

    Args:
        human: (T, D) human values, aligned with `values` at the end when longer.
        values: (S, D) the agent's (Coevolve: the simulated human's) snapshots.
    """
    h, v = _aligned(human, values)
    table = cosine(v[:, None, :], h[None, :, :])
    later = np.triu(np.ones_like(table))
    return float(suffix_max((table * later).sum(1)).sum())


def table2_double_sum(human: ArrayLike, values: ArrayLike) -> float:
    """The formula printed in the paper's table 2: sum over n, m of max over k >= m of cos(h_k, v_n).

    Best value S * T: 72 for eight snapshots and nine centuries.

    Args:
        human: (T, D) values of every century.
        values: (S, D) the agent's (Coevolve: the simulated human's) snapshots.
    """
    h, v = _checked(human, values)
    return float(suffix_max(cosine(v[:, None, :], h[None, :, :])).sum())


def best_values(snapshots: int, centuries: int) -> dict[str, float]:
    """Best possible value of each scale.

    >>> best_values(8, 9)
    {'follow_sum': 8.0, 'code_sum_of_maxes': 36.0, 'table2_double_sum': 72.0}
    """
    return {
        "follow_sum": float(snapshots),
        "code_sum_of_maxes": snapshots * (snapshots + 1) / 2,
        "table2_double_sum": float(snapshots * centuries),
    }


def _checked(human: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats]:
    h, v = np.asarray(human, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if h.ndim != 2 or v.ndim != 2 or h.shape[1] != v.shape[1]:
        raise UserError(f"human values {h.shape} and agent values {v.shape} must be tables with the same columns")
    return h, v


def _aligned(human: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats]:
    h, v = _checked(human, values)
    if len(v) > len(h):
        raise UserError(f"{len(v)} agent snapshots but only {len(h)} centuries of human values")
    return h[len(h) - len(v) :], v
