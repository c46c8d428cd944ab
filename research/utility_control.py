"""Utility control: a small model is tuned on some comparisons of outcomes, and asked others.

    python -m research.utility_control FOLDER [--base smollm2-135m] [--pairs 320] [--epochs 2] [--asked 120]

Somebody with a planted utility (the one that the instrument `utilities` must find: which dimensions count is dealt out from
+2 to -1) decides pairs of forty outcomes: one that upholds and one that violates each of 15 dimensions, and ten amounts of
money. An adapter learns those shares. Before and after, comparisons are asked that it was not taught:

    held-out pairs      pairs of the forty outcomes that were not among the taught
    unseen outcomes     pairs of the thirty outcomes that uphold or violate the same dimensions in other words
    untouched           offers of money today or later, of which the teacher says nothing here: how far answers move

Agreement is the share of pairs whose likelier choice, averaged over both orders, is the teacher's. Pairs that the teacher finds
hardly different (less than .6 to .4) are left out. The adapter and `report.json` are written to FOLDER; `progressgym values
FOLDER/adapter --instrument utilities` reads the tuned model by the whole instrument.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from scipy.stats import binomtest

from progressgym.core.answers import Floats
from progressgym.core.files import write_json
from progressgym.core.seeding import generator
from progressgym.instruments.ask import ask
from progressgym.instruments.exchange import Outcome
from progressgym.instruments.fitness import agreement
from progressgym.instruments.measures.utilities import PROMPT, UtilitiesInstrument
from progressgym.instruments.protocol import Question
from progressgym.models import load_language_model, resolve_base
from progressgym.tuning import LoraRecipe, StageRecipe, TunableModel
from progressgym.tuning.choices import train_choices
from progressgym.tuning.lora import save_adapter

AMOUNTS, CLEAR, OFFERS = 10, 0.6, 48


def split(instrument: UtilitiesInstrument) -> tuple[list[Outcome], list[Outcome]]:
    """The forty outcomes that are taught, and the thirty that are not."""
    taught: list[Outcome] = []
    unseen: list[Outcome] = []
    met: set[tuple[str, int]] = set()
    for outcome in instrument.outcomes:
        pole = (outcome.dimension, outcome.tag)
        if outcome.tag:
            (unseen if pole in met else taught).append(outcome)
            met.add(pole)
    money = [outcome for outcome in instrument.outcomes if outcome.good == "money"]
    return taught + money[:: max(len(money) // AMOUNTS, 1)][:AMOUNTS], unseen


def questions(outcomes: Sequence[Outcome], seed: str) -> list[Question]:
    """All pairs in an arbitrary order, either of the two first."""
    rng = generator(0, "utility_control", seed)
    pairs = [pair if rng.random() < 0.5 else pair[::-1] for pair in combinations(outcomes, 2)]
    return [
        Question(id=f"{a.id}/{b.id}", prompt=PROMPT, options=(a.text, b.text))
        for a, b in (pairs[place] for place in rng.permutation(len(pairs)))
    ]


def shares(respondent: Any, asked: Sequence[Question]) -> Floats:
    """(N, 2) what the teacher chooses."""
    return np.asarray(respondent.choose([q.prompt for q in asked], [q.options for q in asked]), dtype=np.float64)


def agreed(model: Any, asked: Sequence[Question], wanted: Floats) -> dict[str, Any]:
    """How often a model chooses as the teacher does, and how much of its answers is the order's."""
    answers = ask(model, asked, mode="ab")
    right = np.sign(answers.answers[:, 0] - 0.5) == np.sign(wanted[:, 0] - 0.5)
    interval = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return {
        "pairs": len(right),
        "agreement": round(float(right.mean()), 4),
        "interval": [round(float(end), 4) for end in interval],
        "distance": round(float(np.abs(answers.answers[:, 0] - wanted[:, 0]).mean()), 4),
        "order_flip": answers.flags["order_flip"],
        "stays": round(agreement(answers.tables["order_answers"])[0], 4),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Tune, and ask before and after."""
    parser = argparse.ArgumentParser(description="Tune a small model on a utility, and ask what it was not taught.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--pairs", type=int, default=320)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--layers", type=int, default=10, help="how many of the upper layers get an adapter")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate")
    parser.add_argument("--asked", type=int, default=120, help="at most so many comparisons of a kind")
    given = parser.parse_args(arguments)
    instrument = UtilitiesInstrument()
    teacher = instrument.planted().respondent
    taught, unseen = split(instrument)
    first, other = questions(taught, "taught"), questions(unseen, "unseen")
    lessons = first[: given.pairs]
    sets = {}
    for name, asked in {"held-out pairs": first[given.pairs :], "unseen outcomes": other}.items():
        wanted = shares(teacher, asked)
        clear = np.flatnonzero(np.abs(wanted[:, 0] - 0.5) > CLEAR - 0.5)[: given.asked]
        sets[name] = ([asked[place] for place in clear], wanted[clear])
    tunable = TunableModel(load_language_model(resolve_base(given.base)), LoraRecipe(top_layers=given.layers))
    delays = instrument.questions()[:OFFERS][: given.asked]
    record: dict[str, Any] = {
        "base": given.base,
        "lessons": len(lessons),
        "epochs": given.epochs,
        "layers": given.layers,
    }
    untouched = []
    for stage in ("before", "after"):
        with tunable.reading() as model:
            record[stage] = {name: agreed(model, *one) for name, one in sets.items()}
            untouched.append(ask(model, delays, mode="ab").answers[:, 0])
        print(stage, record[stage], file=sys.stderr, flush=True)
        if stage == "before":
            start = perf_counter()
            recipe = StageRecipe(learning_rate=given.rate, batch_size=8, epochs=given.epochs)
            losses = train_choices(tunable, lessons, shares(teacher, lessons), recipe, progress=_progress)
            record["seconds"] = round(perf_counter() - start, 1)
            record["loss"] = [round(float(np.mean(losses[:10])), 4), round(float(np.mean(losses[-10:])), 4)]
            folder = given.folder / "adapter"
            folder.mkdir(parents=True, exist_ok=True)
            with tunable.training() as trained:
                save_adapter(trained, folder, given.base)
    record["untouched"] = {
        "moved": round(float(np.abs(untouched[1] - untouched[0]).mean()), 4),
        "mean_before": round(float(untouched[0].mean()), 4),
        "mean_after": round(float(untouched[1].mean()), 4),
    }
    write_json(given.folder / "report.json", record)
    print(record)
    return 0


def _progress(done: int, total: int, loss: float) -> None:
    if done % 80 == 0:
        print(f"{done} of {total} lessons, loss {loss:.3f}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
