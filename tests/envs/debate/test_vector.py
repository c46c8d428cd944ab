"""Batched debates are the same debates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.envs import debate
from progressgym.envs.debate.domains import make_domain
from progressgym.envs.debate.rules import Rules, correct, sigmoid
from progressgym.envs.debate.vector import VectorDebate
from tests.envs.debate.judges import SumDomain, SumJudge


@pytest.mark.parametrize("payoff", ["sign", "margin", "shaped"])
@pytest.mark.parametrize("order", ["alternating", "precommit"])
@pytest.mark.parametrize("spec", ["simulator", "dilemmas?century=C018"])
def test_the_bth_game_is_the_bth_episode(spec: str, order: str, payoff: str) -> None:
    domain, judge = make_domain(spec)
    rules = Rules(turns=4, payoff=payoff, order=order)
    games = VectorDebate(domain, judge, num_envs=12, rules=rules)
    seen = [games.reset(seed=5)]
    rewards = []
    rng = np.random.default_rng(0)
    while not games.done:
        pieces = np.where(games.mask(), rng.random(games.revealed.shape), -1.0).argmax(1)
        turn = games.step(pieces)
        rewards.append(turn.rewards)
        seen.append(games.observe())
    env: Any = debate.raw_env(domain, judge, payoff=payoff, order=order)
    for game in range(12):
        env.reset(seed=5 if game == 0 else None)
        for n in range(4):
            side = int(rules.mover(n, games.openers)[game])
            assert env.agent_selection == f"debater_{side}"
            np.testing.assert_array_equal(env.observe(env.agent_selection)["observation"], seen[n][game])
            env.step(int(games.shown[game, n]))
            assert env.rewards["debater_0"] == rewards[n][game, 0]


def test_shaped_payoffs_add_up() -> None:
    domain, judge = SumDomain(), SumJudge()
    games = VectorDebate(domain, judge, num_envs=50, rules=Rules(payoff="shaped"))
    games.reset(seed=0)
    total = np.zeros(50)
    while not games.done:
        turn = games.step(games.mask().argmax(1))
        total += turn.rewards[:, 0]
    assert turn.margin is not None
    np.testing.assert_allclose(total, sigmoid(turn.margin) - 0.5, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), turns=st.sampled_from([2, 4, 6]))
def test_changed_seats_change_signs_and_order_does_not_matter(seed: int, turns: int) -> None:
    """The value is antisymmetric in the seats, and the judge sees a set."""
    domain, judge = SumDomain(), SumJudge()
    rng = np.random.default_rng(seed)
    cases = domain.cases(rng.random((8, domain.draws)))
    openers = np.zeros(8, dtype=np.int64)
    pieces = np.argsort(rng.random((8, domain.pieces)), axis=1)[:, :turns]
    finals = []
    for given_cases, order in ((cases, pieces), (cases.swapped(), pieces), (cases, pieces[:, ::-1])):
        games = VectorDebate(domain, judge, num_envs=8, rules=Rules(turns=turns, payoff="margin"))
        games.reset(cases=given_cases, openers=openers)
        for n in range(turns):
            turn = games.step(order[:, n])
        finals.append(turn.rewards[:, 0])
    np.testing.assert_allclose(finals[0], -finals[1])
    np.testing.assert_allclose(finals[0], finals[2])
    changed = cases.swapped()
    np.testing.assert_allclose(correct(cases, finals[0]), correct(changed, finals[1]))


def test_solo_is_all_debater_0() -> None:
    games = VectorDebate(SumDomain(), SumJudge(), num_envs=3, rules=Rules(order="solo"))
    games.reset(seed=0)
    movers = []
    while not games.done:
        movers.append(games.mover.tolist())
        games.step(games.mask().argmax(1))
    assert movers == [[0, 0, 0]] * 4
