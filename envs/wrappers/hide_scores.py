"""Infos without what tells about the human whom an agent is compared with."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

import gymnasium as gym

HIDDEN = ("scores", "_scores")
"""Keys of an info that tell about the human whom the agent is compared with, and of a vector environment's masks of them."""
Observation = TypeVar("Observation")
Action = TypeVar("Action")


def visible(info: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an info that an agent may see, as a copy of its own.

    >>> visible({"scores": {"utility": 1.0}, "preferences": []})
    {'preferences': []}
    >>> visible({"final_info": {"scores": {"utility": [1.0]}, "_scores": [True]}})
    {'final_info': {}}
    """
    return {
        key: visible(value) if isinstance(value, Mapping) else copy.deepcopy(value)
        for key, value in info.items()
        if key not in HIDDEN
    }


class HideScores(gym.Wrapper[Observation, Action, Observation, Action], gym.utils.RecordConstructorArgs):
    """Takes `scores` out of every info, so that a loop may hand infos to its agent as they come.

    Scores hold the human's values on the items that an agent is judged on: whoever reads them needs to learn nothing.

    >>> import gymnasium as gym, progressgym
    >>> env = HideScores(gym.make("ProgressGym/FollowStance-v0", history="synthetic:linear?seed=0"))
    >>> observation, info = env.reset(seed=0)
    >>> env.step([0.0] * 19)[4]
    {}
    """

    def __init__(self, env: gym.Env[Observation, Action]) -> None:
        """Wrap an environment."""
        gym.utils.RecordConstructorArgs.__init__(self)
        super().__init__(env)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, visible(info)

    def step(self, action: Action) -> tuple[Observation, Any, bool, bool, dict[str, Any]]:
        """Take a step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, visible(info)


class HideVectorScores(gym.vector.VectorWrapper):
    """The same of a vector environment, `final_info` included.

    >>> import gymnasium as gym, progressgym
    >>> envs = gym.make_vec("ProgressGym/FollowStance-v0", num_envs=2, history="synthetic:linear?seed=0")
    >>> envs = HideVectorScores(envs)
    >>> observations, infos = envs.reset(seed=0)
    >>> envs.step(envs.action_space.sample())[4]
    {}
    """

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin episodes."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return observations, visible(infos)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Take a step in all rows."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        return observations, rewards, terminations, truncations, visible(infos)
