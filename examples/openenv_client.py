"""Play episodes on an OpenEnv server; `examples/openenv` is the server:

(cd examples/openenv && python -m server.app --port 8000) &
python examples/openenv_client.py --url http://127.0.0.1:8000 --history gss-v1
"""

from __future__ import annotations

import argparse

from openenv.core import GenericEnvClient


def play(url: str, completion: str, **episode: object) -> float:
    """Reward of an episode in which every prompt gets the same completion."""
    total = 0.0
    with GenericEnvClient(base_url=url).sync() as env:
        result = env.reset(**episode)
        while not result.done:
            prompt = result.observation["prompt"]  # what a model would be shown
            assert prompt.endswith("Answer:")
            result = env.step({"text": completion})
            total += result.reward
    return total


def main() -> None:
    """Play three episodes of the test split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--history", default="synthetic:linear?coherence=0.5")
    arguments = parser.parse_args()
    for seed in range(3):
        asking = {"split": "test", "history": arguments.history, "questions": 1}
        print(f"episode {seed}: drift explained {play(arguments.url, 'A 60 B 40', seed=seed, **asking):+.3f}")


if __name__ == "__main__":
    main()
