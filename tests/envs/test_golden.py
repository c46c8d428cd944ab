"""The order in which an episode draws its randomness is frozen: `rng_scheme` names it, this file guards it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

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
