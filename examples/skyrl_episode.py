"""An episode in SkyRL-gym, and the rows that SkyRL-train reads: `env_class`, `prompt` and the record of a task.

python examples/skyrl_episode.py --history gss-v1
"""

from __future__ import annotations

import argparse

import skyrl_gym

import progressgym.envs.text.shells.skyrl_env as shell
from progressgym.envs.text import TaskSet


def main() -> None:
    """Answer one episode with what century 0 would say of every question: nothing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history", default="synthetic:linear?coherence=0.5")
    arguments = parser.parse_args()
    shell.register()
    tasks = TaskSet(history=arguments.history, size=3, questions=1, reward="brier")
    rows = [{"env_class": shell.ID, "prompt": [], "task": task.record} for task in tasks]
    for row in rows:
        env = skyrl_gym.make(row["env_class"], env_config={}, extras=row)
        chat, _ = env.init(row["prompt"])
        total, done = 0.0, False
        while not done:
            said = "A 50 B 50"  # a model's completion of `chat`
            step = env.step(said)
            chat += [{"role": "assistant", "content": said}, *step["observations"]]
            total, done = total + step["reward"], step["done"]
        print(f"{env.max_turns} completions, reward {total:+.3f}, last outcome {step['metadata']['outcomes']}")


if __name__ == "__main__":
    main()
