"""Weightings: places and winners that enumeration agrees with, tau that scipy agrees with, and nothing of units."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from progressgym.core.errors import UserError
from progressgym.scores.weighting import kendall, weightings

TABLES = st.integers(0, 10**6).map(lambda seed: np.random.default_rng(seed))


@settings(max_examples=25, deadline=None)
@given(rng=TABLES, agents=st.integers(2, 7), metrics=st.integers(1, 4), ties=st.booleans())
def test_every_weighting_that_is_tried_keeps_to_it(
    rng: np.random.Generator, agents: int, metrics: int, ties: bool
) -> None:
    table = rng.integers(0, 3, (agents, metrics)).astype(float) if ties else rng.normal(size=(agents, metrics))
    result = weightings(table)
    for weights in rng.dirichlet(np.full(metrics, 0.5), 200):
        score = table @ (weights + 1e-3)
        place = 1 + (score[None, :] > score[:, None] + 1e-9).sum(1)
        last = agents - (score[None, :] < score[:, None] - 1e-9).sum(1)
        assert (place >= result.best_place).all() and (last <= result.worst_place).all()
        first = np.flatnonzero(place == 1)
        if len(first) == 1 and np.sort(score)[-1] - np.sort(score)[-2] > 1e-3 * np.ptp(table):
            assert first[0] in result.winners
        if result.always is not None:
            assert score[result.always] >= score.max() - 1e-9
    for winner, weights in result.winners.items():
        score = ((table - table.min(0)) / np.where(np.ptp(table, axis=0) > 0, np.ptp(table, axis=0), 1)) @ weights
        assert (score[winner] > np.delete(score, winner)).all() and weights.sum() == pytest.approx(1)


def test_places_are_reached_by_some_score_that_rises_with_every_metric() -> None:
    """Four agents by two metrics: every order that respects dominance is one, so their extremes are the places."""
    table = np.array([[3.0, 1.0], [2.0, 3.0], [1.0, 0.0], [0.0, 2.0]])
    dominates = (table[:, None] >= table[None]).all(-1) & ~np.eye(4, dtype=bool)
    orders = [
        o for o in itertools.permutations(range(4)) if all(o.index(a) < o.index(b) for a, b in np.argwhere(dominates))
    ]
    places = np.array([[order.index(agent) + 1 for agent in range(4)] for order in orders])
    result = weightings(table)
    assert (places.min(0) == result.best_place).all() and (places.max(0) == result.worst_place).all()


@settings(max_examples=25, deadline=None)
@given(rng=TABLES)
def test_units_do_not_matter(rng: np.random.Generator) -> None:
    table = rng.normal(size=(5, 3))
    other = table * rng.uniform(0.01, 100, 3) + rng.normal(size=3)
    assert weightings(table).winners.keys() == weightings(other).winners.keys()
    assert np.allclose(kendall(table), kendall(other))


@settings(max_examples=25, deadline=None)
@given(rng=TABLES, ties=st.booleans())
def test_tau_is_scipys(rng: np.random.Generator, ties: bool) -> None:
    table = rng.integers(0, 3, (8, 3)).astype(float) if ties else rng.normal(size=(8, 3))
    for a, b in itertools.combinations(range(3), 2):
        assert kendall(table)[a, b] == pytest.approx(kendalltau(table[:, a], table[:, b]).statistic, nan_ok=True)


def test_one_thing_wins_and_nothing_is_refused() -> None:
    assert weightings([[1.0, 2.0]]).always == 0 and weightings([[1.0, 2.0]]).winners.keys() == {0}
    assert weightings([[1.0], [1.0]]).winners == {}, "nobody is alone first"
    for bad in ([], [[np.nan]], [1.0, 2.0], np.zeros((0, 3))):
        with pytest.raises(UserError):
            weightings(bad)
