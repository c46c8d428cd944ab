"""What a reward on evaluation items teaches: a table without memory or labels learns one fixed history by heart.

    python -m research.held_out [--episodes 3000]

The policy is 19 numbers a step and sees nothing at all. It is trained by evolution strategies (antithetic noise, Adam) on
one fixed history, once rewarded for the evaluation items and once for the elicitation items, and is then judged on both
(mean gain of the steps; never learning is 0, the truth 1). Beside it `kalman-pooled`, which was never rewarded.
"""

from __future__ import annotations

import argparse
import warnings

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

import progressgym
import progressgym.agents
from progressgym.envs.base import REWARD_ITEMS, EvaluationRewardWarning
from progressgym.envs.wrappers import HideScores

HISTORIES = ("gss-v1", "histsmol-v1", "synthetic:linear?coherence=0.5&seed=1")
ROWS, NOISE, RATE = 64, 0.05, 0.03
D = 19


def rewards(table: NDArray[np.float64], history: str, items: str) -> NDArray[np.float64]:
    """(rows, steps) gains of stances (rows, steps, 19)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvaluationRewardWarning)  # that it overfits is the point here
        envs = gym.make_vec(
            "ProgressGym/FollowStance-v0",
            num_envs=len(table),
            history=history,
            reward="gain",
            reward_items=items,
            autoreset_mode="disabled",
        )
    envs.reset(seed=0)
    return np.stack([envs.step(table[:, t])[1] for t in range(table.shape[1])], 1)


def learn(history: str, items: str, steps: int, episodes: int) -> NDArray[np.float64]:
    """(steps, 19) the table after so many episodes."""
    rng = np.random.default_rng(0)
    table, first, second = (np.zeros((steps, D)) for _ in range(3))
    for number in range(1, episodes // ROWS + 1):
        half = NOISE * rng.standard_normal((ROWS // 2, steps, D))
        noise = np.concatenate([half, -half])
        slope = np.einsum("rt,rtd->td", rewards(table + noise, history, items), noise) / (ROWS * NOISE**2)
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        table += RATE * (first / (1 - 0.9**number)) / (np.sqrt(second / (1 - 0.99**number)) + 1e-8)
    return table


def play(agent: str, history: str, items: str) -> float:
    """Mean gain of an agent that learns from labels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvaluationRewardWarning)
        env = gym.make("ProgressGym/Follow-v0", history=history, reward="gain", reward_items=items)
    loop, player = HideScores(env), progressgym.agents.make(agent)
    observation, info = loop.reset(seed=0)
    player.reset(env.get_wrapper_attr("task"), seed=0)
    gains, done = [], False
    while not done:
        observation, reward, done, _, info = loop.step(player.act(observation, info))
        gains.append(float(reward))
    return float(np.mean(gains))


def main() -> None:
    """Read the arguments, train, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=3000)
    episodes = parser.parse_args().episodes
    print("| history | policy | gain on elicitation items | gain on evaluation items |\n|---|---|---|---|")
    for history in HISTORIES:
        steps = len(progressgym.History.load(history)) - 1
        for rewarded in REWARD_ITEMS:
            table = learn(history, rewarded, steps, episodes)[None]
            asked, judged = (float(rewards(table, history, items).mean()) for items in ("elicitation", "evaluation"))
            print(f"| `{history}` | table, rewarded on {rewarded} | {asked:.3f} | {judged:.3f} |", flush=True)
        asked, judged = (play("kalman-pooled", history, items) for items in ("elicitation", "evaluation"))
        print(f"| `{history}` | `kalman-pooled` | {asked:.3f} | {judged:.3f} |", flush=True)


if __name__ == "__main__":
    main()
