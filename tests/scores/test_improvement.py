"""Interquartile mean and probability of improvement: by hand, against loops, and against the library `rliable`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from rliable import metrics

from progressgym.core.errors import UserError
from progressgym.scores import interquartile_mean, probability_of_improvement
from progressgym.scores.improvement import RunDraws, improvement_interval, interquartile_interval

Floats = NDArray[np.float64]
tables = arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 4)), elements=st.floats(-5, 5, width=16))


def steady(*runs: list[float], resamples: int = 200) -> list[RunDraws]:
    """Histories whose runs are the same on every resample of the items: only runs are drawn anew, as in `rliable`."""
    return [RunDraws(scores=np.tile(np.array(one), (resamples + 1, 1))) for one in runs]


def test_interquartile_mean_by_hand() -> None:
    """Of eight scores the two lowest and two highest are left out: (2 + 3 + 4 + 5) / 4."""
    assert interquartile_mean([-100.0, 1, 2, 3, 4, 5, 6, 1000]) == 3.5
    assert interquartile_mean([1.0, float("nan"), 3.0]) == 2.0
    assert interquartile_mean([7.0]) == 7.0
    assert interquartile_mean([]) is None
    assert interquartile_mean([float("nan")]) is None


def test_probability_of_improvement_by_hand() -> None:
    """{1, 2} against {0, 1}: of four pairs three are won and one is a tie."""
    assert probability_of_improvement([1.0, 2.0], [0.0, 1.0]) == 3.5 / 4
    assert probability_of_improvement([2.0, 3.0], [1.0]) == 1.0
    assert probability_of_improvement([1.0], [1.0]) == 0.5
    assert probability_of_improvement([float("nan")], [1.0]) is None


@settings(deadline=None, max_examples=60)
@given(tables)
def test_interquartile_mean_is_that_of_rliable(table: Floats) -> None:
    assert interquartile_mean(table) == pytest.approx(float(metrics.aggregate_iqm(table)), abs=1e-12)
    columns = steady(*table.T.tolist(), resamples=3)
    assert interquartile_interval(columns).mid == pytest.approx(float(metrics.aggregate_iqm(table)), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(tables, st.integers(1, 6), st.integers(0, 1000))
def test_probability_of_improvement_is_that_of_rliable(ours: Floats, runs: int, seed: int) -> None:
    theirs = np.random.default_rng(seed).choice(ours.ravel(), size=(runs, ours.shape[1]))
    expected = float(metrics.probability_of_improvement(ours, theirs))
    found = improvement_interval(steady(*ours.T.tolist(), resamples=3), steady(*theirs.T.tolist(), resamples=3))
    assert found.mid == pytest.approx(expected, abs=1e-12)
    slow = [[(a > b) + (a == b) / 2 for a in ours[:, k] for b in theirs[:, k]] for k in range(ours.shape[1])]
    assert expected == pytest.approx(np.mean([np.mean(pairs) for pairs in slow]))


def test_intervals_hold_their_estimate_and_shrink_with_runs() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.normal(size=5).tolist(), rng.normal(size=80).tolist()
    wide, narrow = interquartile_interval(steady(few)), interquartile_interval(steady(many))
    assert wide.low < wide.mid < wide.high and narrow.high - narrow.low < wide.high - wide.low
    chance = improvement_interval(steady(many), steady([x - 0.5 for x in many]))
    assert 0.5 < chance.low <= chance.mid <= chance.high <= 1.0


def test_items_count_where_runs_are_all_equal() -> None:
    """A deterministic agent that is ahead on the data and on two of three resamples: 1.0, but not with certainty."""
    ours = np.repeat(np.array([1.0, 1.0, 1.0, -1.0] * 50)[:, None], 5, 1)
    found = improvement_interval([RunDraws(scores=ours)], [RunDraws(scores=np.zeros((200, 5)))])
    assert (found.low, found.mid, found.high) == (0.0, 1.0, 1.0)


def test_one_run_on_one_history() -> None:
    found = interquartile_interval(steady([0.4]))
    assert (found.low, found.mid, found.high) == pytest.approx((0.4, 0.4, 0.4))


def test_misfits_are_named() -> None:
    with pytest.raises(UserError, match="at least one history"):
        interquartile_interval([])
    with pytest.raises(UserError, match="equally many resamples"):
        interquartile_interval([*steady([1.0]), *steady([1.0], resamples=3)])
    with pytest.raises(UserError, match="2 histories of one agent against 1"):
        improvement_interval(steady([1.0], [2.0]), steady([1.0]))
