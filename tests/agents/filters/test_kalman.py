"""The Kalman agents in environments: what they gain by looking ahead, and what they do with odd labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from progressgym.agents import check, make
from progressgym.core.errors import UserError
from progressgym.envs.actions import to_answers
from tests.agents.rollout import envs_of, skill_of

torch.set_num_threads(1)


def skill(agent: str, challenge: str, history: str, seeds: int = 6) -> float:
    found = skill_of(agent, range(seeds), challenge, history).skill
    assert found is not None
    return found.mid


@pytest.mark.parametrize("family", ["linear", "quadratic", "cyclic"])
def test_looking_ahead_beats_staying(family: str) -> None:
    """Predict(2), coherence 0.5: the same labels, with and without slopes."""
    history = f"synthetic:{family}?coherence=0.5"
    assert skill("kalman", "predict?horizon=2", history) > skill("kalman-level", "predict?horizon=2", history) + 0.03


def test_nothing_is_lost_on_the_shipped_history() -> None:
    ahead, level = (skill(name, "predict", "histsmol-v1", 1) for name in ("kalman", "kalman-level"))
    assert level > 0 and ahead > level - 0.03


def test_incoherent_drift_is_not_followed_far() -> None:
    """Nothing can be learned from other items (so no skill is identified): a modest forecast loses less than MAP's."""
    ahead, tracked = (
        skill_of(name, range(6), "predict", "synthetic:linear?coherence=0") for name in ("kalman", "lifelong-map")
    )
    lead = tracked.reference - tracked.static
    assert ahead.utility.mid > tracked.utility.mid + 0.1 * lead


def test_follow_filters_and_forecast_overrides() -> None:
    """On Follow the agent answers for the century it sees; asked to look ahead it answers otherwise."""
    env = envs_of(1)[0]
    observation, info = env.reset(seed=0)
    observation = env.step(np.zeros(env.action_space.shape, dtype=np.float32))[0]
    actions = []
    for name in ("kalman-trend", "kalman-trend?forecast=0", "kalman-trend?forecast=2"):
        agent = make(name)
        agent.reset(env.task)
        actions.append(agent.act(observation, info))
    assert np.array_equal(actions[0], actions[1]) and not np.array_equal(actions[0], actions[2])


@pytest.mark.parametrize("labels", ["probability", "sample"])
def test_missing_labels_are_filled_with_what_is_expected(labels: str) -> None:
    """All of them missing in the first century: nothing is expected to have moved."""
    env = envs_of(1, f"follow?labels={labels}")[0]
    observation, info = env.reset(seed=0)
    agent, static = make("kalman"), make("static")
    for one in (agent, static):
        one.reset(env.task)
    action = agent.act({**observation, "labels": np.full_like(observation["labels"], np.nan)}, info)
    mask = env.task.instrument.mask
    found, still = to_answers(action, mask), to_answers(static.act(observation, info), mask)
    np.testing.assert_allclose(found.argmax(-1), still.argmax(-1))
    if labels == "probability":
        np.testing.assert_allclose(found, still, atol=2e-4)


def test_unknown_arguments_are_named() -> None:
    with pytest.raises(UserError, match="did you mean 'forecast'"):
        check("kalman?forcast=1")
    with pytest.raises(UserError, match="whole number"):
        check("kalman?forecast=-1")
    with pytest.raises(UserError, match="positive number"):
        check("attention?scale=0")
