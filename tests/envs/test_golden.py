"""The order in which an episode draws its randomness is frozen: `rng_scheme` names it, this file guards it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.preferences.comparisons import CLIP, RNG_SCHEMES, short_bounds, short_draws
from tests.envs.rollout import LINEAR

GOLDEN = Path(__file__).parents[1] / "golden" / "rng_scheme.json"


def record(history: str) -> dict[str, Any]:
    """What two episodes of one environment show, in numbers that rounding cannot move."""
    env: Any = gym.make("ProgressGym/Follow-v0", history=history, queries=25, labels="sample").unwrapped
    episodes = []
    for seed in (0, None):
        observation, _ = env.reset(seed=seed)
        labels = [observation["labels"]]
        for _ in range(7):
            labels.append(env.step(np.zeros(env.action_space.shape))[0]["labels"])
        bits = ["".join(str(int(y)) for y in row) for row in (env.task.initial_preferences.labels, *labels)]
        episodes.append({"pairs": observation["pairs"].tolist(), "labels": bits})
    return {"rng_scheme": env.task.rng_scheme, "episodes": episodes}


@pytest.mark.parametrize("history", [LINEAR, "synthetic:random-walk?coherence=0.5"])
def test_rng_scheme(history: str) -> None:
    assert record(history) == json.loads(GOLDEN.read_text())[history]


def test_a_vote_of_short_numbers_has_its_probability_to_sixteen_bits() -> None:
    """Of all 2**16 numbers as many vote for a as the probability says, on both ways of comparing."""
    drawn = np.random.default_rng(0).uniform(CLIP, 1 - CLIP, 40)
    ties = np.array([7.5, 8.0, 8.5, 2.0**15, 2.0**15 + 0.5]) / 2.0**16
    chances = np.concatenate([drawn, ties, np.nextafter(ties, 0), np.nextafter(ties, 1), [CLIP, 1 - CLIP]])
    numbers, bounds = np.arange(2**16)[:, None], short_bounds(chances)
    votes = (numbers + 0.5) / 2.0**16 < chances
    np.testing.assert_array_equal(votes, numbers < bounds)
    assert (np.abs(votes.mean(0) - chances) <= 2.0**-17).all()


def test_short_numbers_are_the_draws_bit_by_bit() -> None:
    words = np.random.default_rng(7).bit_generator.random_raw(3).tolist()
    expected = [word >> shift & 0xFFFF for word in words for shift in (0, 16, 32, 48)][:10]
    assert short_draws(np.random.default_rng(7), 10).tolist() == expected
    numbers = short_draws(np.random.default_rng(0), 200_000)
    counts = np.bincount(numbers >> 12, minlength=16)
    assert (np.abs(counts - 12_500) < 5 * np.sqrt(12_500)).all()  # five standard errors


def test_order_of_short_numbers() -> None:
    """The history, no ranks where all pairs are asked, century 0's numbers first."""
    env: Any = gym.make("ProgressGym/Follow-v0", history=LINEAR, labels="sample", rng_scheme="uniforms-v2").unwrapped
    env.reset(seed=3)
    episode, rng = env.episode, gym.utils.seeding.np_random(3)[0]
    numbers = (short_draws(rng, 9 * len(episode.asked)).reshape(9, -1) + 0.5) / 2.0**16
    np.testing.assert_array_equal(episode.initial_uniforms, numbers[0])
    np.testing.assert_array_equal(episode.uniforms, numbers[1:])
    assert env.task.rng_scheme == "uniforms-v2"


def test_ids_keep_their_scheme() -> None:
    env: Any = gym.make("ProgressGym/Follow-v0", history=LINEAR).unwrapped
    assert env.config.rng_scheme == RNG_SCHEMES[0]
    with pytest.raises(UserError, match="did you mean 'uniforms-v2'"):
        gym.make("ProgressGym/Follow-v0", history=LINEAR, rng_scheme="uniforms-v")
