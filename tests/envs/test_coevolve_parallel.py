"""Coevolve for two agents keeps PettingZoo's promises, and is Coevolve where the human does nothing of its own."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pettingzoo
import pytest
from pettingzoo.test import api_test, max_cycles_test, parallel_api_test, parallel_seed_test, render_test, seed_test
from pettingzoo.utils.conversions import parallel_to_aec

from progressgym.core.errors import UserError
from progressgym.envs import coevolve_parallel
from progressgym.envs.coevolve_parallel import CoevolveParallelEnv, env, parallel_env
from progressgym.scores import coevolve_utilities
from tests.envs.rollout import LINEAR, assert_same

NAME = "ProgressGym/Coevolve-v0"
HONEST = np.array([1.0] + [0.0] * 19, dtype=np.float32)


def made(**arguments: Any) -> CoevolveParallelEnv:
    return parallel_env("synthetic:linear", labels="sample", queries=30, **arguments)


def test_pettingzoo_api() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="We recommend agents to be named")  # there is one of each kind
        parallel_api_test(made(), num_cycles=30)
        api_test(parallel_to_aec(made()), num_cycles=30)


def test_seeds() -> None:
    parallel_seed_test(made, num_cycles=20)
    seed_test(lambda: env("synthetic:linear", labels="sample"), num_cycles=20)


def test_max_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    max_cycles_test(coevolve_parallel)
    environment = made(max_cycles=3)
    environment.reset(seed=0)
    for n in range(3):
        actions: Any = {agent: environment.action_space(agent).sample() for agent in environment.agents}
        _, _, terminations, truncations, _ = environment.step(actions)
        assert not any(terminations.values()) and all(truncations.values()) == (n == 2)
    assert environment.agents == []


def test_rendering() -> None:
    render_test(lambda render_mode: env("synthetic:linear?seed=0", render_mode=render_mode))


def test_it_is_registered() -> None:
    parallel: Any = pettingzoo.make("parallel", NAME, history=LINEAR)
    assert isinstance(parallel, CoevolveParallelEnv)
    turns: Any = pettingzoo.make("aec", NAME, history=LINEAR)
    turns.reset(seed=0)
    assert turns.possible_agents == ["human", "assistant"] == parallel.possible_agents


@pytest.mark.parametrize("reward", ["utility", "gain"])
@pytest.mark.parametrize("labels", ["probability", "sample"])
def test_an_open_and_honest_human_makes_it_coevolve(labels: str, reward: str) -> None:
    two = parallel_env(LINEAR, labels=labels, reward=reward)
    one = gym.make("ProgressGym/CoevolveStance-v0", history=LINEAR, labels=labels, reward=reward)
    seen, _ = two.reset(seed=3)
    np.testing.assert_array_equal(seen["assistant"], one.reset(seed=3)[0])
    one.action_space.seed(0)
    while two.agents:
        action = one.action_space.sample()
        observation, alone, done, _, info = one.step(action)
        seen, rewards, terminations, _, infos = two.step({"human": HONEST, "assistant": action})
        np.testing.assert_array_equal(seen["assistant"], observation)
        assert rewards["assistant"] == rewards["human"] == alone and terminations["human"] == done
        assert_same(infos["assistant"]["scores"], info["scores"])


def test_a_closed_human_cannot_be_moved_and_is_autonomous() -> None:
    environment = parallel_env(LINEAR, human_reward="autonomy")
    environment.reset(seed=0)
    closed = np.zeros(20, dtype=np.float32)
    values = []
    while environment.agents:
        action: dict[str, Any] = {"human": closed, "assistant": environment.action_space("assistant").sample()}
        observations, rewards, _, _, infos = environment.step(action)
        assert rewards["human"] == pytest.approx(1.0, abs=1e-12)
        values.append(infos["human"]["scores"]["simulated_values"])
        np.testing.assert_allclose(observations["human"][:19], values[-1], atol=1e-6)
    history = environment._loop.history
    human = history.values(history.instrument.evaluation)
    utilities = coevolve_utilities(np.array(values), human)
    assert utilities[-1] == pytest.approx(infos["human"]["scores"]["utility"], abs=1e-9)


def test_openness_lets_the_assistant_move_the_human() -> None:
    moved = []
    for openness in (0.0, 0.5, 1.0):
        environment = parallel_env(LINEAR, human_reward="autonomy")
        environment.reset(seed=0)
        human = np.array([openness] + [0.0] * 19, dtype=np.float32)
        *_, infos = environment.step({"human": human, "assistant": np.ones(19, dtype=np.float32)})
        moved.append(infos["human"]["scores"]["displacement"])
        assert infos["human"]["openness"] == openness
    assert moved[0] < 1e-12 < moved[1] < moved[2]


def test_a_statement_shifts_what_the_assistant_sees_and_nothing_else() -> None:
    results = []
    for lean in (0.0, 1.0):
        environment = parallel_env(LINEAR)
        environment.reset(seed=0)
        human = HONEST.copy()
        human[1] = lean
        results.append(environment.step({"human": human, "assistant": np.zeros(19, dtype=np.float32)}))
    (honest, plain, *_), (stated, shifted, *_) = results
    assert plain == shifted
    np.testing.assert_array_equal(honest["human"], stated["human"])
    gap = stated["assistant"] - honest["assistant"]
    assert gap[0] > 0.1 and gap[0] == np.abs(gap).max() and not gap[19:].any()


def test_mistakes_are_named() -> None:
    with pytest.raises(UserError, match="did you mean 'autonomy'"):
        made(human_reward="autonomi")
    with pytest.raises(UserError, match="max_cycles"):
        made(max_cycles=0)
    environment = made()
    with pytest.raises(gym.error.ResetNeeded):
        environment.step({})
    environment.reset(seed=0, options={"history": "synthetic:cyclic?seed=1"})
    assert environment._loop.history.name == "synthetic:cyclic?seed=1"
    good: dict[str, Any] = {agent: environment.action_space(agent).sample() for agent in environment.agents}
    with pytest.raises(UserError, match="no action of human"):
        environment.step({"assistant": good["assistant"]})
    for agent, action in good.items():
        with pytest.raises(UserError, match="NaN"):
            environment.step({**good, agent: np.full_like(action, np.nan)})
        with pytest.raises(UserError, match="shape"):
            environment.step({**good, agent: action[:-1]})
    environment.step(good)
    assert environment.state_space.contains(environment.state())


def test_docstring_has_the_nine_headings() -> None:
    from docs.generate import HEADINGS

    text = inspect.getdoc(CoevolveParallelEnv) or ""
    assert tuple(line[3:] for line in text.splitlines() if line.startswith("## ")) == HEADINGS
