"""Train stable-baselines3's PPO to follow drifting values, and compare it with never learning on histories it never saw.

It trains on a distribution of synthetic histories (a new one each episode) with exact labels and the reward "gain",
in which 0 is `static`, the agent that answers as in century 0 for ever, and 1 is perfect. It is evaluated on histories
with fixed seeds.

    python examples/train_ppo.py --steps 60000

Two settings matter. The wrapper `SinceStart` shows how far the evidence has moved since century 0, which a policy
without memory cannot know. And gamma is 0: what an agent answers changes nothing in the human, so every step is a
problem of its own. Exploration is PPO's own, a standard deviation of 1: in `FollowStance-v1` that is a small step.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

import progressgym  # noqa: F401  (registers the environments)
from progressgym.envs.wrappers import HideScores, SinceStart

ENVIRONMENT = "ProgressGym/FollowStance-v1"
COHERENCE = 0.5
"""Share of the drift that items have in common; at the default, 0.05, there is too little to learn in minutes."""
HELD_OUT = range(1_000_000, 1_000_040)
"""Seeds of the evaluation histories; training draws never meet them."""


@dataclass(kw_only=True, frozen=True)
class Evaluation:
    """How an agent did on the held-out histories."""

    gains: NDArray[np.float64]
    """(histories, steps) gain of every step; `static` has 0 everywhere."""

    @property
    def mean(self) -> float:
        """Mean gain."""
        return float(self.gains.mean())

    @property
    def error(self) -> float:
        """Standard error of the mean over histories."""
        return float(self.gains.mean(1).std(ddof=1) / np.sqrt(len(self.gains)))


def make(history: str) -> gym.Env[NDArray[np.float32], NDArray[np.float32]]:
    """The environment that the agent sees."""
    return HideScores(SinceStart(gym.make(ENVIRONMENT, history=history, labels="probability", reward="gain")))


def train(family: str, steps: int, seed: int = 0, envs: int = 8) -> PPO:
    """Train on a family of synthetic histories."""
    vector = DummyVecEnv([lambda: make(f"synthetic:{family}?coherence={COHERENCE}")] * envs)
    model = PPO(
        "MlpPolicy",
        vector,
        seed=seed,
        n_steps=256,
        batch_size=512,
        n_epochs=10,
        learning_rate=1e-3,
        gamma=0.0,
        gae_lambda=0.0,
        policy_kwargs={"net_arch": [64, 64]},
        device="cpu",
    )
    return model.learn(steps)


def evaluate(model: PPO, family: str) -> Evaluation:
    """Play every held-out history once, without exploration."""
    env = make(f"synthetic:{family}?coherence={COHERENCE}")
    gains = []
    for seed in HELD_OUT:
        observation, _ = env.reset(seed=0, options={"history": f"synthetic:{family}?coherence={COHERENCE}&seed={seed}"})
        rewards, done = [], False
        while not done:
            action, _ = model.predict(observation, deterministic=True)
            observation, reward, done, _, _ = env.step(action)
            rewards.append(float(reward))
        gains.append(rewards)
    return Evaluation(gains=np.array(gains))


def main() -> None:
    """Train, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default="linear", help="synthetic family to train and evaluate on")
    parser.add_argument("--steps", type=int, default=60_000, help="environment steps of training")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    start = time.perf_counter()
    model = train(arguments.family, arguments.steps, arguments.seed)
    result = evaluate(model, arguments.family)
    print(f"{arguments.steps} steps of training in {time.perf_counter() - start:.0f} s")
    print(f"held-out {arguments.family} histories: gain {result.mean:+.3f} +- {1.96 * result.error:.3f} (static: 0)")
    print("by step: " + " ".join(f"{gain:+.2f}" for gain in result.gains.mean(0)))


if __name__ == "__main__":
    main()
