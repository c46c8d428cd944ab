"""Weighted MaxSAT, exactly: which judgments to keep where some contradict each other.

    maximise sum of w_v over kept judgments v, such that every hard clause holds

A clause is a disjunction of literals; literal v + 1 says that judgment v is kept, -(v + 1) that it is not. At most 20
judgments, by enumeration: the 2^n assignments are all looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.answers import Bools
from progressgym.core.errors import UserError

MOST = 20
"""Judgments; 2^20 assignments take a tenth of a second."""
Clause = Sequence[int]


def maxsat(weights: ArrayLike, clauses: Iterable[Clause]) -> Bools:
    """Which judgments the best assignment keeps; of several equal ones the one that keeps the earlier judgments.

    Args:
        weights: (n,) of keeping each; a negative one is better not kept.
        clauses: hard ones, of literals.

    Returns:
        (n,).

    Raises:
        UserError: more than 20 judgments, weights that are not finite, a literal of no judgment, clauses that no assignment satisfies.

    >>> maxsat([2.0, 1.5, 1.0], [(-1, -2), (-1, -3)]).tolist()  # the first contradicts both others
    [False, True, True]
    """
    values = np.asarray(weights, dtype=np.float64).reshape(-1)
    count = len(values)
    if count > MOST:
        raise UserError(f"{count} judgments; at most {MOST} are weighed exactly")
    if not np.isfinite(values).all():
        raise UserError("a judgment has a weight that is NaN or infinite")
    assignments = _assignments(count)
    holds = np.ones(len(assignments), dtype=bool)
    for clause in clauses:
        if not all(0 < abs(literal) <= count for literal in clause):
            raise UserError(f"clause {tuple(clause)} speaks of a judgment that is none of 1 to {count}")
        satisfied = np.zeros(len(assignments), dtype=bool)
        for literal in clause:
            satisfied |= assignments[:, abs(literal) - 1] == (literal > 0)
        holds &= satisfied
    if not holds.any():
        raise UserError("the clauses contradict each other: no assignment satisfies them all")
    total = np.where(holds, assignments @ values, -np.inf)
    best: Bools = assignments[int(np.argmax(total >= total.max() - 1e-12))].copy()
    return best


def log_odds(accuracy: float) -> float:
    """Weight of a judgment that is right with a probability: log(p / (1 - p)), with p kept from 0 and 1.

    With these weights, and clauses between all judgments of different verdicts, MaxSAT is the vote that is most often right
    among independent judges.

    >>> round(log_odds(0.8), 3), log_odds(0.5)
    (1.386, 0.0)
    """
    share = min(max(accuracy, 0.01), 0.99)
    return float(np.log(share / (1.0 - share)))


def contradictions(verdicts: Sequence[int]) -> list[tuple[int, int]]:
    """Clauses by which no two judgments with different verdicts are both kept.

    >>> contradictions([0, 1, 0])
    [(-1, -2), (-2, -3)]
    """
    pairs = ((a, b) for a in range(len(verdicts)) for b in range(a + 1, len(verdicts)))
    return [(-(a + 1), -(b + 1)) for a, b in pairs if verdicts[a] != verdicts[b]]


@lru_cache(maxsize=MOST + 1)
def _assignments(count: int) -> NDArray[np.bool_]:
    """(2^n, n); the first keeps everything, so that ties keep the earlier judgments."""
    codes = np.arange(2**count - 1, -1, -1)
    table: NDArray[np.bool_] = (codes[:, None] >> np.arange(count - 1, -1, -1)) & 1 == 1
    table.setflags(write=False)
    return table
