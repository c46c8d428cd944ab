"""ICU-Sepsis: exact numbers that its authors published, a clean environment, a clear error without the extra."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import progressgym  # noqa: F401  (registers the environments)
from progressgym.core.errors import UserError
from progressgym.envs.sepsis import tables
from progressgym.envs.sepsis.icu import SepsisIcuEnv
from progressgym.envs.sepsis.tables import AFTER, DEATH, FEATURES, SURVIVAL, icu_tables

ID = "ProgressGym/SepsisICU-v0"
UNIFORM = np.full((716, 25), 1 / 25)


def test_exact_returns_and_lengths() -> None:
    """Published as .78, .78 and .88, with lengths 9.45, 9.22 and 10.99; more digits from an earlier linear solve."""
    known = icu_tables()
    best, q = known.mdp.best()
    for policy, value, length in (
        (UNIFORM, 0.7801, 9.46),
        (known.expert, 0.7818, 9.24),
        (best, 0.8751, 10.99),
    ):
        assert known.mdp.performance(policy) == pytest.approx(value, abs=0.001)
        assert known.mdp.occupancy(policy).sum() == pytest.approx(length, abs=0.01)
    assert known.mdp.initial @ q.max(1) == pytest.approx(known.mdp.performance(best), abs=1e-9)


def test_worst_policy() -> None:
    known = icu_tables()
    worst, _ = known.mdp.best(rewards=-known.mdp.rewards)
    assert known.mdp.performance(worst) == pytest.approx(0.6330, abs=0.001)


def test_tables_are_distributions_and_small() -> None:
    known = icu_tables()
    sums = np.asarray(known.mdp.transitions.sum(axis=1)).reshape(716, 25)
    np.testing.assert_allclose(sums[:DEATH], 1.0, atol=1e-12)
    assert not sums[DEATH:].any() and not known.mdp.rewards[DEATH:].any()
    np.testing.assert_allclose(known.expert.sum(1), 1.0, atol=1e-12)
    np.testing.assert_allclose(known.expert[DEATH:], 1 / 25)
    assert known.mdp.initial.sum() == pytest.approx(1.0) and known.mdp.terminal.sum() == AFTER - DEATH + 1
    held = known.mdp.transitions
    assert held.data.nbytes + held.indices.nbytes + held.indptr.nbytes < 25e6
    for state in range(0, DEATH, 100):
        rows, allowed = held[state * 25 : (state + 1) * 25].toarray(), known.admissible[state]
        assert allowed.any()
        np.testing.assert_allclose(rows[~allowed] - rows[allowed].mean(0), 0.0, atol=1e-12)


def test_features_are_the_papers() -> None:
    known = icu_tables()
    assert len(FEATURES) == len(set(FEATURES)) == 44 == known.features.shape[1]
    assert not {"max_dose_vaso", "input_4hourly", "re_admission"} & set(FEATURES)
    sofa = known.features[:DEATH, FEATURES.index("SOFA")]
    assert np.corrcoef(sofa, known.sofa[:DEATH])[0, 1] > 0.99, "the order of the columns is wrong"
    assert not known.features[DEATH:].any()


def test_environment_check_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(ID, render_mode="ansi").unwrapped)


def test_nobody_is_warned_about_the_dead_gym() -> None:
    code = (
        f"import sys, gymnasium, progressgym; gymnasium.make({ID!r}).reset(seed=0);"
        "print([name for name in ('gym', 'icu_sepsis', 'pandas', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")


def test_episodes_follow_the_tables() -> None:
    """Share of survivors of 300 random episodes, four standard errors wide."""
    env = gym.make(ID).unwrapped
    env.action_space.seed(0)
    survived = 0
    for episode in range(300):
        observation, info = env.reset(seed=episode)
        done = False
        while not done:
            np.testing.assert_array_equal(observation, icu_tables().features[info["state"]])
            observation, reward, done, truncated, info = env.step(env.action_space.sample())
        assert info["state"] in (DEATH, SURVIVAL) and not truncated and reward == (info["state"] == SURVIVAL)
        survived += info["state"] == SURVIVAL
    assert survived / 300 == pytest.approx(0.7801, abs=4 * np.sqrt(0.78 * 0.22 / 300))


def test_observations_and_infos_are_copies() -> None:
    env = gym.make(ID).unwrapped
    observation, info = env.reset(seed=0)
    observation += 1.0
    info["admissible"] += 1
    again, info_again = env.reset(seed=0)
    assert not np.array_equal(observation, again) and set(np.unique(info_again["admissible"])) == {0, 1}


def test_a_copy_goes_on_alike_and_is_small() -> None:
    env = gym.make(ID).unwrapped
    env.reset(seed=1)
    data = pickle.dumps(env)
    assert len(data) < 100_000
    copy = pickle.loads(data)  # noqa: S301 (our own bytes)
    ended = False
    while not ended:
        (observation, _, ended, *_), (again, *_) = env.step(np.int64(3)), copy.step(np.int64(3))
        np.testing.assert_array_equal(observation, again)


def test_rendering_names_the_state() -> None:
    env = gym.make(ID, render_mode="ansi")
    env.reset(seed=0, options={"state": 5})
    assert str(env.render()).startswith("state 5, SOFA")


def test_bad_input() -> None:
    env = gym.make(ID).unwrapped
    with pytest.raises(UserError, match="call reset"):
        env.step(np.int64(0))
    with pytest.raises(UserError, match="from 0 to 712"):
        env.reset(options={"state": 713})
    with pytest.raises(UserError, match="did you mean 'state'"):
        env.reset(options={"stat": 1})
    env.reset(seed=0)
    with pytest.raises(UserError, match="from 0 to 24"):
        env.step(np.int64(25))
    with pytest.raises(UserError, match="render mode"):
        SepsisIcuEnv(render_mode="human")


def test_the_extra_is_named_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"progress-gym\[sepsis\]"):
        tables.data_folder()


def test_damaged_files_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    (folder / "dynamics.npz").write_bytes(b"PK\x03\x04 truncated")
    monkeypatch.setattr(tables, "data_folder", lambda: folder)
    with pytest.raises(UserError, match="damaged"):
        icu_tables.__wrapped__()


def test_a_picture_and_the_wrapper_that_asks_for_one() -> None:
    """stable-baselines3 makes every environment with `rgb_array`."""
    from stable_baselines3.common.env_util import make_vec_env

    env = gym.make(ID, render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    assert isinstance(before, np.ndarray) and before.dtype == np.uint8 and before.shape == (320, 480, 3)
    env.step(0)  # one step only: any more may meet the episode's end
    after = env.render()
    assert isinstance(after, np.ndarray) and not np.array_equal(before, after)
    make_vec_env(ID, 2).reset()
