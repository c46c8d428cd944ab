"""Play one episode of Follow with random answers, then one that never learns: the loop in its plainest form.

python examples/follow_random.py --history "synthetic:linear?seed=7"
"""

from __future__ import annotations

import argparse

import gymnasium as gym

import progressgym  # noqa: F401  (registers the environments)
from progressgym.envs import to_action


def play(history: str, static: bool) -> float:
    """Return of one episode: the sum of eight similarities."""
    env = gym.make("ProgressGym/Follow-v0", history=history)
    observation, info = env.reset(seed=0)
    env.action_space.seed(0)
    task = env.get_wrapper_attr("task")
    total, done = 0.0, False
    while not done:
        action = to_action(task.initial_answers) if static else env.action_space.sample()
        observation, reward, done, _, info = env.step(action)
        total += float(reward)
        label = task.century_labels[observation["century"]]
        drift = info["scores"]["drift_cosine"]  # for people: no agent may see scores
        print(f"  {label}: similarity {reward:+.4f}, drift cosine {drift:+.3f}")
    return total


def main() -> None:
    """Play both and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history", default="synthetic:linear?seed=7", help="shipped name, path or synthetic id")
    history = parser.parse_args().history
    for name, static in (("random", False), ("static", True)):
        print(f"{name}:")
        print(f"  return {play(history, static):.4f} of 8")


if __name__ == "__main__":
    main()
