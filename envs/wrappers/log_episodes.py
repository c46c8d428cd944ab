"""Tells a logger of every finished episode, by the hook that loggers have in common: a function of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import gymnasium as gym

Observation = TypeVar("Observation")
Action = TypeVar("Action")
Log = Callable[[dict[str, float]], object]


class LogEpisodes(gym.Wrapper[Observation, Action, Observation, Action], gym.utils.RecordConstructorArgs):
    """Calls `log` once an episode: `wandb.log`, `trackio.log`, or any function of numbers by name.

    Logged are the sum of rewards, the number of steps, and what the last info's `scores` hold that is one finite number.

    >>> import gymnasium as gym, progressgym
    >>> logged = []
    >>> env = LogEpisodes(gym.make("ProgressGym/FollowText-v0", history="synthetic:linear?seed=0", questions=1), logged.append)
    >>> prompt, info = env.reset(seed=0)
    >>> for _ in range(8):
    ...     prompt, *_ = env.step("A 50 B 50")
    >>> sorted(logged[0])[:3], logged[0]["episode/steps"], logged[0]["scores/unread"]
    (['episode/reward', 'episode/steps', 'scores/brier'], 8.0, 0.0)
    """

    def __init__(self, env: gym.Env[Observation, Action], log: Log) -> None:
        """Wrap an environment."""
        gym.utils.RecordConstructorArgs.__init__(self, log=log)
        super().__init__(env)
        self._log, self._reward, self._steps = log, 0.0, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode; one that was left is not logged."""
        self._reward, self._steps = 0.0, 0
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Action) -> tuple[Observation, Any, bool, bool, dict[str, Any]]:
        """Take a step, and log after the last one."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._reward, self._steps = self._reward + float(reward), self._steps + 1
        if terminated or truncated:
            self._log({"episode/reward": self._reward, "episode/steps": float(self._steps), **numbers(info)})
        return observation, reward, terminated, truncated, info


def numbers(info: Mapping[str, Any]) -> dict[str, float]:
    """What `scores` of an info holds that is one finite number.

    >>> numbers({"scores": {"utility": 0.5, "values": [1.0], "drift": None}})
    {'scores/utility': 0.5}
    """
    scores = info.get("scores", {})
    plain = {name: value for name, value in scores.items() if isinstance(value, int | float)}
    return {f"scores/{name}": float(value) for name, value in plain.items() if math.isfinite(value)}
