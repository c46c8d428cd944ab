"""Tractability: exact is exact, the cheap ways cost and lose what they should, and the environment keeps its promises."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.core.errors import UserError
from progressgym.envs.knapsack import WAYS, Knapsack, exact
from research.tractability import measure

ID = "ProgressGym/Tractability-v0"


@settings(deadline=None)
@given(n=st.integers(1, 9), share=st.floats(0.05, 0.95), seed=st.integers(0, 10**6))
def test_exact_is_what_enumeration_says_and_nobody_is_better(n: int, share: float, seed: int) -> None:
    problem = Knapsack.draw(n, share, np.random.default_rng(seed))
    chosen = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    best = (chosen @ problem.values)[chosen @ problem.weights <= problem.budget + 1e-9].max()
    for name, way in WAYS.items():
        choice = way(problem)
        assert problem.weights[list(choice.picks)].sum() <= problem.budget + 1e-6
        assert choice.value == pytest.approx(problem.values[list(choice.picks)].sum())
        assert choice.value <= best + 1e-9, name
    assert exact(problem).value == pytest.approx(best)


def test_a_problem_for_the_head() -> None:
    """Ten hours. By good an hour: the six hours of 7, then nothing fits. Best are two of five hours: 10."""
    problem = Knapsack(values=np.array([7.0, 5.0, 5.0]), weights=np.array([6.0, 5.0, 5.0]), budget=10.0)
    assert {name: way(problem).value for name, way in WAYS.items()} == {
        "exact": 10.0,
        "density greedy": 7.0,
        "value greedy": 7.0,
        "first come": 7.0,
    }
    assert WAYS["exact"](problem).picks == (1, 2)


def test_regret_falls_with_compute() -> None:
    rows = measure(14, 60)
    assert rows["exact"][0] == pytest.approx(1.0)
    assert 0.95 < rows["density greedy"][0] < 1.0
    assert rows["value greedy"][0] < 0.9 and rows["first come"][0] < 0.9
    assert rows["first come"][2] < rows["density greedy"][2] < rows["exact"][2] < 2**14


def test_check_env_is_clean() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(ID).unwrapped)
        check_env(gym.make(ID, n=40, budget=0.9).unwrapped, skip_render_check=True)


@pytest.mark.parametrize("seed", range(5))
def test_an_episode_tells_its_regret(seed: int) -> None:
    env = gym.make(ID, n=8, render_mode="ansi")
    for name, way in WAYS.items():
        env.reset(seed=seed)
        problem = env.unwrapped.problem  # type: ignore[attr-defined]
        choice, total, ended = way(problem), 0.0, False
        info: dict[str, Any] = {}
        for action in [*choice.picks, 8]:
            if not ended:
                assert info.get("action_mask", np.ones(9))[action]
                _, reward, ended, truncated, info = env.step(np.int64(action))
                total += float(reward)
        assert ended and not truncated and info["nodes"] == exact(problem).compute
        assert total == pytest.approx(choice.value / exact(problem).value) and info["regret"] == pytest.approx(
            1 - total
        )
        assert (info["regret"] < 1e-9) == (name == "exact" or choice.value == pytest.approx(exact(problem).value))
    assert "hours left" in str(env.render())


def test_what_does_not_fit_costs_a_step_and_the_end_comes() -> None:
    env = gym.make(ID, n=5, budget=0.5)
    env.reset(seed=3)
    _, first, *_ = env.step(np.int64(0))
    steps, ended, truncated = 1, False, False
    while not (ended or truncated):
        _, reward, ended, truncated, info = env.step(np.int64(0))
        steps += 1
        assert reward == 0.0 and not info["action_mask"][0]
    assert truncated and steps == 10 and info["regret"] == pytest.approx(1.0 - float(first))
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.int64(0))


@pytest.mark.parametrize(
    "wrong", [{"n": 1}, {"n": 41}, {"n": 3.5}, {"n": True}, {"budget": 0.0}, {"budget": 1.0}, {"budget": float("nan")}]
)
def test_bad_arguments(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        gym.make(ID, **wrong)  # type: ignore[arg-type]
