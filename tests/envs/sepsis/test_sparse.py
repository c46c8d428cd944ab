"""Exact planning on processes small enough for a head."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from progressgym.core.errors import UserError
from progressgym.envs.sepsis.dynamics import build
from progressgym.envs.sepsis.mdp import action_values, evaluate, greedy, occupancy
from progressgym.envs.sepsis.sparse import SparseMDP


def corridor() -> SparseMDP:
    """Two rooms and an exit. Action 0 stays; action 1 moves on, out of room 1 with reward 1."""
    transitions = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]], dtype=float)
    return SparseMDP(
        transitions=csr_array(transitions),
        rewards=np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]),
        initial=np.array([1.0, 0.0, 0.0]),
        terminal=np.array([False, False, True]),
    )


def test_a_coin_in_the_corridor() -> None:
    """With a fair coin each room takes 2 visits on average, and the reward comes for certain: value 1.

    With gamma 1/2 a room's value is v = (1/2)(v / 2) + (1/2)(next): room 1 (1/2) / (3/4) = 2/3, room 0
    (1/4)(2/3) / (3/4) = 2/9.
    """
    coin = np.full((3, 2), 0.5)
    np.testing.assert_allclose(corridor().occupancy(coin), [2.0, 2.0, 0.0])
    assert corridor().performance(coin) == pytest.approx(1.0)
    np.testing.assert_allclose(corridor().values(coin, gamma=0.5), [2 / 9, 2 / 3, 0.0])


def test_a_horizon_cuts() -> None:
    """Two steps are just enough to walk out; one is not."""
    walk = np.ones(3, dtype=np.int64)
    assert [corridor().performance(walk, horizon=steps) for steps in (1, 2, 3)] == [0.0, 1.0, 1.0]
    np.testing.assert_allclose(corridor().occupancy(walk, horizon=1), [1.0, 0.0, 0.0])


def test_best_policy_and_its_values() -> None:
    best, q = corridor().best(gamma=0.9)
    assert best[:2].tolist() == [1, 1]
    np.testing.assert_allclose(q[:2], [[0.81, 0.9], [0.9, 1.0]])


def test_other_rewards() -> None:
    """A reward of 1 for staying makes staying worth 1 / (1 - 0.9) = 10."""
    best, q = corridor().best(gamma=0.9, rewards=np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]))
    assert best[0] == 0 and q[0, 0] == pytest.approx(10.0)


def test_bad_policies() -> None:
    with pytest.raises(UserError, match="may never end"):
        corridor().values(np.zeros(3, dtype=np.int64))
    with pytest.raises(UserError, match="shape"):
        corridor().values(np.full((2, 2), 0.5))
    with pytest.raises(UserError, match="distribution"):
        corridor().values(np.full((3, 2), 0.6))


def test_agrees_with_the_dense_form() -> None:
    dense = build("corrected")
    sparse = SparseMDP.of(dense)
    uniform = np.full((dense.states, dense.actions), 1 / dense.actions)
    assert sparse.performance(uniform, horizon=20) == pytest.approx(evaluate(dense, uniform, 20), abs=1e-12)
    np.testing.assert_allclose(sparse.occupancy(uniform, horizon=20), occupancy(dense, uniform, 20), atol=1e-12)
    best, q = sparse.best(gamma=0.99)
    swept = action_values(dense, dense.rewards, 0.99)
    np.testing.assert_allclose(q[~dense.terminal], swept[~dense.terminal], atol=1e-8)
    assert sparse.performance(best, horizon=20) == pytest.approx(evaluate(dense, greedy(swept), 20), abs=1e-6)


def test_sampled_episodes_follow_the_tables() -> None:
    """Mean return and visits of 4000 episodes within four standard errors of the exact ones."""
    process = SparseMDP.of(build("corrected"))
    uniform = np.full((process.states, process.actions), 1 / process.actions)
    played = process.sample(uniform, 4000, np.random.default_rng(0), most_steps=20)
    returns = np.bincount(played.episode, weights=process.rewards[played.state, played.action])
    error = returns.std() / np.sqrt(len(returns))
    assert returns.mean() == pytest.approx(process.performance(uniform, horizon=20), abs=4 * error)
    length = len(played.state) / 4000
    assert length == pytest.approx(process.occupancy(uniform, horizon=20).sum(), abs=0.4)
    same = played.episode[1:] == played.episode[:-1]
    np.testing.assert_array_equal(played.after[:-1][same], played.state[1:][same])
    assert (played.time[1:][same] == played.time[:-1][same] + 1).all() and played.time.max() < 20
    ends = ~same & ~process.terminal[played.after[:-1]]
    assert (played.time[:-1][ends] == 19).all(), "an episode ends in a terminal state or at the horizon"
