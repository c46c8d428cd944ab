"""Exact MaxSAT: the best assignment, ties, refusals; and that calibrated weights repair a judge as the vote does."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.core.errors import UserError
from progressgym.raters.maxsat import contradictions, log_odds, maxsat

CLAUSES = st.lists(st.lists(st.integers(-5, 5).filter(bool), min_size=1, max_size=3), max_size=5)


@settings(max_examples=60, deadline=None)
@given(weights=st.lists(st.floats(-2, 2), min_size=5, max_size=5), clauses=CLAUSES)
def test_nothing_is_better(weights: list[float], clauses: list[list[int]]) -> None:
    allowed = [
        kept
        for kept in itertools.product((True, False), repeat=5)
        if all(any(kept[abs(x) - 1] == (x > 0) for x in clause) for clause in clauses)
    ]
    if not allowed:
        with pytest.raises(UserError, match="contradict"):
            maxsat(weights, clauses)
        return
    best = maxsat(weights, clauses)
    assert tuple(best.tolist()) in allowed
    assert np.dot(best, weights) == pytest.approx(max(np.dot(kept, weights) for kept in allowed), abs=1e-9)


def test_ties_keep_the_earlier_and_twenty_are_enough() -> None:
    assert maxsat([1.0, 1.0], [(-1, -2)]).tolist() == [True, False]
    assert maxsat(np.ones(20), [(-1,)]).sum() == 19
    assert maxsat([], []).tolist() == []


@pytest.mark.parametrize(
    ("weights", "clauses", "message"),
    [
        (np.ones(21), [], "at most 20"),
        ([np.nan], [], "NaN"),
        ([1.0], [(2,)], "none of 1 to 1"),
        ([1.0], [(0,)], "none of 1 to 1"),
        ([1.0], [(1,), (-1,)], "contradict"),
    ],
)
def test_refusals(weights: list[float], clauses: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        maxsat(weights, clauses)


@pytest.mark.parametrize("judge", [0.622, 0.737, 0.903])
def test_calibrated_weights_are_not_below_the_vote_nor_the_published_ones(judge: float) -> None:
    """One judge, one to three rules right 80 %, three constituents right 70 %, 600 cases: weights 8, 3, 1 trust a weak judge too
    much (.810 against a vote's .905 with a judge of .737, other draws); log-odds of the accuracy do not."""
    rng = np.random.default_rng(round(1000 * judge))
    right = {"8, 3, 1": 0, "vote": 0, "calibrated": 0}
    for _ in range(600):
        truth, rules = int(rng.integers(2)), int(rng.integers(1, 4))
        accuracy = np.array([judge, *[0.8] * rules, *[0.7] * 3])
        said = np.where(rng.random(len(accuracy)) < accuracy, truth, 1 - truth)
        weights = {
            "8, 3, 1": np.array([8.0, *[3.0] * rules, 1.0, 1.0, 1.0]),
            "vote": np.ones(len(said)),
            "calibrated": np.array([log_odds(x) for x in accuracy]),
        }
        for name, each in weights.items():
            kept = maxsat(each, contradictions(said.tolist()))
            right[name] += int(said[kept][0] == truth)
    share = {name: count / 600 for name, count in right.items()}
    assert share["8, 3, 1"] > judge, "rules repair a lone judge"
    assert share["calibrated"] >= share["vote"] - 0.01 and share["calibrated"] > share["8, 3, 1"] - 0.01
    assert judge > 0.9 or share["calibrated"] > share["8, 3, 1"] + 0.03
