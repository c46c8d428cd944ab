"""Rewards that do not give away what is judged: on the items asked about, with a warning, and infos without scores."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import progressgym
import progressgym.agents
from progressgym.core.errors import UserError
from progressgym.envs.actions import to_answers
from progressgym.envs.base import EvaluationRewardWarning
from progressgym.envs.challenge import CHALLENGES, parse_challenge
from progressgym.envs.wrappers import HideScores, HideVectorScores
from progressgym.scores import cosine
from tests.envs.rollout import LINEAR

TRACKING = ("Follow", "Predict")


@pytest.mark.parametrize("name", TRACKING)
@pytest.mark.parametrize("items", ["evaluation", "elicitation"])
def test_reward_is_the_similarity_on_the_items_that_are_named(name: str, items: str) -> None:
    env: Any = gym.make(f"ProgressGym/{name}-v0", history=LINEAR, reward_items=items).unwrapped
    env.reset(seed=0)
    instrument, history = env.task.instrument, env.history
    action = np.random.default_rng(1).normal(size=env.action_space.shape).astype(np.float32)
    chosen = getattr(instrument, items)
    human = history.values(chosen)[1 + env.horizon]
    own = instrument.values(to_answers(action, instrument.mask), chosen)
    assert env.step(action)[1] == pytest.approx(float(cosine(own, human)), abs=1e-9)


def test_other_items_change_nothing_else() -> None:
    """Same questions and labels whichever items are rewarded."""
    seen = [
        gym.make("ProgressGym/Follow-v0", history=LINEAR, labels="sample", reward_items=items).reset(seed=3)[0]
        for items in ("evaluation", "elicitation")
    ]
    for key in seen[0]:
        np.testing.assert_array_equal(seen[0][key], seen[1][key])


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_coevolve_is_scored_on_the_rewarded_items(version: str) -> None:
    rewards = []
    for items in ("evaluation", "elicitation"):
        env = gym.make(f"ProgressGym/CoevolveStance-{version}", history=LINEAR, reward_items=items)
        env.reset(seed=0)
        rewards.append(float(env.step(np.full(19, 0.3, dtype=np.float32))[1]))
    assert rewards[0] != rewards[1] and all(-1.0 < reward <= 1.0 for reward in rewards)


def test_unknown_items_are_refused() -> None:
    with pytest.raises(UserError, match="reward items"):
        gym.make("ProgressGym/Follow-v0", history=LINEAR, reward_items="all")


@pytest.mark.parametrize(
    ("arguments", "warned"),
    [
        ({"history": LINEAR, "reward": "gain"}, True),
        ({"history": LINEAR, "reward": "gain", "reward_items": "elicitation"}, False),
        ({"history": "synthetic:linear", "reward": "gain"}, False),
        ({"history": LINEAR}, False),
    ],
)
def test_training_on_what_is_judged_is_warned_of(arguments: dict[str, Any], warned: bool) -> None:
    for make in (gym.make, lambda name, **more: gym.make_vec(name, num_envs=2, **more)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            make("ProgressGym/FollowStance-v0", **arguments)
        assert any(issubclass(one.category, EvaluationRewardWarning) for one in caught) == warned


@pytest.mark.parametrize("challenge", CHALLENGES.names())
def test_a_benchmark_is_not_warned(challenge: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", EvaluationRewardWarning)
        parse_challenge(challenge).make(LINEAR)


def test_scores_are_hidden_and_nothing_else_changes() -> None:
    """Agents get infos without scores from the wrappers, in single and in vector environments."""
    plain, hidden = (gym.make("ProgressGym/Follow-v0", history=LINEAR, text=True) for _ in range(2))
    hidden = HideScores(hidden)
    np.testing.assert_array_equal(plain.reset(seed=0)[0]["labels"], hidden.reset(seed=0)[0]["labels"])
    action = np.zeros(plain.action_space.shape or (), dtype=np.float32)
    one, other = plain.step(action), hidden.step(action)
    assert one[1] == other[1] and "scores" in one[4] and set(other[4]) == {"preferences"}
    assert other[4]["preferences"] == one[4]["preferences"]


def test_a_vector_of_environments_hides_final_scores() -> None:
    envs = gym.make_vec("ProgressGym/FollowStance-v0", num_envs=2, history=LINEAR, autoreset_mode="same_step")
    envs = HideVectorScores(envs)
    envs.reset(seed=0)
    for step in range(8):
        *_, terminations, _, infos = envs.step(np.zeros((2, 19), dtype=np.float32))
        assert "scores" not in infos and "_scores" not in infos and terminations.all() == (step == 7)
    assert set(infos["final_info"]) == set() and "final_obs" in infos


@pytest.mark.parametrize("labels", ["argmax", "temperature", "annotators"])
@pytest.mark.parametrize("agent", ["kalman", "lifelong-map", "lifelong-dpo?reference=uniform"])
def test_agents_take_every_kind_of_labels(agent: str, labels: str) -> None:
    env: Any = gym.make("ProgressGym/Follow-v0", history=LINEAR, labels=labels, queries=60).unwrapped
    observation, info = env.reset(seed=0)
    player = progressgym.agents.make(agent)
    player.reset(env.task, seed=0)
    for _ in range(env.steps):
        action = player.act(observation, info)
        assert np.isfinite(action).all()
        observation, *_ = env.step(action)
