"""How many people changed sides between two waves of a panel: counts for the ShiftTracking environment.

    python -m research.shifts [--panel FOLDER] --out shifts.jsonl
    python -m research.shifts --baselines [--episodes N]

FOLDER holds `panel06.csv.gz`: one row a person and wave (1: 2006, 2: 2008, 3: 2010), items coded 1 (plus pole), 0.5 (middle),
0 (minus pole). Whoever gave one of the poles both times counts; the middle has no side to leave. Only counts leave this script.

The second form plays the environment with the agents of its page and prints their scores.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from progressgym.envs.shifts import FEWEST, Shifts, summary

NOT_ITEMS = ("person", "wave", "polviews3")


def count_shifts(panel: Path, waves: tuple[str, str] = ("1", "3")) -> list[Shifts]:
    """One record an item, in the order of the panel's columns."""
    answers: dict[tuple[str, str], dict[str, str]] = {}
    with gzip.open(panel / "panel06.csv.gz", "rt", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        variables = [name for name in reader.fieldnames or () if name not in NOT_ITEMS]
        for row in reader:
            answers[row["person"], row["wave"]] = row
    people = [person for person, wave in answers if wave == waves[0]]
    records = []
    for variable in variables:
        pairs = [tuple(answers.get((person, wave), {}).get(variable, "") for wave in waves) for person in people]
        count = {pair: pairs.count(pair) for pair in (("1.0", "1.0"), ("1.0", "0.0"), ("0.0", "1.0"), ("0.0", "0.0"))}
        stayed_plus, left_plus, joined_plus, stayed_minus = count.values()
        records.append(
            Shifts(
                variable=variable,
                stayed_plus=stayed_plus,
                left_plus=left_plus,
                joined_plus=joined_plus,
                stayed_minus=stayed_minus,
            )
        )
    return records


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the counts, or play."""
    real = Path(os.environ.get("PROGRESSGYM_SHARED", ".")) / "real"
    parser = argparse.ArgumentParser(description="People's shifts between two waves of a panel.")
    parser.add_argument("--panel", type=Path, default=real / "gss-panel")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--baselines", action="store_true")
    parser.add_argument("--episodes", type=int, default=200)
    options = parser.parse_args(arguments)
    if options.baselines:
        from progressgym.agents.shift_tracking import compare

        for name, rows in compare(options.episodes).items():
            print(f"{name:<8} " + ", ".join(f"{key} {mean:.3f} ({error:.3f})" for key, (mean, error) in rows.items()))
        return 0
    for waves in (("1", "3"), ("1", "2"), ("2", "3")):
        records = [record for record in count_shifts(options.panel, waves) if record.people >= FEWEST]
        same, plus, minus = summary(records)
        least = min(records, key=lambda record: record.same)
        print(
            f"waves {waves[0]} to {waves[1]}: {len(records)} items, same {same:.3f}, to plus {plus:.3f}, to minus {minus:.3f}, "
            f"least stable {least.variable} {least.same:.3f}"
        )
    if options.out:
        lines = [json.dumps(asdict(record)) + "\n" for record in count_shifts(options.panel)]
        options.out.write_text("".join(lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
