"""Instruments that are no questionnaire, read of a base model and of the models of a history's centuries.

    python -m research.other_instruments read FOLDER [--history histsmol-v1] [--instruments ID ...] [--only LABEL ...]
    python -m research.other_instruments report FOLDER

`read` asks `base` and every century model and keeps a file a model and instrument; what is there is not asked again. `report`
prints, for every instrument, its dimensions by century with what was not fit left out, and the flags.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.files import read_json, write_json
from progressgym.core.ids import safe_name
from progressgym.histories.adapters import century_adapters
from progressgym.histories.history import History
from progressgym.instruments.panel import PANELS
from progressgym.instruments.protocol import Reading
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.registry import load_instrument
from progressgym.models import load_language_model, resolve_base
from progressgym.models.cache import Remembered

IDS = ("moral-direction", "ideology", "moral-circle", "kaleidoscope", "inconvenience")
TABLES = ("axis", "scores", "care", "ungated", "ungated_on19")
"""Tables of a reading that are kept."""


def read(folder: Path, history: str, ids: Sequence[str], only: Sequence[str]) -> None:
    """One file for every model and instrument."""
    base = resolve_base(str(History.load(history).card.get("base_model")))
    models: dict[str, Path | None] = {"base": None, **century_adapters(history)}
    for label in only or models:
        adapter = models[label]
        missing = [name for name in ids if not (folder / f"{label}-{safe_name(name)}.json").exists()]
        if not missing:
            continue
        model = Remembered(load_language_model(base) if adapter is None else load_language_model(adapter, base=base))
        for name in missing:
            start = perf_counter()
            instrument = load_instrument(name)
            mode = (PANELS[-1],) if isinstance(instrument, Questionnaire) else ()
            record = told(instrument.read(model, *mode))
            write_json(folder / f"{label}-{safe_name(name)}.json", {"instrument": name, "model": label, **record})
            print(f"{label} {name}: {perf_counter() - start:.0f} s", file=sys.stderr, flush=True)


def told(reading: Reading) -> dict[str, Any]:
    """A reading as one JSON object; None where nothing is measured."""
    low, high = reading.interval
    values = {
        name: None if not fit else [round(float(number), 4) if isfinite(number) else None for number in numbers]
        for name, fit, numbers in zip(
            reading.dimensions, reading.covered, zip(reading.values, low, high, strict=True), strict=True
        )
    }
    tables = {name: _plain(reading.tables[name]) for name in TABLES if name in reading.tables}
    flags = {name: round(float(number), 4) for name, number in reading.flags.items()}
    return {
        "values": values,
        "on19": {name: None if value is None else round(value, 5) for name, value in reading.to19.items()},
        "unfit": dict(reading.unfit),
        "flags": flags,
        "seconds": round(reading.seconds, 1),
        "tables": tables,
        "answers": reading.answers.round(4).tolist(),
    }


def _plain(table: Floats) -> list[Any]:
    return [_plain(row) if np.ndim(row) else round(float(row), 5) if isfinite(row) else None for row in table]


def report(folder: Path) -> None:
    """Tables in Markdown."""
    records = [record for path in sorted(folder.glob("*-*.json")) if "instrument" in (record := read_json(path))]
    for name in dict.fromkeys(record["instrument"] for record in records):
        own = [record for record in records if record["instrument"] == name]
        print(f"\n## {name}\n\n| | {' | '.join(record['model'] for record in own)} |\n|{'---|' * (len(own) + 1)}")
        for dimension in own[0]["values"]:
            row = [record["values"][dimension] for record in own]
            print(f"| {dimension} | {' | '.join('-' if entry is None else f'{entry[0]:.2f}' for entry in row)} |")
        for flag in own[0]["flags"]:
            print(
                f"| *{flag}* | {' | '.join(str(round(record['flags'].get(flag, float('nan')), 3)) for record in own)} |"
            )
        for reason in sorted({reason for record in own for reason in record["unfit"].values()}):
            print(f"\nnot fit: {reason}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read models, or print what was read."""
    parser = argparse.ArgumentParser(description="Read instruments of a base model and of century models.")
    parser.add_argument("what", choices=("read", "report"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--history", default="histsmol-v1")
    parser.add_argument("--instruments", nargs="*", default=IDS)
    parser.add_argument("--only", nargs="*", default=())
    given = parser.parse_args(arguments)
    if given.what == "report":
        report(given.folder)
    else:
        read(given.folder, given.history, given.instruments, given.only)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
