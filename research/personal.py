"""A few answers of a person, then the rest of them and the next wave: agents on every new person of a panel, one by one.

    python -m research.personal [--panel DIR] [--agents A,A] [--asked 1,4,20,all] [--people N]

DIR is a folder of `progressgym history survey --panel`, or `planted`. Every new person is a history of their own; `--asked`
is how many questions of the elicitation half are put to them in each wave (some were not asked of them and stay
unanswered). What is scored are the answers of the evaluation half, which no agent is told:

    accuracy     share of answers that are the agent's likeliest option, ties left out; 95 % over people
    explained    1 - sum |v - h|^2 / sum |s - h|^2 over the values of people and waves, s being everybody's

in the wave that was told (Follow) and in the next (Predict, horizon 1).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
import torch

import progressgym
from progressgym.agents.registry import make
from progressgym.core.answers import keep_items
from progressgym.envs.actions import to_answers
from progressgym.histories.panel import panel_of
from progressgym.histories.people import new_people

AGENTS = "static,lifelong-map,kalman,conditional-dpo?beta_dpo=10,personal?model=bradley-terry,personal?model=pal&k=6,personal?model=user&ridge=1"
RESAMPLES = 2000


def play(history: str, agent: object, name: str, horizon: int, asked: str | int) -> tuple[np.ndarray, np.ndarray]:
    """(2,) right answers and answers, and (2,) squared distances of the agent's and of everybody's values to the person's."""
    challenge = progressgym.envs.parse_challenge(f"predict?horizon={horizon}&labels=argmax&queries={asked}")
    env = challenge.make(history)
    observation, info = env.reset(seed=0)
    agent.reset(env.task, 0)  # type: ignore[attr-defined]
    truth, first = env.history, env.history.first_answers
    covered = truth.instrument.covered(truth.instrument.evaluation)
    right, squares = np.zeros(2), np.zeros(2)
    for step in range(env.steps):
        action = agent.act(observation, {})  # type: ignore[attr-defined]
        observation, _, _, _, info = env.step(action)
        wave, answers = 1 + horizon + step, to_answers(action, truth.instrument.mask)
        items = [i for i in truth.instrument.evaluation if truth.asked[wave, i]]
        right += (answers[items].argmax(-1) == truth.answers[wave, items].argmax(-1)).sum(), len(items)
        human = info["scores"]["human_values"]
        known = keep_items(first, truth.scored[wave], truth.instrument.mask)
        still = truth.instrument.values(known, truth.instrument.evaluation, check=False)[covered]
        squares += ((info["scores"]["agent_values"] - human) ** 2).sum(), ((still - human) ** 2).sum()
    return right, squares


def summary(right: np.ndarray, squares: np.ndarray) -> str:
    """Both measures of (people, 2) sums with their intervals."""
    draws = np.random.default_rng(0).multinomial(len(right), np.full(len(right), 1 / len(right)), RESAMPLES)
    parts = []
    for sums, explained in ((right, False), (squares, True)):
        totals = np.concatenate([sums.sum(0)[None], draws @ sums])
        shares = totals[:, 0] / totals[:, 1]
        values = 1.0 - shares if explained else shares
        low, high = np.quantile(values[1:], [0.025, 0.975])
        parts.append(f"{values[0]:.3f} [{low:.3f}, {high:.3f}]")
    return "  ".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description="Agents on the people of a panel.")
    parser.add_argument("--panel", default="planted")
    parser.add_argument("--agents", default=AGENTS)
    parser.add_argument("--asked", default="1,4,20,all")
    parser.add_argument("--people", type=int, default=10**6)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    panel = panel_of(options.panel)
    people = new_people(panel)[: options.people]
    print(
        f"{options.panel}: {len(people)} new people with answers in every wave; accuracy and drift explained",
        flush=True,
    )
    for asked in options.asked.split(","):
        for name in options.agents.split(","):
            own = f"{name}&panel={options.panel}" if name.startswith("personal?") else name
            agent = make(own)
            for horizon in (0, 1):
                results = [
                    play(f"people?panel={options.panel}&person={person}", agent, own, horizon, asked)
                    for person in people
                ]
                right, squares = (np.stack(part) for part in zip(*results, strict=True))
                print(
                    f"{asked:>4} asked  {'Predict' if horizon else 'Follow':<8} {name:<34} {summary(right, squares)}",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
