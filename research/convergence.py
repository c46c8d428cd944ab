"""Do independent instruments agree on how the nine centuries, and the fifty years of people, differ?

    python -m research.convergence panel READINGS
    python -m research.convergence collect READINGS docs/data/convergence.json
    python -m research.convergence report docs/data/convergence.json

`panel` reads every third item of `moral19-v1` by the panel of words, as `history validate` does. `collect` aggregates that, what
`research.other_instruments read` kept of the century models, and what `histsmol-v1` and `histsmol-v2`
hold of their own questionnaires: for every instrument a table of centuries by the 19 dimensions, None where nothing is fit or a
century was not asked. `report` prints the tables of docs/instruments/convergence.md from that file and from the
shipped histories: which instruments agree over the centuries, whether the halves of
people's questionnaire agree over fifty years, and whether what moved in people moved in the century models.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.files import read_json, write_json
from progressgym.histories.history import History
from progressgym.histories.series import Series, half_series, stored_series
from progressgym.histories.validity.asked import ask_model
from progressgym.histories.validity.check import Check, correlation, drawn, orders, share_reached
from progressgym.histories.validity.convergence import convergence, overall
from progressgym.histories.validity.run import history_models, make_asking
from progressgym.instruments.ask import verdict_answers
from progressgym.instruments.protocol import Question
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.registry import load_instrument
from progressgym.scores.intervals import tails

FEWEST = 5
"""Dimensions of which two changes are correlated."""
STORED = ("histsmol-v1", "histsmol-v2")
PEOPLE = "gss-v1"
HEAD = "| instruments | dimensions | with itself | with others | difference, 95 % | p |\n|---|---|---|---|---|---|"
Table = dict[str, dict[str, list[float | None]]]
"""Instrument -> dimension -> a number for every century."""


def panel(readings: Path) -> None:
    """A file for every century; what `history validate` asked before is not asked again."""
    asking = make_asking(Questionnaire.load("moral19-v1"))
    instrument = asking.instrument
    for label, load in history_models(STORED[0]).items():
        scores = ask_model(load(), asking).items
        answers = verdict_answers(scores.reshape(-1, *scores.shape[2:]), instrument.mask, instrument.config.temperature)
        on19 = dict(zip(DIMENSIONS, instrument.values(answers).round(5).tolist(), strict=True))
        record = {"instrument": "moral19-v1, panel", "model": label, "on19": on19, "unfit": {}}
        write_json(readings / f"{label}-moral19-v1_panel.json", record)


def collect(readings: Path, out: Path) -> None:
    """One file of aggregated numbers."""
    records = [read_json(path) for path in sorted(readings.glob("C*-*.json"))]
    labels = sorted({record["model"] for record in records})
    fit: Table = {}
    for name in dict.fromkeys(record["instrument"] for record in records):
        by_label = {record["model"]: record for record in records if record["instrument"] == name}
        fit[name] = _by_dimension([by_label[label]["on19"] if label in by_label else {} for label in labels])
    for spec in STORED:
        series = stored_series(History.load(spec))
        rows = [dict(zip(DIMENSIONS, map(float, row), strict=True)) for row in series.on19]
        fit[series.instrument] = _by_dimension(rows)
    unfit = {
        f"{record['instrument']}, {record['model']}": sorted(set(record["unfit"].values()))
        for record in records
        if record["unfit"]
    }
    write_json(out, {"history": STORED[0], "labels": labels, "fit": fit, "unfit": unfit})


def report(record: Mapping[str, Any]) -> str:
    """Tables in Markdown."""
    labels = tuple(record["labels"])
    fit = [series_of(name, labels, table) for name, table in record["fit"].items()]
    people = History.load(PEOPLE)
    parts = ["## Nine centuries", _pairs(overall(fit, {one.instrument: _questions(one.instrument) for one in fit}))]
    rows = [
        _row(f"`{spec}`: `{one.first}` / `B`", vars(one) | {"gain": one.gain})
        for spec in (PEOPLE, *STORED)
        for one in convergence(half_series(History.load(spec)))
    ]
    parts += ["## Halves of one questionnaire, people's too", "\n".join([HEAD, *rows])]
    changes = np.where(np.isfinite(stored_series(people).on19), people.drift(), np.nan)[-1]
    rows = ["| instrument | dimensions | r of the changes, 95 % | p |\n|---|---|---|---|"]
    for one in fit:
        moved = one.on19[-1] - one.on19[0]
        if (np.isfinite(moved) & np.isfinite(changes)).sum() >= FEWEST:
            rows.append(f"| `{one.instrument}` | {alike(moved, changes, one.instrument)} |")
    return "\n\n".join([*parts, "## People's fifty years and the centuries", "\n".join(rows)])


def alike(moved: Floats, people: Floats, name: str) -> str:
    """Correlation over dimensions of two changes (19,), its interval over dimensions, and p of permuted dimensions."""
    both = np.flatnonzero(np.isfinite(moved) & np.isfinite(people))
    one, other = moved[both], people[both]
    r = float(correlation(one, other))
    draws = drawn(len(both), "convergence", name)
    low, high = tails(correlation(one[draws], other[draws]))
    p = share_reached(correlation(one[orders(len(both), "convergence", name)], other), r)
    return f"{len(both)} | {r:.2f} [{low:.2f}, {high:.2f}] | {p:.3f}"


def series_of(name: str, labels: Sequence[str], table: Mapping[str, Sequence[float | None]]) -> Series:
    """An instrument's table as a series."""
    on19 = np.array([table.get(d, [None] * len(labels)) for d in DIMENSIONS], dtype=np.float64).T
    return Series(
        instrument=name,
        labels=tuple(labels),
        dimensions=DIMENSIONS,
        values=on19,
        interval=np.stack([on19, on19]),
        unfit=({},) * len(labels),
        on19=on19,
    )


