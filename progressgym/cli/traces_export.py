"""`progressgym traces export`: dialogues of an agent that computes, as a dataset for imitation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from progressgym.cli.shared import Json, option

EXAMPLES = """
progressgym traces export --agent kalman-pooled --episodes 200 --out traces
progressgym traces export --agent lifelong-map --challenge predict --instrument people-core-v1 --questions 8
"""
KINDS_IN_HELP = ("agents", "challenges")


@dataclass(kw_only=True, frozen=True)
class Options:
    """Write the dialogues of an agent with a card, as TRL and verifiers read them.

    The agent computes its answers from all preferences of each century; the prompts tell some of them.
    """

    agent: Annotated[str, option("A", "Name or query string of an agent.")] = "kalman-pooled"
    challenge: Annotated[str, option("C", "By name or query string.")] = "follow"
    history: Annotated[str, option("H", "Shipped name, path or synthetic id.")] = "synthetic:linear?coherence=0.5"
    instrument: Annotated[str | None, option("I", "Questionnaire of synthetic histories.")] = None
    split: Annotated[str, option("S", "train, validation or test.")] = "train"
    questions: Annotated[int, option("N", "Asked every century.")] = 4
    episodes: Annotated[int, option("N")] = 100
    out: Annotated[str, option("DIR", "Folder of the dataset.")] = "runs/traces"
    json: Json = False


def run(options: Options) -> int:
    """Play and write."""
    from progressgym.agents.text_traces import export
    from progressgym.envs.text.tasks import TaskSet

    own = ("challenge", "history", "instrument", "split", "questions")
    tasks = TaskSet(size=options.episodes, **{name: getattr(options, name) for name in own})
    means = export(options.agent, tasks, Path(options.out))
    if options.json:
        print(json.dumps(means))
    else:
        print(
            f"{means['episodes']:.0f} episodes, reward {means['reward']:+.4f}, drift explained {means['explained']:+.4f}"
        )
        print(f"dataset   {options.out}")
    return 0
