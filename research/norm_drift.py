"""Norm drift of people and of century models: items up and down, largest movers, judgment against legality.

    python -m research.norm_drift people [--data FOLDER]
    python -m research.norm_drift centuries [--models FOLDER ...] [--out FILE.json]

`people` reads `series.csv` of the survey (share of the plus pole by item and year, with binomial errors) and prints what drifted
since 1972, and how items that ask what is right compare with items that ask what the law should be. `centuries` reads the
rules of thumb on century models of a history (adapters by default those of histsmol-v1).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.files import write_json
from progressgym.scores.item_drift import NormDrift, norm_drift

JUDGMENT = ("homosex", "premarsx", "xmarsex", "teensex", "suicide1", "suicide2", "suicide3", "suicide4", "spanking")
"""Items that ask whether conduct is right."""
LEGALITY = (
    *("pornlaw", "divlaw", "grass", "cappun", "letdie1", "racmar", "racopen", "prayer"),
    *("abdefect", "abnomore", "abhlth", "abpoor", "abrape", "absingle", "abany"),
)
"""Items that ask what the law should allow, demand or forbid."""


def people(folder: Path) -> tuple[NormDrift, Floats]:
    """Drift of the survey's items over the years, and how many years each covers."""
    with open(folder / "series.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names, years = list(dict.fromkeys(row["variable"] for row in rows)), sorted({int(row["year"]) for row in rows})
    scores, errors = np.full((2, len(years), len(names)), np.nan)
    for row in rows:
        place = years.index(int(row["year"])), names.index(row["variable"])
        scores[place], errors[place] = float(row["p_plus"]), float(row["se_binomial"])
    spans = np.array([np.ptp(np.array(years)[~np.isnan(column)]) for column in scores.T], dtype=np.float64)
    return norm_drift(scores, names, np.where(np.isnan(scores), np.nan, np.maximum(errors, 1e-3)), years), spans


def describe(title: str, drift: NormDrift, groups: Mapping[str, Sequence[str]], per: Floats | None = None) -> list[str]:
    """Lines for a terminal; `per` divides changes before groups are averaged (decades, for example)."""
    changes = dict(zip(drift.names, drift.change / (1.0 if per is None else per), strict=True))
    known = int((~np.isnan(drift.change)).sum())
    lines = [f"{title}: {len(drift.up)} of {known} items up, {len(drift.down)} down (false discovery rate 5 %)"]
    lines += [f"  {name:<22} {change:+.3f} ({error:.3f})" for name, change, error in drift.movers(8)]
    for name, members in groups.items():
        values = np.array([changes[member] for member in members if not np.isnan(changes.get(member, np.nan))])
        moved = sum(member in (*drift.up, *drift.down) for member in members)
        lines.append(
            f"  {name}: {moved} of {len(values)} drifted, mean size {np.abs(values).mean():.4f}, mean {values.mean():+.4f}"
        )
    return lines


def centuries(folders: Sequence[Path]) -> dict[str, Any]:
    """Positions of every deed on the four scales, (T, N, 4), of century models."""
    from progressgym.instruments import load_instrument
    from progressgym.models import load_model
    from progressgym.models.cache import Remembered
    from progressgym.models.language_model import LanguageModel

    instrument: Any = load_instrument("rules-of-thumb-v1")
    tables = []
    for folder in folders:
        model = load_model(str(folder))
        reading = instrument.read(Remembered(model) if isinstance(model, LanguageModel) else model)
        tables.append(reading.tables["scales"])
        print(f"{folder.name}: {reading.seconds:.0f} s", file=sys.stderr, flush=True)
    return {
        "labels": [folder.name for folder in folders],
        "items": [item.id for item in instrument.items],
        "scales": np.round(tables, 6).tolist(),
    }


def describe_centuries(record: dict[str, Any]) -> list[str]:
    """Lines: drift of judgment and of legality, and how far apart the two are in each century."""
    scales = np.array(record["scales"])
    judgment, legality = (norm_drift(scales[..., at], record["items"]) for at in (0, 3))
    lines = describe("judgment of deeds", judgment, {})
    lines += describe("legality of deeds", legality, {})
    together = np.corrcoef(judgment.change, legality.change)[0, 1]
    gap = np.abs(scales[..., 0] - scales[..., 3]).mean(1)
    within = [np.corrcoef(step[:, 0], step[:, 3])[0, 1] for step in scales]
    lines.append(f"correlation over deeds of the two changes: {together:.2f}")
    lines += [
        f"  {label}: |judgment - legality| {size:.3f}, correlation over deeds {same:.2f}"
        for label, size, same in zip(record["labels"], gap, within, strict=True)
    ]
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a report."""
    real = Path(os.environ.get("PROGRESSGYM_SHARED", ".")) / "real" / "gss-moral"
    adapters = Path(__file__).resolve().parent.parent / "progressgym/data/histories/histsmol-v1/adapters"
    parser = argparse.ArgumentParser(description="Which norms drifted.")
    parser.add_argument("what", choices=("people", "centuries"))
    parser.add_argument("--data", type=Path, default=real)
    parser.add_argument("--models", type=Path, nargs="+", default=sorted(adapters.glob("C0*")))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    if options.what == "people":
        drift, spans = people(options.data)
        groups = {"judgment, a decade": JUDGMENT, "legality, a decade": LEGALITY}
        print("\n".join(describe("people since 1972", drift, groups, spans / 10.0)))
        return 0
    if options.out and options.out.is_file():
        record = json.loads(options.out.read_text(encoding="utf-8"))
    else:
        record = centuries(options.models)
    if options.out:
        write_json(options.out, record)
    print("\n".join(describe_centuries(record)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
