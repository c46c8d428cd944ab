"""Controls of the validity report on a real model: the same answers, dealt out anew between the questions, must fail.

    python -m research.controls [--history histsmol-v1] [--century C021] [--seeds 60] [--people FILE] [--out FILE]

A model whose answers are shuffled is as loud, as sure and as fond of each word as before; only what it says of what is gone.
A check of the report passes where its whole interval is above 0 and chance reaches it in fewer than 5 % of permutations, so
of such models it may pass one in twenty. Answers are kept in the usual cache: only the first seed asks the model.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.files import write_json
from progressgym.core.protocols import OptionScorer
from progressgym.core.seeding import generator
from progressgym.histories.validity import Check, make_asking, validate_models
from progressgym.histories.validity.check import LEVEL
from progressgym.histories.validity.run import history_models
from progressgym.instruments import Questionnaire

Floats = NDArray[np.float64]


class Shuffled:
    """A model whose answers are dealt out anew between the questions, for every lead and word by itself."""

    name = fingerprint = "shuffled"

    def __init__(self, model: OptionScorer, seed: int = 0) -> None:
        self.model, self.rng = model, generator(seed, "shuffled")

    def option_logprobs(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        """As `OptionScorer`."""
        return [table[0] for table in self.framed_option_logprobs(prompts, [""], options)]

    def framed_option_logprobs(
        self, contexts: Sequence[str], framings: Sequence[str], options: Sequence[Sequence[str]]
    ) -> list[Floats]:
        """As `OptionScorer`; every column (framing, option) is permuted over the contexts by itself."""
        table = np.array(self.model.framed_option_logprobs(contexts, framings, options))
        return list(self.rng.permuted(table, axis=0))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each shuffling's report, and at the end how often each check passed: a level of 5 % is what chance may have."""
    parser = argparse.ArgumentParser(description="A century's real model with shuffled answers, before the report.")
    parser.add_argument("--history", default="histsmol-v1")
    parser.add_argument("--century", default="C021")
    parser.add_argument("--instrument", default="moral19-v1")
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--people", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    load = history_models(given.history)[given.century]
    asking = make_asking(Questionnaire.load(given.instrument), given.people)
    made: dict[str, list[Check]] = {}
    for seed in range(given.seeds):
        models = {given.century: lambda seed=seed: Shuffled(load(), seed)}
        report = validate_models(f"{given.century}, shuffled with seed {seed}", models, asking)
        print("\n".join(check.line() for check in report.checks), end="\n\n", flush=True)
        for check in report.checks:
            made.setdefault(check.name, []).extend([check] * (check.value is not None))
    rows = [_row(name, checks) for name, checks in made.items() if checks]
    for row in rows:
        print(
            f"{row['check']:<14}passed {row['passed']} of {row['made']}, on average {row['mean']:+.3f} (sd {row['sd']:.3f})"
        )
    if given.out:
        write_json(given.out, {"century": given.century, "history": given.history, "checks": rows})
    return 0


def _row(name: str, checks: Sequence[Check]) -> dict[str, Any]:
    values = np.array([check.value for check in checks], dtype=np.float64)
    passed = sum(check.status == "pass" for check in checks)
    return {
        "check": name,
        "made": len(checks),
        "passed": passed,
        "chance reached": sum(check.p is not None and check.p < LEVEL for check in checks),
        "mean": round(float(values.mean()), 4),
        "sd": round(float(values.std()), 4),
    }


if __name__ == "__main__":
    raise SystemExit(main())
