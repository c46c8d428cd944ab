"""Language-model policies: where they begin, what their rows ask for, what they answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import progressgym  # noqa: F401
from progressgym.agents import make
from progressgym.agents.config import LanguageModelConfig
from progressgym.agents.language_learner import LanguageModelLearner
from progressgym.agents.policies.language_model import LanguageModelPolicy, draw_comparisons
from progressgym.core.answers import centred_log
from progressgym.core.errors import UserError
from progressgym.envs.actions import to_answers
from progressgym.envs.task import Task
from progressgym.histories.history import History
from progressgym.preferences.pairs import Pairs
from tests.tuning.century_models import save_history

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    save_history(folder)
    return folder


def task_of(place: Path, challenge: str = "Follow") -> tuple[Any, Task]:
    env: Any = gym.make(f"ProgressGym/{challenge}-v0", history=History.load(place / "history")).unwrapped
    env.reset(seed=0)
    return env, env.task


def policy_of(place: Path, **settings: Any) -> LanguageModelPolicy:
    config = LanguageModelConfig(policy=f"lm:{place / 'base'}", **settings)
    return LanguageModelPolicy.open(config, task_of(place)[1], "cpu")


def test_it_begins_as_the_historys_first_century(place: Path) -> None:
    history = History.load(place / "history")
    policy = policy_of(place)
    items = np.arange(len(history.instrument.items))
    expected = centred_log(history.answers[0], history.instrument.mask)
    assert policy.from_history and policy.mode == "verdict"
    np.testing.assert_allclose(policy.logits(items), expected, atol=1e-5)
    itself = policy_of(place, start="model")
    assert not itself.from_history and np.abs(itself.logits(items) - expected).mean() > 0.01


def test_rows_of_a_verdict_ask_for_both_deeds(place: Path) -> None:
    policy = policy_of(place)
    item = policy.instrument.items[0]
    own = np.zeros(policy.instrument.mask.shape)
    own[0, :2] = 0.25, -0.25
    rows = policy.rows(Pairs.of_options(policy.instrument, np.array([[0, 0, 1]]), [0.2], [3.0]), own, 2.0, seed=0)
    first, second = rows
    assert first.prompt == f"{item.text} {item.options[0]} It is" and second.prompt.startswith(item.text)
    assert (first.chosen, first.rejected) == (" wicked", " just") and (second.chosen, second.rejected) == (
        " just",
        " wicked",
    )
    assert first.target == second.target == pytest.approx(0.8) and first.weight == second.weight == 3.0
    # the policy prefers the first option by half a nat, the human does not: the offset tells both rows so
    assert first.offset == second.offset == pytest.approx(-1.0)


def test_rows_of_other_modes_are_the_options_themselves(place: Path) -> None:
    policy = policy_of(place)
    policy.mode = "cloze"
    item = policy.instrument.items[1]
    (row,) = policy.rows(Pairs.of_options(policy.instrument, np.array([[1, 0, 1]]), [0.9]), None, 1.0, seed=0)
    assert row.prompt == f"{item.text} So" and row.chosen == f" {item.options[0]}" and row.offset == 0.0


def test_comparisons_are_drawn_anew_each_century() -> None:
    weights = np.array([0.0, *np.ones(30)])
    draws = [draw_comparisons(weights, 8, 0, century) for century in (1, 2)]
    assert all(len(set(draw)) == 8 and 0 not in draw for draw in draws) and set(draws[0]) != set(draws[1])
    assert draw_comparisons(weights, 0, 0, 1).tolist() == list(range(1, 31))


def episode(agent: Any, env: Any, seed: int = 0) -> list[np.ndarray]:
    observation, _ = env.reset(seed=seed)
    agent.reset(env.task, seed=seed)
    actions, done = [], False
    while not done:
        actions.append(agent.act(observation, {}))
        observation, _, done, _, _ = env.step(actions[-1])
    return actions


def test_it_learns_what_it_is_shown_and_a_batch_is_its_rows(place: Path) -> None:
    """The last century's preferences, every one: the policy comes nearer to them on the items it was asked about."""
    env, task = task_of(place)
    history, instrument = env.history, task.instrument
    agent = make("lifelong-dpo?reference=uniform", policy=f"lm:{place / 'base'}", comparisons=0, learning_rate=0.01)
    assert isinstance(agent, LanguageModelLearner)
    actions = episode(agent, env)
    far = history.answers[0] - history.answers[1]
    near = to_answers(agent.policy.logits(instrument.elicitation), instrument.mask) - history.answers[-1]
    start = history.answers[0] - history.answers[-1]
    asked = instrument.elicitation
    assert np.abs(near[asked]).mean() < np.abs(start[asked]).mean() and np.abs(far).mean() > 0
    agent.reset([task, task], seed=[0, 1])
    observation, _ = env.reset(seed=0)
    both = agent.act({key: np.stack([value, value]) for key, value in observation.items()}, {})
    np.testing.assert_array_equal(both[0], actions[0])
    assert both.shape == (2, *task.action_shape) and not np.array_equal(both[0], both[1])


def test_independent_begins_anew_every_century(place: Path) -> None:
    env, _ = task_of(place)
    name = f"lm:{place / 'base'}"
    steady, going = (
        make("lifelong-dpo", independent=independent, policy=name, comparisons=4, learning_rate=0.02)
        for independent in (True, None)
    )
    first, second = episode(steady, env), episode(going, env)
    np.testing.assert_array_equal(first[0], second[0])
    assert not np.array_equal(first[1], second[1])


def test_mistakes_are_told_in_one_line(place: Path) -> None:
    for settings, words in (
        ({"policy": "lm:"}, "use stance, or lm:"),
        ({"policy": "lm:x", "tuning": "loro"}, "unknown tuning"),
        ({"policy": "lm:x", "comparisons": -1}, "comparisons is -1"),
        ({"policy": "lm:x", "learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"rank": 4}, "rank is for language-model policies"),
    ):
        with pytest.raises(UserError, match=words):
            make("lifelong-dpo", **settings)
    with pytest.raises(UserError, match="adjusts a stance only"):
        make("lifelong-map", policy="lm:x")
    agent = make("lifelong-dpo", policy="lm:nowhere-at-all")
    with pytest.raises(UserError, match="unknown model"):
        agent.reset(task_of(place)[1])


def test_a_start_that_is_not_the_historys_says_so(place: Path) -> None:
    env: Any = gym.make("ProgressGym/Follow-v0", history="synthetic:linear?seed=1").unwrapped
    env.reset(seed=0)
    config = LanguageModelConfig(policy=f"lm:{place / 'base'}")
    policy = LanguageModelPolicy.open(config, env.task, "cpu")
    assert not policy.from_history and policy.mode == "verdict"
