"""Helpers of the environment tests: ids, rollouts, comparison of what an episode returned."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

import progressgym  # noqa: F401  (registers the environments)

LIVE_ID = "ProgressGym/CoevolveLive-v0"
"""Trains a language model, so it has tests of its own."""
OTHERS = ("Sepsis", "Tractability", "SessionReplay", "ShiftTracking", "PredictStream", "Debate")
"""They have other actions and observations, and tests of their own."""
TEXT_IDS = [
    name for name in gym.registry if name.startswith("ProgressGym/") and "Text-" in name and "Debate" not in name
]
"""Dialogues over histories, which have tests of their own."""
IDS = [
    name
    for name in gym.registry
    if name.startswith("ProgressGym/") and not any(word in name for word in OTHERS) and name not in (LIVE_ID, *TEXT_IDS)
]
"""The environments over histories in numbers; the others have tests of their own."""
STANCE_IDS = [name for name in IDS if "Stance" in name]
ANSWER_IDS = [name for name in IDS if "Stance" not in name]
LINEAR = "synthetic:linear?coherence=0.5&seed=0"
Step = tuple[Any, float, bool, bool, dict[str, Any]]


def episode(env: gym.Env[Any, Any], seed: int | None = 0, **options: Any) -> tuple[list[Any], list[Step]]:
    """Reset and play random actions, seeded, to the end: ([observation, info] of reset, steps)."""
    observation, info = env.reset(seed=seed, options=options or None)
    env.action_space.seed(99 if seed is None else seed)
    steps: list[Step] = []
    while not steps or not steps[-1][2]:
        observation_, reward, done, truncated, step_info = env.step(env.action_space.sample())
        steps.append((observation_, float(reward), done, truncated, step_info))
    return [observation, info], steps


def assert_same(a: Any, b: Any) -> None:
    """Equal structures with exactly equal numbers."""
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        np.testing.assert_array_equal(a, b)
