"""Heads fitted to our own items on a frozen model's embeddings: what it knows of relevance, sides and causes.

    python -m research.frozen_heads [MODEL ...]

The tuned counterparts of Value Kaleidoscope (does a consideration bear on a deed, and on which side) and of the ideology probe (which
tags does a cause have, and does it further or oppose them), as far as a processor allows: the model stays as it is, a
logistic head is fitted (`progressgym.raters.head`), and its ridge is chosen within what it learns from. Deeds and causes are held
out whole, every fifth in turn, so nothing of a deed is learned from its other considerations. Beside it: the most frequent answer,
and words alone, the same head on which words stand in the texts. Intervals draw deeds or causes anew.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import Floats
from progressgym.core.seeding import generator
from progressgym.instruments.bearings import Bearing
from progressgym.instruments.measures.bank import shipped_bank
from progressgym.instruments.measures.ideology import TAGS, Cause
from progressgym.models import load_language_model, resolve_base
from progressgym.models.cache import Remembered
from progressgym.raters.head import LinearHead, best_ridge
from progressgym.scores.intervals import tails

PARTS, RESAMPLES = 5, 1000


@dataclass(kw_only=True, frozen=True, eq=False)
class Task:
    """Rows of two texts that belong together, with a class each."""

    name: str
    pairs: Sequence[tuple[str, str]]
    labels: NDArray[np.int64]
    """(n,) classes."""
    groups: NDArray[np.int64]
    """(n,) which deed or cause; held out whole."""


def tasks() -> list[Task]:
    """What is asked."""
    bearings = shipped_bank("kaleidoscope", Bearing)
    deeds = list(dict.fromkeys(one.deed for one in bearings))
    sided = [one for one in bearings if one.relevant and one.valence]
    tagged = [(place, who, tag, sign) for place, who, tag, sign in _tags()]
    present = [(place, who, tag, tag in tags) for place, who, tags in _causes() for tag in TAGS]
    return [
        Task(
            name="does it bear on the deed?",
            pairs=[(one.deed, one.consideration) for one in bearings],
            labels=np.array([int(one.relevant) for one in bearings]),
            groups=np.array([deeds.index(one.deed) for one in bearings]),
        ),
        Task(
            name="on which side?",
            pairs=[(one.deed, one.consideration) for one in sided],
            labels=np.array([int(one.valence > 0) for one in sided]),
            groups=np.array([deeds.index(one.deed) for one in sided]),
        ),
        Task(
            name="is the cause about the tag?",
            pairs=[(who, tag) for _, who, tag, _ in present],
            labels=np.array([int(there) for *_, there in present]),
            groups=np.array([place for place, *_ in present]),
        ),
        Task(
            name="does it further the tag?",
            pairs=[(who, tag) for _, who, tag, _ in tagged],
            labels=np.array([int(sign > 0) for *_, sign in tagged]),
            groups=np.array([place for place, *_ in tagged]),
        ),
    ]


def _causes() -> list[tuple[int, str, dict[str, int]]]:
    return [(place, one.who, dict(one.tags)) for place, one in enumerate(shipped_bank("ideology", Cause))]


def _tags() -> list[tuple[int, str, str, int]]:
    return [(place, who, tag, sign) for place, who, tags in _causes() for tag, sign in tags.items()]


def features(model: Remembered, pairs: Sequence[tuple[str, str]]) -> Floats:
    """(n, 3 d): both texts together, the first alone, and the product of the two."""
    texts = list(dict.fromkeys(text for one, other in pairs for text in (f"{one}: {other}", one, other)))
    rows = dict(zip(texts, model.embed(texts), strict=True))
    return np.array([np.concatenate([rows[f"{a}: {b}"], rows[a], rows[a] * rows[b]]) for a, b in pairs])


def words(pairs: Sequence[tuple[str, str]]) -> Floats:
    """(n, w): which words stand in the first text, which is the second, and words of the first beside the second."""
    split = [(sorted(set(re.findall(r"[a-z']+", one.lower()))), other) for one, other in pairs]
    marks = [{*found, f"={other}", *(f"{word}+{other}" for word in found)} for found, other in split]
    counted: dict[str, int] = {}
    for mark in (mark for row in marks for mark in row):
        counted[mark] = counted.get(mark, 0) + 1
    names = sorted(mark for mark, count in counted.items() if count > 1)
    return np.array([[float(name in row) for name in names] for row in marks])


def foretold(table: Floats, task: Task) -> Floats:
    """(n,) probability of class 1, each group's by a head that saw none of it; the ridge is chosen without it, too."""
    targets = np.eye(2)[task.labels]
    part = task.groups % PARTS
    shares = np.empty(len(targets))
    for one in range(PARTS):
        rest = part != one
        ridge, _ = best_ridge(table[rest], targets[rest], (task.groups[rest] // PARTS % PARTS).tolist())
        shares[~rest] = LinearHead.fit(table[rest], targets[rest], ridge).probabilities(table[~rest])[:, 1]
    return shares


def auc(shares: Floats, labels: NDArray[np.int64]) -> float:
    """Probability that a row of class 1 has the larger share than one of class 0."""
    apart = shares[labels == 1][:, None] - shares[labels == 0][None, :]
    return float((0.5 * (1.0 + np.sign(apart))).mean())


def drawn(score: Floats, groups: NDArray[np.int64], name: str) -> tuple[float, float]:
    """95 % interval of the mean of row scores, groups drawn anew."""
    ids = np.unique(groups)
    sums = np.array([[score[groups == one].sum(), (groups == one).sum()] for one in ids])
    picks = generator(0, "frozen_heads", name).integers(0, len(ids), (RESAMPLES, len(ids)))
    totals = sums[picks].sum(1)
    return tails(totals[:, 0] / totals[:, 1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description="Heads on frozen embeddings, beside words alone and the most frequent answer."
    )
    parser.add_argument("models", nargs="*", default=["smollm2-135m"])
    given = parser.parse_args(arguments)
    print("| question | rows | held out | head | right, 95 % | AUC |\n|---|---|---|---|---|---|")
    asked = tasks()
    ways = {"words alone": [words(task.pairs) for task in asked]}
    for name in given.models:
        model = Remembered(load_language_model(resolve_base(name)))
        ways[name] = [features(model, task.pairs) for task in asked]
    for place, task in enumerate(asked):
        often = max(task.labels.mean(), 1.0 - task.labels.mean())
        count = (
            f"{len(np.unique(task.groups))} {'causes' if 'cause' in task.name or 'further' in task.name else 'deeds'}"
        )
        print(f"| {task.name} | {len(task.labels)} | {count} | the most frequent answer | {often:.3f} | .500 |")
        for way, tables in ways.items():
            shares = foretold(tables[place], task)
            right = ((shares > 0.5) == (task.labels == 1)).astype(np.float64)
            low, high = drawn(right, task.groups, task.name)
            print(f"| | | | {way} | {right.mean():.3f} [{low:.3f}, {high:.3f}] | {auc(shares, task.labels):.3f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
