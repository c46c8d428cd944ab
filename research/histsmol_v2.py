"""`histsmol-v2`: the century models of both training seeds of `histsmol-v1`, read on praised deeds and averaged; and its gate.

    python -m research.deeds_reading read SCORES 0:C013=ADAPTER 1:C013=ADAPTER ...
    python -m research.histsmol_v2 SCORES OUT

Answers are those of the mean log-odds over seeds, words and leads. The gate asks whether the drift is one of values and not of
deeds, words or training: the double-centred table of centuries by dimensions, one half of the deeds with one seed against
the other half with the other seed; the same without the table's first axis, which could be one drift of tone; the same
without the worldviews; and against tags dealt anew. It passes where every whole interval is above 0 and p below .05.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.dimensions import WORLDVIEWS
from progressgym.core.errors import UserError
from progressgym.histories.evidence import summary
from progressgym.histories.history import History
from progressgym.instruments.ask import verdict_answers
from progressgym.instruments.questionnaire import Questionnaire
from research.deeds_reading import INSTRUMENT, deeds_of, judged, load

Floats = NDArray[np.float64]
ACROSS = "across seeds, other half"
MODELS = "histsmol-v1"
INHERITED = ("licence", "base", "text", "rights", "text_version", "intended_use", "recipe")
LIMITS = (
    "The gate is in this card; where it says that it did not pass, the history is an exercise in method and carries no claim.",
    "Two training seeds of one recipe (LoRA). Training all weights instead is a facet of its own, and is not averaged in.",
    "No single model answers like this: adapters of the two seeds are those of histsmol-v1 and of the repository's evidence.",
)


def scores_of(folder: Path) -> tuple[list[str], list[str], Floats]:
    """Seeds, centuries and log-odds (S, T, V, B) of all that every seed has.

    Raises:
        UserError: fewer than two seeds, or than three centuries that both have.
    """
    found = load(folder)
    seeds = sorted({label.partition(":")[0] for label in found if label.partition(":")[0].isdigit()})
    common = sorted(
        set.intersection(*({c for s, _, c in map(_parts, found) if s == seed} for seed in seeds)) if seeds else ()
    )
    if len(seeds) < 2 or len(common) < 3:
        raise UserError(f"{folder} has {len(seeds)} seeds with {len(common)} centuries in common; 2 and 3 are needed")
    return seeds, common, np.array([[found[f"{seed}:{century}"] for century in common] for seed in seeds])


def _parts(label: str) -> tuple[str, str, str]:
    return label.partition(":")


def gate(raw: Floats, instrument: Questionnaire) -> dict[str, Any]:
    """What the gate found of log-odds (S, T, V, B)."""
    _, dimension, first = deeds_of(instrument)
    table = raw.mean(2)
    parts = {
        "all dimensions": judged(table, dimension, first),
        "without the worldviews": judged(table, dimension, first, count=WORLDVIEWS.start),
        "without the first axis": judged(table, dimension, first, axis=False),
    }
    checks = {name: part[ACROSS] for name, part in parts.items()}
    passed = all(check["interval"][0] > 0 and check["p"] < 0.05 for check in checks.values())
    return {"passed": passed, "rule": "each whole interval above 0 and p below .05", "checks": checks}


def make(folder: Path, name: str) -> History:
    """The history, with its evidence and gate in the card; models and text are those of `histsmol-v1`."""
    instrument = Questionnaire.load(INSTRUMENT)
    seeds, labels, raw = scores_of(folder)
    by_seed = answers_of(raw, instrument)
    found = gate(raw, instrument)
    models = History.load(MODELS).card
    return History(
        name=name,
        labels=tuple(labels),
        answers=answers_of(raw.mean(0, keepdims=True), instrument)[0].astype(np.float32),
        instrument=instrument,
        card={
            "title": f"{name}: the century models of {MODELS}, two training seeds, read on praised deeds and averaged",
            **{entry: models[entry] for entry in INHERITED},
            "limits": [*LIMITS, *models["limits"][1:4]],
            "seeds": seeds,
            "reading": {
                "mode": "verdict",
                "verdicts": [list(verdict) for verdict in instrument.config.verdicts],
                "temperature": instrument.config.temperature,
            },
            "gate": {"passed": found["passed"], "rule": found["rule"], **found["checks"]},
            "evidence": summary(by_seed, instrument),
        },
    )


def answers_of(raw: Floats, instrument: Questionnaire) -> Floats:
    """(S, T, N, K) of log-odds (S, T, V, B)."""
    tables = raw.reshape(*raw.shape[:3], *instrument.mask.shape)
    temperature = instrument.config.temperature
    return np.array([[verdict_answers(one, instrument.mask, temperature) for one in seed] for seed in tables])


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the history and print its gate."""
    parser = argparse.ArgumentParser(
        description="A history of century models read on praised deeds, averaged over seeds."
    )
    parser.add_argument("scores", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args(arguments)
    history = make(given.scores, given.out.name)
    history.save(given.out)
    print(json.dumps(history.card["gate"] | {"evidence": history.card["evidence"]}, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
