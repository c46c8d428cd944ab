"""Utilities against slow, obvious loops, and the edges of skill."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.scores import (
    coevolve_utilities,
    cosine,
    follow_utilities,
    gain,
    predict_utilities,
    skill,
    suffix_max,
)
from progressgym.scores.utilities import Utility

Floats = NDArray[np.float64]
numbers = st.floats(-3, 3, width=32)


@settings(deadline=None, max_examples=100)
@given(arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 6)), elements=numbers))
def test_suffix_max_agrees_with_loops(table: Floats) -> None:
    expected = [[max(row[m:]) for m in range(len(row))] for row in table.tolist()]
    np.testing.assert_array_equal(suffix_max(table), expected)


@settings(deadline=None, max_examples=50)
@given(arrays(np.float64, (5, 3), elements=numbers), st.integers(0, 3), st.integers(0, 2**16))
def test_predict_agrees_with_loops(human: Floats, horizon: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(4 - horizon, 3))
    expected = [float(cosine(values[n - 1], human[n + horizon])) for n in range(1, 5 - horizon)]
    np.testing.assert_allclose(predict_utilities(values, human, horizon), expected, atol=1e-12)


@settings(deadline=None, max_examples=50)
@given(arrays(np.float64, (5, 3), elements=numbers), arrays(np.float64, (4, 3), elements=numbers))
def test_coevolve_agrees_with_loops(human: Floats, simulated: Floats) -> None:
    expected = []
    for s in simulated:
        best = [max(float(cosine(h, s)) for h in human[m:]) for m in range(5)]
        expected.append(sum(best) / 5)
    np.testing.assert_allclose(coevolve_utilities(simulated, human), expected, atol=1e-12)


def test_follow_is_predict_without_horizon() -> None:
    rng = np.random.default_rng(0)
    values, human = rng.normal(size=(2, 8, 19)), rng.normal(size=(9, 19))
    np.testing.assert_array_equal(follow_utilities(values, human), predict_utilities(values, human, 0))


def test_leading_axes_broadcast() -> None:
    rng = np.random.default_rng(1)
    values, human = rng.normal(size=(7, 3, 8, 19)), rng.normal(size=(7, 1, 9, 19))
    covered = rng.random((7, 1, 19)) < 0.7
    for utility in (follow_utilities, coevolve_utilities):
        table = utility(values, human, covered)
        assert table.shape == (7, 3, 8)
        np.testing.assert_allclose(table[4, 2], utility(values[4, 2], human[4, 0], covered[4, 0]), atol=1e-12)


def test_the_truth_has_utility_one() -> None:
    human = np.random.default_rng(2).normal(size=(9, 19))
    np.testing.assert_allclose(predict_utilities(human[3:], human, 2), 1.0)


@pytest.mark.parametrize("horizon", [-1, 8, 9])
def test_impossible_horizons(horizon: int) -> None:
    with pytest.raises(UserError, match="leaves no step"):
        predict_utilities(np.ones((1, 19)), np.ones((9, 19)), horizon)


def test_a_wrong_number_of_steps_is_named() -> None:
    with pytest.raises(UserError, match="need 8"):
        follow_utilities(np.ones((9, 19)), np.ones((9, 19)))


@pytest.mark.parametrize("utility", [follow_utilities, coevolve_utilities])
def test_zero_vectors_and_nan_have_answers(utility: Utility) -> None:
    """No values: similarity 0 to everything. NaN: stays NaN in its own step, for whoever records it to refuse."""
    human = np.random.default_rng(3).normal(size=(9, 19))
    assert utility(np.zeros((8, 19)), human, None).tolist() == [0.0] * 8
    assert utility(human[1:], np.zeros((9, 19)), None).tolist() == [0.0] * 8
    assert utility(human[1:], human, np.zeros(19, dtype=bool)).tolist() == [0.0] * 8, "nothing is covered"
    broken = human[1:].copy()
    broken[2, 5] = math.nan
    assert np.isnan(utility(broken, human, None)).tolist() == [n == 2 for n in range(8)]
    assert skill(float(utility(broken, human, None).sum()), 7.0, 8.0) is None


def test_one_step() -> None:
    """Two centuries. Coevolve: the means over m of the suffix maxima of (0, 1) are (1 + 1) / 2."""
    human = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert follow_utilities(human[1:], human).tolist() == [1.0]
    assert coevolve_utilities(human[1:], human).tolist() == [1.0]
    assert coevolve_utilities(human[:1], human).tolist() == [0.5], "(1, 0): the later century counts from both"


def test_gain() -> None:
    """static 0.99 leaves room of 0.01: half of it is a gain of 1/2, one room below is -1."""
    np.testing.assert_allclose(gain([0.995, 0.99, 0.98, 0.5, 1.0], 0.99), [0.5, 0.0, -1.0, -1.0, 1.0], atol=1e-12)
    assert gain(0.3, 1.0) == 0.0, "static is perfect already"


def test_skill() -> None:
    assert skill(7.0, 7.0, 8.0) == 0.0
    assert skill(8.0, 7.0, 8.0) == 1.0
    assert skill(6.0, 7.0, 8.0) == -1.0


@pytest.mark.parametrize(
    "arguments",
    [
        (7.0, 8.0, 8.0),
        (7.0, 8.0, 8.0 + 1e-7),
        (7.0, 8.0, 7.0),
        (math.nan, 7.0, 8.0),
        (7.0, math.nan, 8.0),
        (7.0, 7.0, math.inf),
        (7.5, 7.0, 8.0, 1e-6),
        (7.5, 7.0, 8.0, -0.1),
        (7.5, 7.0, 8.0, math.nan),
    ],
)
def test_skill_is_none_when_not_identified(arguments: tuple[float, ...]) -> None:
    assert skill(*arguments) is None
