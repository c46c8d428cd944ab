"""Reinforcement learning works: PPO as it comes beats never learning on histories that it never saw."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch

from examples.train_ppo import HELD_OUT, evaluate, train
from progressgym.core.errors import UserError
from progressgym.envs.wrappers import SinceStart
from tests.envs.rollout import LINEAR


@pytest.mark.heavy
def test_ppo_beats_static_on_held_out_histories() -> None:
    """Gain 0 is static. 30,000 steps reach 0.48 +- 0.07; a lower bound of 0.2 leaves room for other machines."""
    torch.set_num_threads(1)
    result = evaluate(train("linear", 30_000), "linear")
    assert result.gains.shape == (len(HELD_OUT), 8)
    assert result.mean - 1.96 * result.error > 0.2
    assert (result.gains[:, 1:].mean(0) > 0.2).all(), "better than static in every century after the first"


def test_since_start_shows_the_change() -> None:
    env = SinceStart(gym.make("ProgressGym/FollowStance-v1", history=LINEAR))
    first, _ = env.reset(seed=0)
    np.testing.assert_allclose(first[47:], first[:19] - first[19:38], atol=1e-6)
    for _ in range(3):
        observation = env.step(np.zeros(19, dtype=np.float32))[0]
    np.testing.assert_allclose(observation[47:], observation[:19] - first[19:38], atol=1e-6)
    assert env.observation_space.contains(observation)


def test_since_start_needs_numbers() -> None:
    with pytest.raises(UserError, match="numeric flavour"):
        SinceStart(gym.make("ProgressGym/Follow-v0", history=LINEAR))
