"""A verifiers v1 plugin with two models that learn: `--env.taskset.id progressgym-debate`, where this file's folder is on the path.

Played from Python with any OpenAI-compatible server, here on both sides:

    python examples/progressgym_debate.py --url http://127.0.0.1:8000/v1 --model my-model --domain dilemmas
"""

from __future__ import annotations

import argparse
import asyncio
import os

from progressgym_text import play

import progressgym.envs.text.shells.verifiers_debate as shell

__all__ = ["DebateEnv", "DebateTaskset"]
DebateEnv, DebateTaskset = shell.DebateEnv, shell.DebateTaskset


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="of a server that speaks OpenAI's chat completions")
    parser.add_argument("--model", default="model")
    parser.add_argument("--domain", default="simulator")
    parser.add_argument("--size", type=int, default=2, help="debates")
    arguments = parser.parse_args()
    os.environ.setdefault("MODEL_API_KEY", "none")
    asking = {"domain": arguments.domain, "payoff": "shaped"}
    for number, (first, second) in enumerate(
        asyncio.run(play(arguments.url, arguments.model, arguments.size, asking, "debate"))
    ):
        print(f"debate {number}: debater_0 {first:+.3f}, debater_1 {second:+.3f}")


if __name__ == "__main__":
    main()
