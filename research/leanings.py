"""How liberal and conservative people answer the survey's questions: counts, made from a panel of persons.

    python -m research.leanings [--panel FOLDER] [--items ITEMS.csv] --out leanings.csv

FOLDER holds `panel06.csv.gz`: one row a person and wave, items coded 1 (plus pole), 0.5 (middle), 0 (minus pole), and
`polviews3`. ITEMS.csv names the answers of the poles. Every person counts once an item, with the first wave in which
both the item and the leaning were answered, so that the counts are a simple multinomial sample. Only counts leave this
script.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

LEANINGS = ("liberal", "conservative")
POLES = {"1.0": "plus", "0.5": "half", "0.0": "minus"}


def count_leanings(panel: Path, items: Path) -> list[tuple[str, str, str, int]]:
    """Rows of variable, group, answer (the first that the pole stands for), count."""
    with open(items, encoding="utf-8") as file:
        poles = {row["variable"]: row for row in csv.DictReader(file)}
    seen: set[tuple[str, str]] = set()
    counts: Counter[tuple[str, str, str]] = Counter()
    with gzip.open(panel / "panel06.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for variable in poles.keys() & row.keys():
                person = (row["person"], variable)
                if row[variable] and row["polviews3"] in LEANINGS and person not in seen:
                    seen.add(person)
                    answer = poles[variable][POLES[row[variable]]].split("|")[0]
                    counts[variable, row["polviews3"], answer] += 1
    order = list(poles)
    rows = [(*key, count) for key, count in counts.items()]
    return sorted(rows, key=lambda row: (order.index(row[0]), row[1], row[2]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the counts."""
    real = Path(os.environ.get("PROGRESSGYM_SHARED", ".")) / "real"
    parser = argparse.ArgumentParser(description="Counts of answers by political leaning.")
    parser.add_argument("--panel", type=Path, default=real / "gss-panel")
    parser.add_argument("--items", type=Path, default=real / "gss-moral" / "items.csv")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    with open(options.out, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("variable", "group", "answer", "count"))
        writer.writerows(count_leanings(options.panel, options.items))
    return 0


if __name__ == "__main__":
    sys.exit(main())
