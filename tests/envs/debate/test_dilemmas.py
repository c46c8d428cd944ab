"""Moral dilemmas before the values of a century."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.agents.debate.centuries import (
    all_dilemmas,
    debate_values,
    flip_matrix,
    regret_matrix,
    ruling_margins,
    sample_transcripts,
)
from progressgym.agents.debate.solver import additive_values
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.envs.debate.dilemmas import DilemmaDomain, ValueJudge, century_judges
from progressgym.histories.history import History

HISTORY = History.load("histsmol-v1")
DOMAIN = DilemmaDomain(HISTORY.instrument)
JUDGES = century_judges(DOMAIN, HISTORY)


def unit(dimension: str) -> ValueJudge:
    """A judge who values one thing."""
    return ValueJudge(DOMAIN, np.eye(len(DIMENSIONS))[DIMENSIONS.index(dimension)], dimension)


def test_with_everything_shown_the_judge_weighs_the_tags() -> None:
    """v times the tags of each option, where all tags are spoken of; either seat."""
    values = HISTORY.values()[4]
    judge = ValueJudge(DOMAIN, values, "C017")
    cases = all_dilemmas(DOMAIN)
    shown = np.ones((len(cases), 8), dtype=np.bool_)
    scores = judge.score(cases, shown)
    for row in range(0, len(cases), 37):
        i, a, b = DOMAIN.table[row].tolist()
        item = DOMAIN.instrument.items[i]
        if len(item.tags[a]) + len(item.tags[b]) > 8:
            continue
        expected = [sum(s * values[DIMENSIONS.index(d)] for d, s in item.tags[k].items()) for k in (a, b)]
        np.testing.assert_allclose(scores[row], expected, atol=1e-9)
    np.testing.assert_allclose(judge.score(cases.swapped(), shown), scores[:, ::-1])


def test_a_judge_hears_only_what_is_shown() -> None:
    judge = unit("promise")
    item = next(n for n, item in enumerate(DOMAIN.instrument.items) if item.id == "promise-13")
    cases = DOMAIN.dilemmas(np.array([item]), np.array([[0, 1]]))
    nothing = np.zeros((1, 8), dtype=np.bool_)
    assert judge.score(cases, nothing).tolist() == [[0.0, 0.0]]
    one = nothing.copy()
    one[0, 0] = True  # the first of two reasons for option 0: half of its tag
    assert judge.score(cases, one).tolist() == [[0.5, 0.0]]
    assert DOMAIN.text(cases, 0).about[0] == 0


def test_contributions_are_the_margin() -> None:
    rng = np.random.default_rng(0)
    cases = DOMAIN.cases(rng.random((300, 2)))
    shown = rng.random((300, 8)) < 0.5
    for judge in JUDGES[::4]:
        scores = judge.score(cases, shown)
        np.testing.assert_allclose(scores[:, 0] - scores[:, 1], (judge.contributions(cases) * shown).sum(1), atol=1e-9)


def test_debates_are_solved_alike_by_search_and_in_closed_form() -> None:
    cases = all_dilemmas(DOMAIN)[::5]
    values = debate_values(JUDGES[:2], cases, 4)
    for judge, row in zip(JUDGES[:2], values, strict=True):
        np.testing.assert_allclose(row, additive_values(judge.contributions(cases), 4), atol=1e-8)


def test_seats_and_draws_are_even() -> None:
    cases = DOMAIN.cases(np.random.default_rng(1).random((20_000, 2)))
    assert abs((cases.options[:, 0] < cases.options[:, 1]).mean() - 0.5) < 0.02
    assert len(np.unique(cases.states)) == len(DOMAIN.table) == 360 + 72 * 6


def test_neighbouring_centuries_rule_alike_and_distant_ones_less() -> None:
    """What the shipped history says: the share of different rulings grows with the distance in time."""
    values = debate_values(JUDGES, all_dilemmas(DOMAIN), 4)
    flips = flip_matrix(values)
    np.testing.assert_array_equal(np.diag(flips), 0.0)
    distance = np.abs(np.subtract.outer(np.arange(9), np.arange(9)))
    assert flips[distance == 1].mean() < flips[distance == 4].mean() < flips[distance == 8].mean()
    regret = regret_matrix(values)
    np.testing.assert_array_equal(np.diag(regret), 0.0)
    assert regret.min() >= 0.0 and regret.max() < 0.5
    assert regret[0, 8] > regret[7, 8]


def test_regret_by_hand() -> None:
    """Two judges disagree on the first of two dilemmas: 1 of 4 is at stake before judge 1, 2 of 3 before judge 0."""
    regret = regret_matrix(np.array([[2.0, 1.0], [-1.0, 3.0]]))
    np.testing.assert_allclose(regret, [[0.0, 1 / 4], [2 / 3, 0.0]])


def test_transcripts_are_the_same_for_everybody() -> None:
    first, again = (sample_transcripts(DOMAIN, 10, 3, 4, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first.revealed, again.revealed)
    assert first.revealed.shape == (30, 8) and (first.revealed.sum(1) == 4).all()
    assert len(np.unique(first.cases.states)) == 10
    assert ruling_margins(JUDGES[0], first).shape == (30,)
    with pytest.raises(UserError, match="1 to 432"):
        sample_transcripts(DOMAIN, 433, 1, 4)


def test_bad_input() -> None:
    with pytest.raises(UserError, match="19 finite values"):
        ValueJudge(DOMAIN, np.zeros(18), "short")
    with pytest.raises(UserError, match="19 finite values"):
        ValueJudge(DOMAIN, np.full(19, np.nan), "nan")
    with pytest.raises(UserError, match="not among the dilemmas"):
        DOMAIN.dilemmas(np.array([0]), np.array([[0, 2]]))
    with pytest.raises(UserError, match="the two of their dilemma"):
        DOMAIN.pairs(np.array([0]), np.array([[1, 2]]))
    with pytest.raises(UserError, match="dilemmas are 0 to 791"):
        DOMAIN.pairs(np.array([792]), np.array([[0, 1]]))
    few = DilemmaDomain(HISTORY.instrument, items=[3, 5])
    assert len(few.table) == 2 and few.name != DOMAIN.name
