"""Labels as people and models give them: how much of the drift agents explain when labels are not probabilities.

    python -m research.labels [--splits 8] [--seeds 4] [--out FILE.json]

Drift explained on Follow, 1 - sum |v_agent - v_human|^2 / sum |v_static - v_human|^2 over steps, balanced splits of the
items into asked and scored ones (both ways) and seeds, for every kind of labels:

    probability   the share of people who prefer an option: what nobody observes
    sample        one vote a question, a fresh annotator each step
    annotators    one vote a question, the same annotator each step
    argmax        the likelier option: what a model at temperature 0 says
    temperature   the share at temperature 0.25: what a confident model says
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np

import progressgym
import progressgym.agents
from progressgym.envs.actions import to_answers
from progressgym.envs.wrappers import HideScores
from progressgym.histories.history import History
from progressgym.instruments.split import balanced_split
from progressgym.preferences.comparisons import DRAWN, LABELS

AGENTS = (
    "lifelong-map",
    "lifelong-dpo",
    "lifelong-dpo?reference=uniform",
    "kalman-level",
    "kalman",
    "kalman-pooled",
    "attention",
    "attention-v2",
)
HISTORIES = ("gss-v1",)


def with_split(history: History, seed: int) -> History:
    """The history with another balanced split of its items, odd seeds the other way round."""
    halves = balanced_split(history.instrument.items, seed=seed)
    elicitation, evaluation = halves if seed % 2 == 0 else halves[::-1]
    return replace(history, instrument=replace(history.instrument, elicitation=elicitation, evaluation=evaluation))


def errors(agent: str, history: History, labels: str, seed: int) -> tuple[float, float]:
    """Squared distances of the agent's and of the first step's values to the human's, summed over an episode."""
    env = gym.make("ProgressGym/Follow-v0", history=history, labels=labels)
    loop = HideScores(env)
    observation, info = loop.reset(seed=seed)
    player = progressgym.agents.make(agent)
    player.reset(env.get_wrapper_attr("task"), seed=seed)
    items, mask = history.instrument.evaluation, history.instrument.mask
    human = history.values(items)
    moved, done, step = 0.0, False, 1
    while not done:
        action = player.act(observation, info)
        answers = to_answers(action, mask)
        moved += float(((history.instrument.values(answers, items, check=False) - human[step]) ** 2).sum())
        observation, _, done, _, info = loop.step(action)
        step += 1
    return moved, float(((human[1:] - human[0]) ** 2).sum())


def explained(agent: str, history: History, labels: str, splits: int, seeds: int) -> tuple[float, float]:
    """Drift explained, a ratio of sums, and its standard deviation over splits."""
    pairs = np.array(
        [
            np.sum([errors(agent, with_split(history, split), labels, 1000 * split + s) for s in range(seeds)], axis=0)
            for split in range(splits)
        ]
    )
    moved, still = pairs.sum(0)
    return float(1.0 - moved / still), float((1.0 - pairs[:, 0] / pairs[:, 1]).std(ddof=1))


def table(
    histories: Sequence[str], agents: Sequence[str], splits: int, seeds: int
) -> dict[str, dict[str, list[float]]]:
    """History and agent -> kind of labels -> drift explained and its spread; printed as it comes."""
    found: dict[str, dict[str, list[float]]] = {}
    for name in histories:
        history = History.load(name)
        print(f"\n{name}\n| agent | {' | '.join(LABELS)} |\n|---|{'---|' * len(LABELS)}")
        for agent in agents:
            row = {}
            for labels in LABELS:
                mean, spread = explained(agent, history, labels, splits, seeds if labels in DRAWN else 1)
                row[labels] = [round(mean, 3), round(spread, 3)]
            print(f"| `{agent}` | {' | '.join(f'{mean:.2f}' for mean, _ in row.values())} |", flush=True)
            found[f"{name} {agent}"] = row
    return found


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=8, help="balanced splits of the items")
    parser.add_argument("--seeds", type=int, default=4, help="seeds of drawn labels a split")
    parser.add_argument("--agents", default=",".join(AGENTS))
    parser.add_argument("--histories", default=",".join(HISTORIES))
    parser.add_argument("--out", type=Path, help="where to keep the numbers")
    given = parser.parse_args()
    found = table(given.histories.split(","), given.agents.split(","), given.splits, given.seeds)
    if given.out is not None:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
