"""Benchmark an agent of your own against the shipped ones.

    python examples/bench_your_agent.py
    progressgym bench --agents static,lifelong-map,bench_your_agent:Swayed          (in this folder: the same)

An agent is any class with `reset(task, seed)` and `act(observation, info)`. This one ignores dimensions: it nudges
century 0's answers toward the option that this century prefers, for the items that were asked about, and therefore
learns nothing about the items that it is scored on. Its skill is 0, and that is the lesson: what is learned has to
carry over.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from progressgym.bench import make_plan, print_table, run_bench, steps_of
from progressgym.core import Info, Observation
from progressgym.envs import Task


class Swayed:
    """Follows each preference on the very item that it is about."""

    def reset(self, task: Task, seed: int | None = None) -> None:
        """Start from century 0's answers."""
        self.logits = np.log(np.clip(task.initial_answers, 1e-4, 1.0))

    def act(self, observation: Observation, info: Info) -> np.ndarray:
        """Add half of every preference's log-odds to its first option, take it from its second."""
        item, first, second = observation["pairs"].T
        label = np.clip(observation["labels"], 1e-3, 1 - 1e-3)
        now = self.logits[item, first] - self.logits[item, second]
        step = 0.5 * (np.log(label / (1 - label)) - now)
        np.add.at(self.logits, (item, first), step / 2)
        np.subtract.at(self.logits, (item, second), step / 2)
        return self.logits.astype(np.float32)


def main(out: Path = Path("runs/own")) -> None:
    """Two shipped agents and ours, on one synthetic family."""
    plan = make_plan(
        agents=["static", "lifelong-map", "bench_your_agent:Swayed"],
        challenges=["follow"],
        histories=["synthetic:linear?coherence=0.5"],
        seeds=5,
    )
    outcome = run_bench(plan, out, workers=1)
    print_table(outcome.results.aggregates, steps_of(plan))


if __name__ == "__main__":
    main()
