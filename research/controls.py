"""Controls of the validity report on a real model: the same answers, dealt out anew between the questions, must fail.

    python -m research.controls [--history histsmol-v1] [--century C021] [--seeds 3] [--people FILE] [--out FILE]

A model whose answers are shuffled is as loud, as sure and as fond of each word as before; only what it says of what is gone.
Whatever still passes would pass on noise. Answers are kept in the usual cache, so only the first seed asks the model.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from progressgym.core.files import write_json
from progressgym.core.protocols import OptionScorer
from progressgym.core.seeding import generator
from progressgym.histories.validity import make_asking, validate_models
from progressgym.histories.validity.run import history_models
from progressgym.histories.validity.validity_report import lines, to_record
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
    """Print the report on each shuffling; 0 if every check that can be made of one model fails in all of them."""
    parser = argparse.ArgumentParser(description="A century's real model with shuffled answers, before the report.")
    parser.add_argument("--history", default="histsmol-v1")
    parser.add_argument("--century", default="C021")
    parser.add_argument("--instrument", default="moral19-v1")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--people", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    load = history_models(given.history)[given.century]
    asking = make_asking(Questionnaire.load(given.instrument), given.people)
    passed, records = 0, []
    for seed in range(given.seeds):
        report = validate_models(
            f"{given.century} of {given.history}, shuffled with seed {seed}",
            {given.century: lambda seed=seed: Shuffled(load(), seed)},
            asking,
        )
        print("\n".join(lines(report)), end="\n\n", flush=True)
        records.append(to_record(report))
        passed += sum(check.status == "pass" for check in report.checks)
    if given.out:
        write_json(given.out, {"reports": records})
    print(f"{passed} checks passed that should fail")
    return int(passed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
