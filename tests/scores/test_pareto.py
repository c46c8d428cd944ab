"""Pareto fronts against a slow definition, and their edges."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from progressgym.scores.pareto import fronts

points = arrays(np.float64, st.tuples(st.integers(0, 8), st.just(2)), elements=st.integers(-2, 2).map(float))


def slow_fronts(table: list[list[float]]) -> list[int]:
    """Take away whatever nobody beats, again and again."""
    rank = [0] * len(table)
    left, front = set(range(len(table))), 0
    while left:
        front += 1
        unbeaten = set()
        for k in left:
            a = table[k]
            beaten = any(all(y >= x for x, y in zip(a, table[j], strict=True)) and table[j] != a for j in left)
            if not beaten:
                unbeaten.add(k)
        for k in unbeaten:
            rank[k] = front
        left -= unbeaten
    return rank


@settings(deadline=None, max_examples=100)
@given(points)
def test_agrees_with_taking_fronts_away(table: NDArray[np.float64]) -> None:
    assert fronts(table).tolist() == slow_fronts(table.tolist())


def test_equal_points_share_a_front() -> None:
    assert fronts([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]).tolist() == [1, 1, 2]


def test_nan_is_on_no_front_and_beats_nobody() -> None:
    assert fronts([[np.nan, 9.0], [0.0, 0.0], [9.0, np.nan]]).tolist() == [0, 1, 0]


def test_nothing_to_rank() -> None:
    assert fronts(np.zeros((0, 2))).tolist() == []
