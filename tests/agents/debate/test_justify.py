"""Justifiable policies: exact planning, off-policy estimates against the truth, the offline learner."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.agents.debate.debaters import MinimaxDebater, RandomDebater
from progressgym.agents.debate.justify import (
    Process,
    assess,
    baseline,
    debate_wins,
    informed_wins,
    mixed,
    plan,
    process,
)
from progressgym.agents.debate.off_policy import episode_returns, importance_weights, weighted_estimate
from progressgym.agents.debate.offline import (
    DqnRecipe,
    DuelingNets,
    draw_by_priority,
    learn_offline,
    n_step_returns,
)
from progressgym.agents.debate.sweep import Rulings, estimate, planned, rulings
from progressgym.core.debate import Judge
from progressgym.core.errors import UserError
from progressgym.envs.debate.domains import make_domain
from progressgym.envs.debate.simulator import BayesJudge, SimulatorDomain
from progressgym.envs.sepsis.sparse import Rollouts


@pytest.fixture(scope="module")
def simulator() -> tuple[Process, Judge, Rulings]:
    known = process("simulator")
    judge = BayesJudge(SimulatorDomain())
    return known, judge, rulings(known, judge, judge, MinimaxDebater(judge), 4)


def test_baselines_are_the_known_optima(simulator: tuple[Process, Judge, Rulings]) -> None:
    known, _, given_ = simulator
    assert known.mdp.performance(given_.base, horizon=20) == pytest.approx(0.561, abs=0.002)
    icu = process("icu")
    assert icu.mdp.performance(baseline(icu)) == pytest.approx(0.8732, abs=0.0005)


def test_rulings_are_shares_and_nothing_beats_itself(simulator: tuple[Process, Judge, Rulings]) -> None:
    known, _, given_ = simulator
    rows = np.arange(known.mdp.states)
    assert set(np.unique(given_.debate)) <= {0.0, 0.5, 1.0} and set(np.unique(given_.ideal)) <= {0.0, 1.0}
    for table in (given_.debate, given_.ideal):
        assert not table[rows, given_.base].any() and not table[known.mdp.terminal].any()


def test_the_ideal_judges_rulings_are_those_of_the_frequencies(simulator: tuple[Process, Judge, Rulings]) -> None:
    """With everything shown the Bayes judge prefers what its physician does more often than usual."""
    _, _, given_ = simulator
    joint = SimulatorDomain().joint
    state = int(joint.sum(1).argmax())
    lift = joint[state] / joint.sum(0)
    expected = (lift > lift[given_.base[state]] + 1e-9).astype(float)
    np.testing.assert_array_equal(given_.ideal[state], expected)


def test_sweep_trades_return_for_preference(simulator: tuple[Process, Judge, Rulings]) -> None:
    known, _, given_ = simulator
    rows = planned(known, given_, (0.0, 0.05, 1.0), 1.0)
    returns = [row["debate_feedback"]["value"] for row in rows]
    assert returns == sorted(returns, reverse=True) and returns[0] == pytest.approx(0.561, abs=0.002)
    assert rows[0]["debate_feedback"]["differs"] == 0.0 and rows[0]["debate_feedback"]["debate"] is None
    assert rows[1]["debate_feedback"]["debate"] > 0.8


@pytest.mark.heavy
def test_small_lambda_costs_hardly_anything_on_icu() -> None:
    """Debate reward x 1, environment x 15: at lambda .05 less than .002 of survival (debaters need not be good)."""
    known = process("icu")
    _, judge = make_domain("icu")
    base = baseline(known)
    won = debate_wins(known, base, judge, RandomDebater(0), 6)
    policy = plan(known, won, 0.05, 1.0)
    told = assess(known, policy, base, won, informed_wins(known, base, judge))
    assert known.mdp.performance(base) - told.value < 0.002
    assert told.differs > 0.1 and told.debate is not None and told.debate > 0.75


def test_mixture() -> None:
    assert mixed(np.array([2.0]), np.array([1.0]), 0.25, 5.0)[0] == pytest.approx(0.75 * 2.0 + 0.25 * 5.0)
    with pytest.raises(UserError, match=r"lambda is 1\.5"):
        mixed(np.zeros(1), np.zeros(1), 1.5, 1.0)
    with pytest.raises(UserError, match="unknown process"):
        process("hospital")


def test_importance_sampling_by_hand() -> None:
    """Two episodes of one step; the target takes action 1 three times as often as action 0, the behaviour evenly.

    Weights 0.25 / 0.5 = 0.5 and 0.75 / 0.5 = 1.5; returns 0 and 1: 1.5 / 2 = 0.75, effective 4 / 2.5 = 1.6.
    """
    one = np.zeros(2, dtype=np.int64)
    episodes = Rollouts(episode=np.arange(2), time=one, state=one, action=np.arange(2), after=np.array([1, 2]))
    weights = importance_weights(episodes, np.array([[0.25, 0.75]]), np.array([[0.5, 0.5]]))
    told = weighted_estimate(episode_returns(episodes, np.array([0.0, 0.0, 1.0])), weights)
    assert (told.value, told.effective) == pytest.approx((0.75, 1.6))
    with pytest.raises(UserError, match="never takes"):
        importance_weights(episodes, np.array([[0.25, 0.75]]), np.array([[1.0, 0.0]]))
    with pytest.raises(UserError, match="all weights are 0"):
        weighted_estimate(np.ones(2), np.zeros(2))


@pytest.mark.parametrize("name", ["icu", "simulator"])
def test_importance_sampling_finds_the_truth(name: str) -> None:
    """A policy near the behaviour: the estimate lies within four standard errors of the exact value."""
    known = process(name)
    uniform = np.full_like(known.behaviour, 1 / known.mdp.actions)
    target = 0.9 * known.behaviour + 0.1 * uniform
    steps = known.horizon or 500
    tests = known.mdp.sample(known.behaviour, 6000, np.random.default_rng(0), most_steps=steps)
    told = estimate(known, tests, target)
    truth = known.mdp.performance(target, horizon=known.horizon)
    spread = 0.5 if name == "icu" else 1.0  # no return is farther from its mean than this range allows
    assert told["estimate"] == pytest.approx(truth, abs=4 * spread / np.sqrt(told["effective"]))
    assert 100 < told["effective"] < 6000


def test_n_step_returns_by_hand() -> None:
    """Gamma 0.5, two steps ahead, rewards 1, 2, 4, then another episode with 8.

    Row 0: 1 + 0.5 * 2 = 2, goes on from the state after step 1 with 0.25. Row 1: 2 + 0.5 * 4 = 4, ended. Row 2: 4,
    ended. Row 3: 8, cut off without an end: goes on with 0.5.
    """
    episodes = Rollouts(
        episode=np.array([0, 0, 0, 1]),
        time=np.array([0, 1, 2, 0]),
        state=np.array([0, 1, 2, 0]),
        action=np.zeros(4, dtype=np.int64),
        after=np.array([1, 2, 3, 1]),
    )
    told = n_step_returns(
        episodes,
        np.array([1.0, 2.0, 4.0, 8.0]),
        np.array([False, False, True, False]),
        DqnRecipe(gamma=0.5, n_step=2),
    )
    assert told.gain.tolist() == [2.0, 4.0, 4.0, 8.0]
    assert told.ahead.tolist() == [2, 3, 3, 1] and told.discount.tolist() == [0.25, 0.0, 0.0, 0.5]


@given(st.lists(st.floats(0.01, 100.0), min_size=2, max_size=50))
@settings(deadline=None, max_examples=25)
def test_weights_of_replay_make_up_for_priorities(powers: list[float]) -> None:
    """With beta 1, weight times chance is the same for every row: (1 / n P) P = 1 / n, up to the common factor."""
    array = np.array(powers)
    rows, weights = draw_by_priority(array, DqnRecipe(batch=64, beta=1.0), np.random.default_rng(0))
    products = weights * array[rows]
    np.testing.assert_allclose(products, products[0], rtol=1e-9)
    assert weights.max() == pytest.approx(1.0)


def test_replay_draws_in_proportion() -> None:
    rows, _ = draw_by_priority(np.array([1.0, 3.0]), DqnRecipe(batch=20_000), np.random.default_rng(0))
    assert rows.mean() == pytest.approx(0.75, abs=0.015)


def test_advantages_of_the_dueling_net_are_centred() -> None:
    torch.manual_seed(0)
    net = DuelingNets(3, 4, seeds=[0, 1]).eval()
    seen = torch.randn(2, 5, 3)
    before = net(seen).mean(2)
    with torch.no_grad():
        net.weights[5].mul_(3.0)  # the advantages; the mean over actions is the value of the state
    torch.testing.assert_close(net(seen).mean(2), before)
    assert not torch.equal(before[0], before[1]), "members have weights of their own"


def test_learners_in_a_stack_learn_what_they_learn_alone() -> None:
    """Two learners of different recordings and seeds, together and one by one: the same action values."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    how = DqnRecipe(steps=20, batch=16)
    replays = []
    for _ in range(2):
        state, action = rng.integers(0, 4, 200), rng.integers(0, 3, 200)
        after, time = rng.integers(0, 5, 200), np.zeros(200, dtype=np.int64)
        one = Rollouts(episode=np.arange(200), time=time, state=state, action=action, after=after)
        replays.append(n_step_returns(one, rng.normal(size=200), after == 4, how))
    features = rng.normal(size=(5, 4)).astype(np.float32)
    together = learn_offline(replays, features, 3, how, seeds=[3, 5])
    alone = [
        learn_offline([replay], features, 3, how, seeds=[seed])[0] for replay, seed in zip(replays, (3, 5), strict=True)
    ]
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert np.abs(together[0] - together[1]).max() > 0.01


@pytest.mark.heavy
def test_the_learner_finds_a_known_optimum() -> None:
    """One decision in each of four states, reward 1 for action = state: after a while it is right everywhere."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    state, action = rng.integers(0, 4, 2000), rng.integers(0, 4, 2000)
    episodes = Rollouts(
        episode=np.arange(2000),
        time=np.zeros(2000, dtype=np.int64),
        state=state,
        action=action,
        after=np.full(2000, 4),
    )
    how = DqnRecipe(steps=400, batch=64, learning_rate=3e-3)
    replay = n_step_returns(episodes, (state == action).astype(float), np.ones(2000, dtype=np.bool_), how)
    q = learn_offline([replay], np.eye(5, 4, dtype=np.float32), 4, how, seeds=[0])[0]
    assert q[:4].argmax(1).tolist() == [0, 1, 2, 3]
    assert np.diag(q[:4]).mean() == pytest.approx(1.0, abs=0.2)
