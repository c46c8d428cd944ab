"""A live human learns what it is taught, keeps its lessons, and drives Coevolve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import progressgym  # noqa: F401
from progressgym.core.errors import UserError
from progressgym.envs.actions import to_action
from progressgym.histories.history import History
from progressgym.histories.live import HumanRecipe, LiveHuman
from progressgym.tuning.centuries import CenturyStore
from tests.research.loading import script
from tests.tuning.century_models import save_history

torch.set_num_threads(1)
FAST = HumanRecipe(rows=0, learning_rate=0.02)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return History.load(save_history(tmp_path_factory.mktemp("human"))[1])


def test_it_begins_as_the_first_century_and_moves_toward_what_it_is_taught(history: History) -> None:
    human = LiveHuman(history, FAST, device="cpu")
    np.testing.assert_allclose(human.answers, history.answers[0], atol=1e-5)
    taught = history.answers[-1].astype(np.float64)
    before = np.abs(human.answers - taught).mean()
    logs = human.learn(taught, epochs=6)
    assert np.abs(human.answers - taught).mean() < 0.9 * before
    assert logs[0]["rewards/margins"] == 0.0
    human.begin(0)
    np.testing.assert_allclose(human.answers, history.answers[0], atol=1e-5)


def test_its_own_answers_teach_it_nothing(history: History) -> None:
    human = LiveHuman(history, FAST, device="cpu")
    before = human.answers.copy()
    human.learn(before, epochs=1)
    np.testing.assert_allclose(human.answers, before, atol=1e-3)


def test_lessons_are_kept(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lessons = [history.answers[n].astype(np.float64) for n in (1, 2)]
    first = LiveHuman(history, FAST, device="cpu", checkpoints=tmp_path)
    for taught in lessons:
        first.learn(taught, epochs=1)

    def refuse(*args: Any) -> None:
        raise AssertionError("a lesson was taught twice")

    monkeypatch.setattr(CenturyStore, "put", refuse)
    again = LiveHuman(history, FAST, device="cpu", checkpoints=tmp_path)
    for taught in lessons:
        again.learn(taught, epochs=1)
    np.testing.assert_array_equal(again.answers, first.answers)


def test_coevolve_with_a_live_human(history: History) -> None:
    """The human of the environment is one who learned the same lessons by hand; the labels are that human's."""
    made = gym.make("ProgressGym/CoevolveLive-v0", history=history, rows=8, learning_rate=0.02, device="cpu")
    env: Any = made.unwrapped
    _, _ = env.reset(seed=0)
    assistant = history.answers[-1].astype(np.float64)
    observation, reward, _, _, info = env.step(to_action(assistant))
    human = env.simulated_answers()[1]
    pairs = env.task.initial_preferences.pairs
    a, b = human[pairs[:, 0], pairs[:, 1]], human[pairs[:, 0], pairs[:, 2]]
    np.testing.assert_allclose(observation["labels"], np.clip(a / (a + b), 1e-4, 1 - 1e-4), atol=1e-5)
    assert np.isfinite(reward) and 0 <= info["scores"]["entropy"] <= 1
    np.testing.assert_allclose(env.simulated_answers()[0], history.answers[0], atol=1e-3)


def test_mistakes(history: History) -> None:
    with pytest.raises(UserError, match="comes without its models"):
        LiveHuman(History.load("synthetic:linear?seed=0"), FAST)
    with pytest.raises(UserError, match="one history"):
        gym.make("ProgressGym/CoevolveLive-v0", history="synthetic:linear")
    with pytest.raises(UserError, match="unknown tuning"):
        HumanRecipe(tuning="half")


def test_the_fit_of_the_coefficients() -> None:
    """Moves of 0.4 of the way with an error that is orthogonal to it: slope 0.4, R2 = 0.8 / (0.8 + 0.02)."""
    slope, share = script("calibrate_coevolve").fit(
        np.array([1.0, 2.0]), np.array([0.4 + 0.2 / 5**0.5 * 2 / 2, 0.8 - 0.1 / 5**0.5])
    )
    assert slope == pytest.approx(0.4) and 0.9 < share < 1.0
