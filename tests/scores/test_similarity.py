"""Cosine, drift cosine and dimension error against arithmetic that fits in a head and slow loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from progressgym.scores import cosine, dimension_error, drift_cosine, optional
from progressgym.scores.similarity import directions

Floats = NDArray[np.float64]
tables = arrays(np.float64, (3, 4), elements=st.floats(-2, 2, width=32))
masks = arrays(np.bool_, 4)


def slow_cosine(a: Floats, b: Floats, covered: NDArray[np.bool_]) -> float:
    pairs = [(float(x), float(y)) for x, y, keep in zip(a, b, covered, strict=True) if keep]
    one, two = math.sqrt(sum(x * x for x, _ in pairs)), math.sqrt(sum(y * y for _, y in pairs))
    return sum(x * y for x, y in pairs) / (one * two) if min(one, two) > 1e-12 else 0.0


@settings(deadline=None, max_examples=100)
@given(tables, tables, masks)
def test_cosine_agrees_with_loops(a: Floats, b: Floats, covered: NDArray[np.bool_]) -> None:
    expected = [slow_cosine(x, y, covered) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(cosine(a, b, covered), expected, atol=1e-12)


@settings(deadline=None, max_examples=50)
@given(tables, tables, masks)
def test_products_of_directions_are_cosines(a: Floats, b: Floats, covered: NDArray[np.bool_]) -> None:
    table = directions(a, covered) @ directions(b, covered).T
    expected = [[slow_cosine(x, y, covered) for y in b] for x in a]
    np.testing.assert_allclose(table, expected, atol=1e-12)


def test_directions_of_zeros_and_nan() -> None:
    found = directions([[0.0, 0.0], [math.nan, 1.0], [0.0, 2.0]])
    assert found[0].tolist() == [0.0, 0.0] and np.isnan(found[1]).all() and found[2].tolist() == [0.0, 1.0]
    assert directions([[3.0, 4.0]], covered=[False, True]).tolist() == [[0.0, 1.0]]


def test_three_four_five() -> None:
    """(3, 4) . (4, 3) = 24 over 5 * 5."""
    assert cosine([3.0, 4.0], [4.0, 3.0]) == pytest.approx(24 / 25)


def test_zero_vectors_are_similar_to_nothing() -> None:
    assert cosine([0.0, 0.0], [0.0, 0.0]) == 0.0
    assert cosine([1.0, 0.0], [5.0, 1.0], covered=[False, True]) == 0.0


def test_a_vector_is_exactly_its_own() -> None:
    v = np.random.default_rng(0).normal(size=(50, 19))
    assert (cosine(v, v) <= 1.0).all()
    np.testing.assert_allclose(cosine(v, v), 1.0, atol=1e-14)


def test_nan_stays_nan() -> None:
    assert math.isnan(float(cosine([math.nan, 1.0], [1.0, 1.0])))
    assert optional(cosine([math.nan, 1.0], [1.0, 1.0]).item()) is None


def test_drift_cosine_edges() -> None:
    start, target = [1.0, 0.0], [1.0, 1.0]
    assert drift_cosine([1.0, 2.0], start, target) == pytest.approx(1.0)
    assert drift_cosine(start, start, target) == 0.0, "the agent did not move"
    assert math.isnan(float(drift_cosine([1.0, 2.0], start, start))), "the human did not move"
    assert math.isnan(float(drift_cosine([1.0, 2.0], start, target, covered=[True, False])))


@settings(deadline=None, max_examples=50)
@given(tables, tables, masks)
def test_dimension_error_agrees_with_loops(a: Floats, b: Floats, covered: NDArray[np.bool_]) -> None:
    for x, y, found in zip(a, b, dimension_error(a, b, covered), strict=True):
        gaps = [abs(p - q) for p, q, keep in zip(x, y, covered, strict=True) if keep]
        assert found == pytest.approx(sum(gaps) / len(gaps) if gaps else 0.0)