def _questions(name: str) -> Sequence[Question]:
    """Of an instrument, whatever the words that stand behind its name."""
    return load_instrument(name.partition(",")[0]).questions()


def _pairs(check: Check) -> str:
    if check.value is None:
        return check.skipped
    rows = [_row(f"`{one['first']}` / `{one['second']}`", one) for one in check.detail["pairs"]]
    rows.append(f"| **all pairs** | | | | **{check.value:.2f}** [{check.low:.2f}, {check.high:.2f}] | {check.p:.4f} |")
    return "\n".join([HEAD, *rows])


def _row(name: str, one: Mapping[str, Any]) -> str:
    gain = f"{one['gain']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"
    return (
        f"| {name} | {one['traits']} | {one['convergent']:.2f} | {one['discriminant']:.2f} | {gain} | {one['p']:.4f} |"
    )


def _by_dimension(rows: Sequence[Mapping[str, float | None]]) -> dict[str, list[float | None]]:
    """Dimensions that are measured somewhere."""
    columns = {d: [row.get(d) for row in rows] for d in DIMENSIONS}
    rounded = {d: [None if x is None else round(x, 5) for x in column] for d, column in columns.items()}
    return {d: column for d, column in rounded.items() if any(x is not None for x in column)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Aggregate, or print."""
    parser = argparse.ArgumentParser(description="Whether instruments agree on how the steps of histories differ.")
    parts = parser.add_subparsers(dest="what", required=True)
    first = parts.add_parser("collect")
    first.add_argument("readings", type=Path)
    first.add_argument("out", type=Path)
    parts.add_parser("panel").add_argument("readings", type=Path)
    parts.add_parser("report").add_argument("path", type=Path)
    given = parser.parse_args(arguments)
    if given.what == "collect":
        collect(given.readings, given.out)
    elif given.what == "panel":
        panel(given.readings)
    else:
        print(report(read_json(given.path)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
