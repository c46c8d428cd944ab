"""What preference models and losses cost: agents on 1,024 histories at once, in units of `lifelong-dpo`.

    python benchmarks/preference_agents.py             # about ten minutes of a core
    python benchmarks/preference_agents.py --histories 128 --agents 'lifelong-rlhf?reward=hrc'

Every preference model of the registry stands in it, by both methods that take one, on two questionnaires: 216 items, and
people's 37. All agents see the same comparisons of Follow, one vote a question, on one thread. What counts is processor time of a
century, the mean over `--centuries`, fastest of `--turns`; `lifelong-dpo` takes its turns between those of every agent, so that a
busy machine disturbs little. Exit code 1 when an agent takes more than 5 times as long.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from progressgym.agents.registry import make
from progressgym.bench.episodes import environments
from progressgym.envs.challenge import parse_challenge
from progressgym.histories.source import resolve_history
from progressgym.preferences.models import PREFERENCE_MODELS

BASE, BAR = "lifelong-dpo", 5.0
HISTORIES = ("synthetic:linear?coherence=0.5", "synthetic:people-v1")
OTHERS = ("feature?hidden=4", "pal?k=3")
"""Settings that cost more than a model's defaults."""
MODELS = (*PREFERENCE_MODELS, *OTHERS)
LOSSES = ("ipo", "rdpo", "spo", "mapl", "length-controlled")
AGENTS = (
    *(f"lifelong-rlhf?reward={model.replace('?', '&')}" for model in MODELS),
    *(f"lifelong-gpo?model={model.replace('?', '&')}" for model in MODELS),
    *(f"lifelong-dpo?loss={loss}" for loss in LOSSES),
    "conditional-dpo",
)


class Played:
    """Comparisons of many episodes, drawn once for all agents: in Follow they do not depend on what is answered."""

    def __init__(self, history: str, count: int, centuries: int) -> None:
        challenge = parse_challenge("follow?labels=sample")
        envs = environments(challenge, resolve_history(history), history, count)
        seen = [env.reset(seed=seed)[0] for seed, env in enumerate(envs)]
        self.tasks, self.batches = [env.task for env in envs], []
        action = np.zeros(self.tasks[0].action_shape, dtype=np.float32)
        for _ in range(centuries):
            self.batches.append({key: np.stack([one[key] for one in seen]) for key in seen[0]})
            seen = [env.step(action)[0] for env in envs]

    def seconds(self, agent: str) -> float:
        """Processor seconds of a century."""
        player = make(agent)
        player.reset(self.tasks, seed=list(range(len(self.tasks))))
        began = time.process_time()
        for batch in self.batches:
            player.act(batch, {})
        return (time.process_time() - began) / len(self.batches)


def measured(played: Played, agents: Sequence[str], turns: int) -> list[str]:
    """Print what every agent takes; those above the bar."""
    played.seconds(BASE)  # warm up
    base = min(played.seconds(BASE) for _ in range(turns))
    print(f"{BASE}: {base:.2f} s of a core a century", flush=True)
    slow = []
    for agent in agents:
        own, unit = (
            min(column) for column in zip(*(map(played.seconds, (agent, BASE)) for _ in range(turns)), strict=True)
        )
        within = own <= BAR * unit
        slow += [] if within else [agent]
        print(f"{own / unit:5.1f}  {'within' if within else 'above '} {BAR:g}  {agent}", flush=True)
    return slow


def main() -> int:
    """Measure and print the ratios."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=1024)
    parser.add_argument("--history", nargs="+", default=HISTORIES)
    parser.add_argument("--centuries", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--agents", default=",".join(AGENTS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    slow = []
    for history in options.history:
        print(f"{options.histories} histories of {history}")
        played = Played(history, options.histories, options.centuries)
        slow += [f"{agent} ({history})" for agent in measured(played, options.agents.split(","), options.turns)]
    print(f"all within {BAR:g}" if not slow else f"above {BAR:g}: {', '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
