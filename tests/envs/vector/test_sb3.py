"""The adapter for stable-baselines3: its own PPO and checks run on it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize

import progressgym  # noqa: F401
from progressgym.core.errors import UserError
from progressgym.envs.vector.sb3 import StableBaselinesVecEnv
from tests.envs.rollout import LINEAR

NAME = "ProgressGym/FollowStance-v0"


def made(rows: int = 3, mode: str = "same_step", **arguments: Any) -> gym.vector.VectorEnv[Any, Any, Any]:
    return gym.make_vec(NAME, num_envs=rows, autoreset_mode=mode, **{"history": LINEAR, **arguments})


def test_it_is_what_their_own_vector_environment_is() -> None:
    arguments: dict[str, Any] = {"history": "synthetic:linear", "labels": "sample", "reward": "gain"}
    ours = StableBaselinesVecEnv(made(**arguments))
    theirs = DummyVecEnv([lambda: gym.make(NAME, **arguments)] * 3)
    for env in (ours, theirs):
        env.seed(4)
    first: Any = theirs.reset()
    np.testing.assert_allclose(ours.reset(), first, atol=1.2e-7)
    rng = np.random.default_rng(0)
    for _ in range(18):
        actions = rng.uniform(-1, 1, (3, 19)).astype(np.float32)
        a: Any = ours.step(actions)
        b: Any = theirs.step(actions)
        np.testing.assert_allclose(a[0], b[0], atol=1.2e-7)
        np.testing.assert_allclose(a[1], b[1], atol=1e-6)
        np.testing.assert_array_equal(a[2], b[2])
        for own, other in zip(a[3], b[3], strict=True):
            assert ("terminal_observation" in own) == ("terminal_observation" in other)
            if "terminal_observation" in own:
                np.testing.assert_allclose(own["terminal_observation"], other["terminal_observation"], atol=1.2e-7)
                assert own["scores"]["utility"] == pytest.approx(other["scores"]["utility"], abs=1e-9)
                assert own["scores"].keys() == other["scores"].keys()


def test_attributes() -> None:
    env = StableBaselinesVecEnv(made())
    assert env.get_attr("steps") == [8, 8, 8] and env.get_attr("horizon", 1) == [0]
    assert env.env_is_wrapped(gym.Wrapper) == [False] * 3
    with pytest.raises(UserError):
        env.set_attr("steps", 1)
    with pytest.raises(UserError):
        env.env_method("reset")
    env.close()


def test_what_does_not_fit_is_refused() -> None:
    for env in (
        made(mode="next_step"),
        made(array_backend="torch"),
        gym.make_vec(NAME, num_envs=2, vectorization_mode="sync", history=LINEAR),
    ):
        with pytest.raises(UserError):
            StableBaselinesVecEnv(env)


def test_ppo_learns() -> None:
    """A thousand rows: the mean reward of an episode of the trained policy beats that of the untrained one."""
    torch.set_num_threads(1)
    env = VecMonitor(StableBaselinesVecEnv(made(256, reward="gain")))
    options: dict[str, Any] = {"log_std_init": -2.5, "net_arch": [32]}
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=512, gamma=0.0, gae_lambda=0.0, learning_rate=3e-3, seed=0,
                n_epochs=4, policy_kwargs=options, device="cpu")  # fmt: skip
    before = gain_of(model)
    model.learn(256 * 8 * 25)
    assert len(model.ep_info_buffer or ()) > 0
    assert gain_of(model) > max(before, 0.0) + 0.1


def gain_of(model: PPO) -> float:
    """Mean gain of an episode without exploration; never learning has 0."""
    env = StableBaselinesVecEnv(made(1, reward="gain"))
    observation, gains = env.reset(), []
    for _ in range(8):
        observation, rewards, _, _ = env.step(model.predict(observation, deterministic=True)[0])
        gains.append(float(rewards[0]))
    return float(np.mean(gains))


def test_it_normalises() -> None:
    env = VecNormalize(StableBaselinesVecEnv(made()))
    assert np.asarray(env.reset()).shape == (3, 47)
