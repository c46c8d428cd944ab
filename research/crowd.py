"""How near the crowd rater is to a crowd, beside how near a crowd is to itself; and whether its reasons fit its verdicts.

    python -m research.crowd --folder DIR [--reasons 24]

The tables of docs/raters/crowd.md: 116 actions that 234 people judged (mort/actions.csv), five held-out parts, total variation
to the shares of people; and reasons whose verdict another rater infers from the reason alone.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from progressgym.core.rows import csv_rows
from progressgym.raters.crowd import FOLDS, Crowd, consistency, half_floor
from progressgym.raters.head import best_ridge, held_out
from progressgym.raters.verdict import Verdict
from research.delphi import words

Floats = NDArray[np.float64]


def people(folder: Path) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Actions, how many said yes and no."""
    rows = [row for _, row in csv_rows(folder / "mort" / "actions.csv", ("action", "yes", "no"))]
    return [row["action"] for row in rows], *(np.array([int(row[name]) for row in rows]) for name in ("yes", "no"))  # type: ignore[return-value]


def nested(vectors: Floats, shares: Floats) -> Floats:
    """Held-out shares, the ridge chosen within what is learned from."""
    targets = np.stack([1.0 - shares, shares], axis=1)
    parts = np.arange(len(shares)) % FOLDS
    result = np.empty(len(shares))
    for part in range(FOLDS):
        rest = parts != part
        ridge, _ = best_ridge(vectors[rest], targets[rest], (np.arange(rest.sum()) % FOLDS).tolist())
        both = held_out(vectors, targets, np.where(rest, 0, 1).tolist(), ridge)
        result[~rest] = both[~rest, 1]
    return result


def distances(model: str, folder: Path) -> None:
    """Total variation to the crowd."""
    texts, yes, no = people(folder)
    shares = yes / (yes + no)
    parts = np.arange(len(shares)) % FOLDS
    mean = np.array([shares[parts != part].mean() for part in parts])
    rated = {
        "two halves of the people": half_floor(yes, no),
        "crowd rater, five held-out parts": np.abs(nested(Crowd(model=model).vectors(texts), shares) - shares),
        "words alone, the same": np.abs(nested(words(texts, texts)[0], shares) - shares),
        "mean share of the people": np.abs(mean - shares),
        "crowd rater of acts-v1, no people": np.abs(Crowd(model=model).rate(texts)[:, 1] - shares),
        "what the model says of it (verdict)": np.abs(Verdict(model=model).rate(texts)[:, 0] - shares),
    }
    print(f"| | total variation to {len(texts)} x {yes[0] + no[0]} people |\n|---|---|")
    for name, apart in rated.items():
        print(f"| {name} | {apart.mean():.3f} ± {apart.std(ddof=1) / len(apart) ** 0.5:.3f} |", flush=True)


def reasons(model: str, folder: Path, count: int) -> None:
    """Whether a reason gives its verdict away, to a rater that reads nothing else."""
    texts = people(folder)[0]
    chosen = [texts[n * len(texts) // count] for n in range(count)]
    rater = Crowd(model=model)
    said = rater.reasons(chosen)
    stated = [one.partition(": ")[0] for one in said]
    first = [several[0] for several in rater.continuations(chosen, stated)]
    reader = Verdict(model=model)
    print("\n| reason | verdict inferred from it alone is the stated one | none |\n|---|---|---|")
    for name, told in (("chosen of four", [one.partition(": ")[2] for one in said]), ("the first of four", first)):
        there = [n for n, one in enumerate(told) if one and one != "no reason"]
        right = reader.rate([told[n] for n in there])[:, 0]
        fits = consistency([stated[n] for n in there], right > np.median(right))
        print(f"| {name} | {fits:.3f} | {1 - len(there) / count:.3f} |")
    for text, one in list(zip(chosen, said, strict=True))[:3]:
        print(f"    {text}: {one}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--folder", default=f"{os.environ.get('PROGRESSGYM_SHARED', '.')}/real")
    parser.add_argument("--reasons", type=int, default=24)
    given = parser.parse_args()
    distances(given.model, Path(given.folder))
    reasons(given.model, Path(given.folder), given.reasons)


if __name__ == "__main__":
    main()
