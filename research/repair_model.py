"""What adapting a language model to the next century costs the last one, and which method repairs it: `research.repair` with weights.

    python -m research.repair_model run OUT.json [--centuries 1]           goes on with what OUT.json holds
    python -m research.repair_model report docs/data/repair-smollm2.json

The policy begins a step as the model of its old century, with which the history comes (`histsmol-v1`: an adapter a century), and
is trained as `lifelong-dpo` trains it: LoRA, by default 32 comparisons a stage at 3e-4. It is judged by 72 of the evaluation items, read as the
history was read. Damage, lesson, recovered share, tax and methods are those of `research.repair`, without `map`, which adjusts a
stance only; `steerlm` is asked for the better answer. Shares are of sums over steps; intervals are 95 % of a bootstrap over the
items of each step, which hold the training as it was: nothing is said about another seed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from progressgym.agents.config import LanguageModelConfig
from progressgym.agents.methods import Dpo, Method, ModelStage, SteerLm
from progressgym.core.answers import softmax_options
from progressgym.core.errors import UserError
from progressgym.core.files import read_json, write_json
from progressgym.histories.history import History
from progressgym.preferences.pairs import Pairs
from research.repair import ADAPT, EXACT, METHODS, RESAMPLES, Floats, Step, label_of, own_drafts

Cell = list[list[float]]
"""Squared errors of items, means over options: to the old century on what did not change, to the new one on what did."""
ARMS = (
    ("supervised", EXACT),
    ("supervised", 0.0),
    ("dpo?beta_dpo=10", 0.0),
    ("rdpo?beta_dpo=10", 0.0),
    ("ipo?beta_dpo=10", 0.0),
    ("dpo", 0.0),
    ("steerlm", 0.0),
    ("rejection", 0.0),
)
NEVER, ADAPTED = "never", "adapted"


class Weights:
    """A language model that begins as the model of the old century."""

    def __init__(self, step: Step, century: int, config: LanguageModelConfig) -> None:
        """Load it; what it answers is the old century, whatever was measured.

        Raises:
            UserError: the history has no model of that century.
        """
        from progressgym.agents.policies.language_model import LanguageModelPolicy
        from progressgym.envs.base import ProgressEnv
        from progressgym.envs.follow import FollowEnv

        env: ProgressEnv = FollowEnv(history=step.history)
        env.reset(seed=0)
        task, adapter = env.task, step.history.adapter(century)
        if century:
            if task.first_model is None or adapter is None:
                raise UserError(f"{step.history.name} comes with no model of {step.history.labels[century]}")
            task = replace(task, first_model=replace(task.first_model, adapter=str(adapter)))
        self.step, self.config = step, config
        self.policy = LanguageModelPolicy.open(self.config, task)

    def answers(self) -> Floats:
        """(N, K), of the items that are judged."""
        return softmax_options(self.policy.logits(np.flatnonzero(self.step.held)), self.step.history.instrument.mask)

    def train(self, method: Method, pairs: NDArray[np.int64], targets: Floats, seed: int) -> None:
        """One stage, of so many of the comparisons."""
        chosen = np.sort(np.random.default_rng(seed).permutation(len(pairs))[: self.config.comparisons])
        asked = Pairs.of_options(self.step.history.instrument, pairs[chosen], targets[chosen])
        model: Any = Dpo(loss="steerlm") if isinstance(method, SteerLm) else method
        rows = model.rows(ModelStage(policy=self.policy, pairs=asked, seed=seed))
        self.policy.align(model, rows, self.config, seed=seed)


def measured(
    step: Step, century: int, config: LanguageModelConfig, seed: int, save: Callable[[str, Callable[[], Floats]], None]
) -> None:
    """One step, every arm.

    Args:
        step: which.
        century: the old one.
        config: the model, and how it is trained.
        seed: of everything that is drawn.
        save: takes a name and what gives the answers (N, K), and does not ask for them where it has them.
    """
    weights = Weights(step, century, config)
    save(NEVER, weights.answers)
    weights.train(ADAPT, *step.lesson(), seed)
    adapted = weights.policy.weights
    save(ADAPTED, weights.answers)

    def repaired(name: str, flips: float) -> Floats:
        weights.policy.weights = adapted
        drafts = step.repair(config.comparisons, flips, seed)
        if name == "rejection":  # the options of other items are not read; one try in two has either
            drafts = own_drafts(np.full(len(drafts[0]), 0.5), *drafts, seed)
        weights.train(METHODS[name], *drafts, seed)
        return weights.answers()

    for name, flips in ARMS:
        save(f"{name} {label_of(flips)}", lambda name=name, flips=flips: repaired(name, flips))  # type: ignore[misc]


def run(out: Path, history: str, config: LanguageModelConfig, *, centuries: int, items: int, seed: int) -> None:
    """Everything that the file has not; it is written after each arm.

    Raises:
        UserError: the file is of another run.
    """
    about = {"history": history, "model": config.policy, "votes": config.comparisons, "learning_rate": config.peak}
    about |= {"items": items, "seed": seed}
    results: dict[str, Any] = read_json(out) if out.exists() else {**about, "cells": {}}
    if {key: results[key] for key in about} != about:
        raise UserError(f"{out.name} is of another run; choose another file")
    cells, one = results["cells"], History.load(history)
    names = (NEVER, ADAPTED, *(f"{name} {label_of(flips)}" for name, flips in ARMS))
    for century in range(centuries):
        step, label = Step.of(one, century, items), one.labels[century]

        def save(name: str, answers: Callable[[], Floats], step: Step = step, label: str = label) -> None:
            if (place := f"{label} {name}") not in cells:
                began = time.process_time()
                squares = step.squares(answers())
                cells[place] = [np.round(part.mean(1), 9).tolist() for part in squares]
                write_json(out, results)
                print(f"{place}: {time.process_time() - began:.0f} s", file=sys.stderr, flush=True)

        if any(f"{label} {name}" not in cells for name in names):
            measured(step, century, config, seed, save)


def report(results: Mapping[str, Any]) -> str:
    """Damage and lesson, then recovered share and tax of every arm, of the steps that have it."""
    cells: dict[str, dict[str, Cell]] = {}
    for name, cell in results["cells"].items():
        label, arm = name.split(" ", 1)
        cells.setdefault(arm, {})[label] = cell
    never, adapted = cells.pop(NEVER), cells.pop(ADAPTED, {})
    lines = [
        f"{results['history']}, {results['model']}, {results['votes']} comparisons a stage at {results['learning_rate']:g}",
        "",
    ]
    lines += ["| step after | damage before, after adapting | lesson before, after |", "|---|---|---|"]
    for label in adapted:
        first, then = ([np.sqrt(np.mean(part)) for part in one[label]] for one in (never, adapted))
        lines.append(f"| {label} | {first[0]:.4f}, {then[0]:.4f} | {first[1]:.4f}, {then[1]:.4f} |")
    lines += ["", "| method, flipped | steps | recovered | tax |", "|---|---|---|---|"]
    for arm, at in cells.items():
        shares = shares_of([(never[label], adapted[label], after) for label, after in at.items()])
        texts = [
            f"{share[0]:+.2f} [{np.quantile(share[1:], 0.025):+.2f}, {np.quantile(share[1:], 0.975):+.2f}]"
            for share in shares
        ]
        lines.append(f"| `{arm}` | {len(at)} | {' | '.join(texts)} |")
    return "\n".join(lines)


def shares_of(steps: Sequence[tuple[Cell, Cell, Cell]]) -> tuple[Floats, Floats]:
    """Recovered share and tax (1 + RESAMPLES,), the first as they are, the others of items drawn anew.

    Args:
        steps: never learned, adapted, repaired.
    """
    random, sums = np.random.default_rng(0), np.zeros((4, 1 + RESAMPLES))
    for never, adapted, after in steps:
        for part, rows in enumerate(((after[0], adapted[0]), (after[1], adapted[1], never[1]))):
            table = np.array(rows)
            drawn = random.integers(0, table.shape[1], (RESAMPLES, table.shape[1]))
            errors = np.sqrt(np.column_stack([table.mean(1), table[:, drawn].mean(-1)]))
            sums[2 * part : 2 * part + 2] += errors if part == 0 else (errors[0] - errors[1], errors[2])
    return 1.0 - sums[0] / sums[1], sums[2] / sums[3]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run or report."""
    parser = argparse.ArgumentParser(description="What does adapting a language model cost, and what repairs it?")
    parser.add_argument("what", choices=("run", "report"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--history", default="histsmol-v1")
    parser.add_argument("--model", default="lm:smollm2-135m")
    parser.add_argument("--centuries", type=int, default=1)
    parser.add_argument("--votes", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--items", type=int, default=72)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if given.what == "run":
        config = LanguageModelConfig(policy=given.model, comparisons=given.votes, learning_rate=given.learning_rate)
        run(given.path, given.history, config, centuries=given.centuries, items=given.items, seed=given.seed)
    print(report(read_json(given.path)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
