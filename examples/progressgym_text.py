"""A verifiers v1 plugin: `--env.taskset.id progressgym-text`, where this file's folder is on the Python path.

Played from Python with any OpenAI-compatible server:

    python examples/progressgym_text.py --url http://127.0.0.1:8000/v1 --model my-model --history gss-v1
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

import verifiers.v1 as vf
from verifiers.v1.utils.loaders import load_environment, resolve_env_config

import progressgym.envs.text.shells.verifiers_env as shell

__all__ = ["ProgressEnv", "ProgressTaskset"]
ProgressEnv, ProgressTaskset = shell.ProgressEnv, shell.ProgressTaskset


async def play(url: str, model: str, size: int, asking: dict[str, str], name: str = "text") -> list[list[float]]:
    """Rewards of episodes that a served model plays, of every agent in them."""
    sys.modules.setdefault(f"progressgym_{name}", sys.modules["__main__"])
    taskset = {"id": f"progressgym-{name}", "size": size, "asking": asking}
    env = load_environment(resolve_env_config({"taskset": taskset, "interception": {"type": "server"}}))
    client = vf.EvalClientConfig(base_url=url, api_key_var="MODEL_API_KEY")
    rewards = []
    async with env.serving():
        for task in env.taskset:
            episode = await env.run_slot(env.slots(task)[0], vf.ModelContext(model=model, client=client))
            if not episode.ok:
                raise SystemExit(f"episode {task.data.name} failed: {episode.errors or episode.traces[0].errors}")
            rewards.append([trace.reward for trace in sorted(episode.traces, key=lambda trace: trace.agent.name)])
    return rewards


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="of a server that speaks OpenAI's chat completions")
    parser.add_argument("--model", default="model")
    parser.add_argument("--history", default="synthetic:linear?coherence=0.5")
    parser.add_argument("--size", type=int, default=2, help="episodes")
    arguments = parser.parse_args()
    os.environ.setdefault("MODEL_API_KEY", "none")
    asking = {"history": arguments.history, "split": "test", "reward": "explained"}
    print(asyncio.run(play(arguments.url, arguments.model, arguments.size, asking)))


if __name__ == "__main__":
    main()
