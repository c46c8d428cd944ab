"""Debates solved exactly: the anchors of the sepsis simulator, and small games by hand and by brute force."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.agents.debate.debaters import (
    Debater,
    GreedyDebater,
    MinimaxDebater,
    RandomDebater,
    ScriptedDebater,
    play,
)
from progressgym.agents.debate.measures import ExactAccuracy, exact_accuracy, persuasion, wins
from progressgym.agents.debate.sets import EvidenceSets, evidence_sets
from progressgym.agents.debate.solver import (
    additive_values,
    best_response,
    minimax,
    set_margins,
    solve,
    turn_order,
)
from progressgym.core.debate import Cases, Floats, random_evidence
from progressgym.core.errors import UserError
from progressgym.envs.debate.rules import Rules, correct
from progressgym.envs.debate.simulator import BayesJudge, SimulatorDomain
from progressgym.envs.debate.vector import VectorDebate
from tests.envs.debate.judges import SumDomain, SumJudge

TOLERANCE = 0.002


@lru_cache(maxsize=1)
def anchor() -> ExactAccuracy:
    domain = SimulatorDomain()
    cases, weights = domain.all_pairs()
    return exact_accuracy(domain, BayesJudge(domain), cases, weights, 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("isolated", 0.817),
        ("precommitted", 0.853),
        ("precommitted_confused", 0.700),
        ("maxmin", 0.744),
        ("maxmin_opening", 0.744),
        ("maxmin_replying", 0.745),
    ],
)
def test_anchor_of_the_simulator(name: str, value: float) -> None:
    """Corrected glucose rule, Bayes judge, four of seven pieces, pairs balanced over treatments."""
    assert getattr(anchor(), name) == pytest.approx(value, abs=TOLERANCE)


@pytest.mark.parametrize(("pieces", "value"), [(0, 0.500), (1, 0.595), (2, 0.647), (4, 0.701), (7, 0.749)])
def test_anchor_of_random_evidence(pieces: int, value: float) -> None:
    assert anchor().random[pieces] == pytest.approx(value, abs=TOLERANCE)


def test_what_the_anchor_says() -> None:
    """Evidence chosen by an advocate alone persuades beyond what it knows, and falls to a confuser; a debate does not."""
    found = anchor()
    ideal = found.random[-1]
    assert found.isolated > ideal and found.precommitted > ideal
    assert found.precommitted - found.precommitted_confused > 0.1
    assert 0.99 * ideal < found.maxmin < ideal
    assert found.maxmin > found.precommitted_confused


def test_persuasion_of_the_simulator() -> None:
    """Consultancy lies between its honest and its dishonest half; no greedy advocate beats the best set."""
    domain = SimulatorDomain()
    cases, weights = domain.all_pairs()
    found = persuasion(domain, BayesJudge(domain), cases, weights, 4)
    assert found.consultancy_wrong <= found.greedy_wrong < anchor().random[4] < found.greedy_honest
    assert found.consultancy == pytest.approx(0.636, abs=TOLERANCE)
    assert found.consultancy_wrong == pytest.approx(0.430, abs=TOLERANCE)
    assert 0.0 < found.can_be_persuaded < 1.0 and found.largest_wrong_margin > 1.0


def test_sampled_debates_agree_with_the_enumeration() -> None:
    """20000 drawn cases, exact players: the mean is within 4 standard errors of the expectation."""
    domain = SimulatorDomain()
    judge = BayesJudge(domain)
    games = VectorDebate(domain, judge, num_envs=20_000)
    games.reset(seed=0)
    right = correct(games.cases, play(games, (MinimaxDebater(judge), MinimaxDebater(judge))))
    assert abs(right.mean() - anchor().maxmin) < 4 * right.std() / np.sqrt(len(right))


def test_the_lattice() -> None:
    sets = EvidenceSets(8, 4)
    assert sets.count == 163 and [len(level) for level in sets.levels] == [1, 8, 28, 56, 70]
    for turn in range(4):
        level = sets.levels[turn]
        np.testing.assert_array_equal(sets.index(level, turn), np.arange(len(level)))
        for at, piece in zip(*np.nonzero(~level), strict=True):
            grown = level[at].copy()
            grown[piece] = True
            np.testing.assert_array_equal(sets.levels[turn + 1][sets.children[turn][at, piece]], grown)
    with pytest.raises(UserError, match="too many to solve exactly"):
        EvidenceSets(44, 6)


def brute_force(judge: SumJudge, cases: Cases, row: int, movers: list[int], shown: tuple[int, ...] = ()) -> float:
    """Minimax over sequences, by recursion."""
    if len(shown) == len(movers):
        revealed = np.zeros((1, cases.evidence.shape[1]), dtype=np.bool_)
        revealed[0, list(shown)] = True
        scores = judge.score(cases[np.array([row])], revealed)
        return float(scores[0, 0] - scores[0, 1])
    free = [piece for piece in range(cases.evidence.shape[1]) if piece not in shown]
    best = max if movers[len(shown)] == 0 else min
    return best(brute_force(judge, cases, row, movers, (*shown, piece)) for piece in free)


@pytest.mark.parametrize("order", ["alternating", "precommit", "solo"])
def test_minimax_is_brute_force(order: str) -> None:
    domain, judge = SumDomain(5), SumJudge()
    cases = domain.cases(np.random.default_rng(0).random((6, domain.draws)))
    rules = Rules(turns=4, order=order)
    openers = np.array([0, 1, 0, 1, 0, 1])
    solution = solve(judge, cases, rules, openers)
    movers = turn_order(rules, openers)
    for row in range(6):
        assert solution.value[row] == pytest.approx(brute_force(judge, cases, row, movers[:, row].tolist()))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), turns=st.sampled_from([2, 4, 6]), opener=st.integers(0, 1))
def test_additive_judges_are_solved_in_closed_form(seed: int, turns: int, opener: int) -> None:
    domain, judge = SumDomain(7), SumJudge()
    cases = domain.cases(np.random.default_rng(seed).random((4, domain.draws)))
    weights = np.where(cases.options[:, :1] == 0, 2.0, -2.0) * cases.evidence[..., 0].astype(np.float64)
    solution = solve(judge, cases, Rules(turns=turns), np.full(4, opener))
    np.testing.assert_allclose(additive_values(weights, turns), solution.value, atol=1e-9)


def random_games(seed: int) -> tuple[EvidenceSets, Floats]:
    """Payoffs by chance for every set of 4 of 6: games without any structure."""
    sets = evidence_sets(6, 4)
    return sets, np.random.default_rng(seed).normal(size=(20, len(sets.levels[4])))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), opener=st.integers(0, 1))
def test_best_responses(seed: int, opener: int) -> None:
    """Against exact play nobody gains; against any other play nobody does worse than the value. Signs commute."""
    sets, finals = random_games(seed)
    movers = turn_order(Rules(turns=4), np.full(20, opener))
    solution = minimax(finals, sets, movers)
    for side, sign in ((0, 1.0), (1, -1.0)):
        against_exact = best_response(finals, sets, movers, side, solution.choices)
        np.testing.assert_allclose(against_exact.value, solution.value)
        chance = [np.where(level, 0.0, 1.0) / (~level).sum(1, keepdims=True) for level in sets.levels[:-1]]
        policy = [np.repeat(table[None], 20, axis=0) for table in chance]
        exploited = best_response(finals, sets, movers, side, policy)
        assert (sign * exploited.value <= sign * solution.value + 1e-9).all()
    np.testing.assert_array_equal(minimax(np.sign(finals), sets, movers).value, np.sign(solution.value))


def test_changed_seats_change_the_sign_of_the_value() -> None:
    domain = SimulatorDomain()
    judge = BayesJudge(domain)
    cases = domain.cases(np.random.default_rng(1).random((200, 4)))
    plain = solve(judge, cases, Rules(), np.zeros(200, dtype=np.int64)).value
    changed = solve(judge, cases.swapped(), Rules(), np.ones(200, dtype=np.int64)).value
    np.testing.assert_allclose(plain, -changed)


def test_debaters_by_strength() -> None:
    """Before an additive judge greedy play is exact, and beats random play; a script is followed."""
    domain, judge = SumDomain(8), SumJudge()

    def mean_win(first: Debater, second: Debater) -> float:
        games = VectorDebate(domain, judge, num_envs=4000)
        games.reset(seed=3)
        return float(wins(play(games, (first, second))).mean())

    exact, greedy = MinimaxDebater(judge), GreedyDebater(judge)
    fair = mean_win(exact, MinimaxDebater(judge))
    assert mean_win(greedy, MinimaxDebater(judge)) == pytest.approx(fair)
    assert mean_win(exact, RandomDebater(0)) > 0.7 > mean_win(RandomDebater(0), RandomDebater(1)) > 0.3
    games = VectorDebate(domain, judge, num_envs=2, rules=Rules(order="solo"))
    games.reset(seed=0)
    advocate = ScriptedDebater(np.arange(8.0))
    play(games, (advocate, advocate))
    assert games.shown.tolist() == [[7, 6, 5, 4]] * 2
    with pytest.raises(UserError, match="have begun"):
        play(games, (advocate, advocate))


def test_an_exact_debater_forgets_other_debates() -> None:
    """The same cases with the other opener, or with other rules, are other debates."""
    domain = SimulatorDomain()
    judge = BayesJudge(domain)
    cases = domain.cases(np.random.default_rng(0).random((300, 4)))
    debater = MinimaxDebater(judge)
    for opener, turns in ((0, 4), (1, 4), (0, 2), (0, 4)):
        openers = np.full(300, opener, dtype=np.int64)
        games = VectorDebate(domain, judge, num_envs=300, rules=Rules(turns=turns))
        games.reset(cases=cases, openers=openers)
        expected = solve(judge, cases, games.rules, openers).value
        np.testing.assert_allclose(play(games, (debater, debater)), expected)


def test_random_evidence_is_even() -> None:
    revealed = random_evidence(np.random.default_rng(0).random((20_000, 5)), 2)
    assert (revealed.sum(1) == 2).all()
    np.testing.assert_allclose(revealed.mean(0), 0.4, atol=0.02)


def test_set_margins_ask_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    domain, judge = SumDomain(6), SumJudge()
    cases = domain.cases(np.random.default_rng(0).random((9, domain.draws)))
    whole = set_margins(judge, cases, evidence_sets(6, 4), 4)
    monkeypatch.setattr("progressgym.agents.debate.solver.CHUNK", 30)
    np.testing.assert_array_equal(whole, set_margins(judge, cases, evidence_sets(6, 4), 4))
