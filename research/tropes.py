"""Tropes: the published ones found again, and those of dated text with their births and deaths.

    python -m research.tropes published [--data FOLDER]
    python -m research.tropes centuries [--text FOLDER] [--each N] [--radius R]

`published` mines the sentences of six language models and compares with the tropes that they were published under. `centuries`
takes N sentences a century that speak of what one ought to do, spread evenly over the text, and says in which centuries each trope
is found.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from progressgym.scores.tropes import TropeMiner, sentences_of

MORAL = re.compile(
    r"\b(ought|should|must|duty|duties|virtue|virtuous|sin|right|wrong|justice|unjust|honou?r|shame)\b", re.IGNORECASE
)
"""A sentence with one of these words may justify something."""
LONGEST = 240
"""Characters; longer sentences say several things."""


def published(folder: Path) -> list[str]:
    """How well the published tropes are found again."""
    with gzip.open(folder / "sentences.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    truth = [row["trope"] for row in rows]
    found = TropeMiner().mine([row["sentence"] for row in rows])
    counts = f"{len(rows)} sentences of {len(set(truth))} tropes: {len(found.texts)} clusters, {found.share:.3f} kept"
    return [f"{counts}, purity {found.purity(truth):.3f}, {found.recovered(truth)} tropes found"]


def moral_sentences(file: Path, each: int) -> list[str]:
    """Sentences of a century that speak of what one ought to do, spread evenly over its documents."""
    found: list[str] = []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            text = " ".join(str(json.loads(line)["content"]).split())
            found += [part for part in sentences_of(text) if len(part) <= LONGEST and MORAL.search(part)]
    return [found[n * len(found) // each] for n in range(each)] if len(found) > each else found


def centuries(folder: Path, each: int, miner: TropeMiner) -> list[str]:
    """Tropes of dated text, and the centuries in which three sentences or more belong to each."""
    labels = sorted(path.name.partition(".")[0] for path in folder.glob("C0*.jsonl.gz"))
    parts = [moral_sentences(folder / f"{label}.jsonl.gz", each) for label in labels]
    steps = [step for step, part in enumerate(parts) for _ in part]
    found = miner.mine([sentence for part in parts for sentence in part])
    lines = [
        f"{len(steps)} sentences of {len(labels)} centuries: {len(found.texts)} tropes, {found.share:.3f} of the sentences"
    ]
    for text, (first, last), share in zip(
        found.texts, found.lives(steps, len(labels)), found.shares(steps, len(labels)).T, strict=True
    ):
        life = "too rare in each" if first < 0 else f"{labels[first]} to {labels[last]}"
        lines.append(f"  {life:<14} {' '.join(f'{one:.3f}' for one in share)}  {text[:90]}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a report."""
    shared = Path(os.environ.get("PROGRESSGYM_SHARED", "."))
    parser = argparse.ArgumentParser(description="Which justifications come again.")
    parser.add_argument("what", choices=("published", "centuries"))
    parser.add_argument("--data", type=Path, default=shared / "real" / "tropes")
    parser.add_argument("--text", type=Path, default=shared / "histtext")
    parser.add_argument("--each", type=int, default=700)
    parser.add_argument("--radius", type=float, default=0.15)
    options = parser.parse_args(arguments)
    miner = TropeMiner(radius=options.radius)
    lines = published(options.data) if options.what == "published" else centuries(options.text, options.each, miner)
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
