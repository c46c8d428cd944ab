"""The real thing, small: SmolLM2-135M begins as the 13th century and is aligned with a few preferences of the 17th."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import progressgym  # noqa: F401
from progressgym.agents.config import LanguageModelConfig
from progressgym.agents.methods import Dpo
from progressgym.agents.policies.language_model import LanguageModelPolicy
from progressgym.core.answers import centred_log
from progressgym.preferences.comparisons import probabilities
from progressgym.preferences.pairs import Pairs

ITEMS, COMPARISONS = 4, 6


@pytest.mark.heavy
def test_a_stage_of_the_real_model() -> None:
    torch.set_num_threads(1)
    env: Any = gym.make("ProgressGym/Follow-v0").unwrapped
    env.reset(seed=0)
    history, task = env.history, env.task
    config = LanguageModelConfig(policy="lm:smollm2-135m")
    policy = LanguageModelPolicy.open(config, task, "cpu")
    assert policy.from_history and policy.mode == "verdict"
    items = task.evaluation[:: len(task.evaluation) // ITEMS]
    before = policy.logits(items)
    mask = task.instrument.mask[items]
    human = centred_log(history.answers, task.instrument.mask)[:, items]
    away = np.sqrt(((before[items] - human[0])[mask] ** 2).mean())
    assert away < 0.05 < np.sqrt(((human[1] - human[0])[mask] ** 2).mean())

    pairs = task.initial_preferences.pairs[:COMPARISONS]
    labels = probabilities(history.answers[4].astype(np.float64), pairs)
    rows = policy.rows(Pairs.of_options(policy.instrument, pairs, labels), None, 1.0, seed=0)
    logs: list[dict[str, float]] = []
    policy.align(Dpo(), rows, config, seed=0, report=logs.append)
    assert logs[0]["rewards/margins"] == 0.0 and len(logs) == 2
    after = policy.logits(items)
    moved = np.sqrt(((after - before)[items][mask] ** 2).mean())
    assert 1e-3 < moved < 1.0
    policy.weights = None
    np.testing.assert_array_equal(policy.logits(items), before)
