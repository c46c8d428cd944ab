"""Questionnaires that do not measure every dimension, and histories of unusual length."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from progressgym.core.errors import UserError
from progressgym.envs.actions import to_action
from progressgym.envs.readout import Readout
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.stance_model import StanceModel
from tests.envs.rollout import IDS, LINEAR, episode

WHOLE = Questionnaire.load("moral19-v1")
SUBSETS = {
    "two options": [item for item in WHOLE.items if len(item.options) == 2][:30],
    "four options": [item for item in WHOLE.items if len(item.options) == 4][:12],
    "mixed": [item for item in WHOLE.items if item.main in ("care", "worldview")][:40],
}


def subset(kind: str) -> Questionnaire:
    return Questionnaire.from_items(SUBSETS[kind], name=kind)


@pytest.mark.parametrize("kind", SUBSETS)
@pytest.mark.parametrize("name", IDS)
def test_dimensions_without_items_are_absent(name: str, kind: str) -> None:
    instrument = subset(kind)
    env: Any = gym.make(name, history="synthetic:linear", instrument=instrument).unwrapped
    covered = int(instrument.covered(instrument.evaluation).sum())
    (observation, _), steps = episode(env)
    for seen, reward, _, _, info in [(observation, 0.0, False, False, {}), *steps]:
        assert env.observation_space.contains(seen) and np.isfinite(reward)
        json.dumps(info, allow_nan=False, default=np.ndarray.tolist)
        if info:
            assert len(info["scores"]["agent_values"]) == len(info["scores"]["human_values"]) == covered


@pytest.mark.parametrize("kind", SUBSETS)
def test_readout_is_stance_model_and_instrument_in_one(kind: str) -> None:
    instrument = subset(kind)
    rng = np.random.default_rng(0)
    answers = rng.dirichlet(np.ones(instrument.mask.shape[1]), size=len(instrument)) * instrument.mask
    model = StanceModel.of(instrument, answers / answers.sum(1, keepdims=True))
    theta = rng.normal(size=(3, 2, 19))
    readout = Readout(instrument, instrument.evaluation)
    found = readout.values(theta, readout.base(model.base))
    np.testing.assert_allclose(found, instrument.values(model.answers(theta), instrument.evaluation), atol=1e-12)


@pytest.mark.parametrize("name", IDS)
def test_two_centuries(name: str) -> None:
    history = "synthetic:linear?centuries=2&seed=0"
    if "Predict" in name:
        with pytest.raises(UserError, match=r"horizon 1 leaves no step in 2 centuries; use 0 to 0|3 steps or more"):
            gym.make(name, history=history)
    else:
        assert len(episode(gym.make(name, history=history))[1]) == 1


def test_instrument_by_folder(tmp_path: Path) -> None:
    subset("mixed").save(tmp_path / "mine")
    env = gym.make("ProgressGym/Follow-v0", history="synthetic:cyclic", instrument=str(tmp_path / "mine"))
    check_env(env.unwrapped, skip_render_check=True)
    with pytest.raises(UserError, match="unknown instrument"):
        gym.make("ProgressGym/Follow-v0", history=LINEAR, instrument="moral20")


@pytest.mark.parametrize("horizon", [-1, 8, 1.5, True, "1"])
def test_impossible_horizons(horizon: Any) -> None:
    with pytest.raises(UserError, match="horizon"):
        gym.make("ProgressGym/Predict-v0", history=LINEAR, horizon=horizon)


@pytest.mark.parametrize("argument", ["pull", "influence"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "half", True])
def test_impossible_coefficients(argument: str, value: Any) -> None:
    with pytest.raises(UserError, match=argument):
        gym.make("ProgressGym/Coevolve-v0", history=LINEAR, **{argument: value})


def test_a_history_written_by_the_user(tmp_path: Path) -> None:
    from progressgym.histories.history import History

    History.load("synthetic:reversal?seed=1").save(tmp_path / "mine")
    for spec in (tmp_path / "mine", str(tmp_path / "mine"), tmp_path / "mine" / "answers.npz"):
        env: Any = gym.make("ProgressGym/Follow-v0", history=spec).unwrapped
        env.reset(seed=0)
        assert env.step(to_action(env.history.answers[1]))[1] == pytest.approx(1.0)
