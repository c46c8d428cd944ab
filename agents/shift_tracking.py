"""Agents for ShiftTracking: from the first answers for ever to exact inference.

An answer is a chain of two poles with rates P (minus first). With the last answer b before now, g steps ago, and the answer c now
where it was asked, the probability of the plus pole

    now     = c if asked, otherwise P^g[b, 1];
    before  = b if g = 1; P^(g-1)[b, 1] P[1, c] / sum_y P^(g-1)[b, y] P[y, c] if asked; otherwise P^(g-1)[b, 1],

is all that can be known (`filter`), and so the highest expected reward. Legend of shapes: N questions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from progressgym.core.answers import Floats
from progressgym.envs.shift_tracking import ShiftTrackingEnv

Policy = Callable[[Any], Floats]
"""Observation (3 N,) -> action (2 N,)."""


def exact(rates: Floats, steps: int) -> Policy:
    """The best possible agent, given rates (N, 2, 2) and the steps of an episode."""
    powers = [np.broadcast_to(np.eye(2), rates.shape)]
    for _ in range(steps + 1):
        powers.append(powers[-1] @ rates)
    table = np.stack(powers)  # (steps + 2, N, 2, 2)

    def act(observation: Any) -> Floats:
        now_answered, last, age = np.asarray(observation, dtype=np.float64).reshape(3, -1)
        ago, rows = np.rint(age * steps).astype(np.int64), np.arange(len(now_answered))
        pole, asked = (last > 0).astype(np.int64), now_answered != 0
        now = np.where(asked, now_answered, 2.0 * table[ago, rows, pole, 1] - 1.0)
        prior = table[ago - 1, rows, pole]  # (N, 2)
        seen = rates[rows, :, (now_answered > 0).astype(np.int64)]
        joint = prior * np.where(asked[:, None], seen, 1.0)
        return np.concatenate([now, 2.0 * joint[:, 1] / joint.sum(1) - 1.0])

    return act


def last(observation: Any) -> Floats:
    """What was answered last, for sure."""
    now_answered, earlier, _ = np.asarray(observation, dtype=np.float64).reshape(3, -1)
    return np.concatenate([np.where(now_answered != 0, now_answered, earlier), earlier])


class Static:
    """The first answers for ever; one object plays one episode."""

    def __init__(self) -> None:
        self.first: Floats | None = None

    def __call__(self, observation: Any) -> Floats:
        """The second part of the first observation, for good."""
        if self.first is None:
            self.first = np.tile(np.asarray(observation, dtype=np.float64).reshape(3, -1)[1], 2)
        return self.first


def policies(env: ShiftTrackingEnv) -> dict[str, Callable[[], Policy]]:
    """What makes the agents of the environment's page for an episode, by name."""
    pooled = exact(np.broadcast_to(env.rates.mean(0), env.rates.shape), env.steps)
    best = exact(env.rates, env.steps)
    return {"static": Static, "last": lambda: last, "pooled": lambda: pooled, "filter": lambda: best}


def play(env: gym.Env[Any, Any], policy: Policy, seed: int) -> tuple[float, float, float, float]:
    """Mean over an episode's steps of the reward, of what was right now and before, and of the gap."""
    observation, _ = env.reset(seed=seed)
    rows, done = [], False
    while not done:
        observation, reward, done, _, info = env.step(policy(observation).astype(np.float32))
        rows.append((float(reward), info["now"], info["before"], info["gap"]))
    means = np.mean(rows, axis=0)
    return float(means[0]), float(means[1]), float(means[2]), float(means[3])


def compare(episodes: int) -> dict[str, dict[str, tuple[float, float]]]:
    """Agent -> reward, now, before and gap -> (mean, standard error) over the same episodes."""
    env = ShiftTrackingEnv()
    table = {}
    for name, make in policies(env).items():
        rows = np.array([play(env, make(), seed) for seed in range(episodes)])
        errors = rows.std(0, ddof=1) / episodes**0.5
        table[name] = {
            key: (float(mean), float(error))
            for key, mean, error in zip(("reward", "now", "before", "gap"), rows.mean(0), errors, strict=True)
        }
    return table
