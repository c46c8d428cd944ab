"""The panel of the General Social Survey as a file that `progressgym history survey --panel` reads.

    python -m research.panel [--panel FOLDER] [--items ITEMS.csv] --out panel.csv

FOLDER holds `panel06.csv.gz`: one row a person and wave, items coded 1 (plus pole), 0.5 (middle), 0 (minus pole), and
`polviews3`. ITEMS.csv names the answers of the poles; the first that a pole stands for is written. The file stays with you.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from research.leanings import POLES


def long_rows(panel: Path, items: Path) -> list[tuple[str, str, str, str, str]]:
    """Rows of person, wave, item, answer, leaning."""
    with open(items, encoding="utf-8") as file:
        poles = {row["variable"]: row for row in csv.DictReader(file)}
    rows = []
    with gzip.open(panel / "panel06.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for variable in [name for name in row if name in poles and row[name]]:
                answer = poles[variable][POLES[row[variable]]].split("|")[0]
                rows.append((row["person"], row["wave"], variable, answer, row["polviews3"]))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file."""
    real = Path(os.environ.get("PROGRESSGYM_SHARED", ".")) / "real"
    parser = argparse.ArgumentParser(description="A panel as one line an answer.")
    parser.add_argument("--panel", type=Path, default=real / "gss-panel")
    parser.add_argument("--items", type=Path, default=real / "gss-moral" / "items.csv")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    with open(options.out, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("person", "wave", "item", "answer", "leaning"))
        writer.writerows(long_rows(options.panel, options.items))
    return 0


if __name__ == "__main__":
    sys.exit(main())
