"""What the moral rater is worth: on acts that it never met, beside people, and on crowd workers' labels beside words alone.

    python -m research.delphi own                       acts and minimal pairs of the half that was not learned from
    python -m research.delphi people --folder DIR       116 actions that 234 people judged (mort/actions.csv)
    python -m research.delphi ethics --folder DIR       ETHICS, learned from 1,000 rows (justice, deontology, virtue, commonsense)

The tables of docs/raters/delphi.md. A language model of 135M parameters reads about 15 short texts a second on one core.
"""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from progressgym.core.rows import csv_rows
from progressgym.raters.acts import minimal_pairs, shipped_acts
from progressgym.raters.delphi import CLASSES, Delphi
from progressgym.raters.head import RIDGES, LinearHead, held_out

Floats = NDArray[np.float64]
LEARN = 1000
WAYS = ("judge", "published", "calibrated")
SETS = {
    "justice": ("justice_train_first3000", "justice_test", " This is reasonable"),
    "deontology": ("deontology_train_first3000", "deontology_test", " This is reasonable"),
    "virtue": ("", "virtue_test", " This is true"),
    "commonsense, short": ("", "cm_test_short", " This was wrong"),
}
"""File to learn from (none: the first 1,000 rows of the other, or 1,000 drawn), file to test on, what follows the text."""


def words(learn: list[str], test: list[str]) -> tuple[Floats, Floats]:
    """Which words of `learn` stand in each text."""
    split = [[set(re.findall(r"[a-z']+", text.lower())) for text in side] for side in (learn, test)]
    common = Counter(word for one in split[0] for word in one)
    names = sorted(word for word, count in common.items() if count > 1)
    tables = [np.array([[float(word in one) for word in names] for one in side]) for side in split]
    return tables[0], tables[1]


def accuracy(learn: Floats, y: NDArray[np.int64], test: Floats, truth: NDArray[np.int64]) -> float:
    """Of a head whose ridge was chosen by five held-out parts of what it learns from; neighbours stay together."""
    classes = np.unique(y)
    targets = (y[:, None] == classes).astype(np.float64)
    parts = (np.arange(len(y)) * 5 // len(y)).tolist()
    scores = [float((targets * np.log(held_out(learn, targets, parts, ridge) + 1e-9)).sum()) for ridge in RIDGES]
    head = LinearHead.fit(learn, targets, RIDGES[int(np.argmax(scores))])
    return float((classes[head.probabilities(test).argmax(1)] == truth).mean())


class Known:
    """A model's vectors of some texts, computed once and all together."""

    def __init__(self, rater: Delphi, texts: list[str]) -> None:
        self._model = rater._model
        leads = [text + rater.lead for text in texts]
        self._vectors = dict(zip(leads, self._model.embed(leads), strict=True)) if leads else {}

    def embed(self, texts: list[str]) -> Floats:
        """Known vectors, or the model's."""
        if all(text in self._vectors for text in texts):
            return np.array([self._vectors[text] for text in texts])
        return self._model.embed(texts)


def raters(rater: Delphi, texts: list[str]) -> list[tuple[str, Delphi]]:
    """The rater with each kind of weights; one model and one fit serve all."""
    vars(rater)["_model"] = Known(rater, texts)
    made = [(way, replace(rater, weights=way)) for way in WAYS]
    for _, other in made:
        vars(other).update(_model=rater._model, _fitted=rater._fitted)
    return made


def own(model: str) -> None:
    """Acts of the half that was not learned from."""
    acts, pairs = shipped_acts(), minimal_pairs()
    print(
        "| | bad or not | three classes | plain bad | excused not bad | idle bad | all three |\n|---|---|---|---|---|---|---|"
    )
    rows: dict[str, list[list[float]]] = {way: [] for way in (*WAYS, "words alone")}
    for half in (0, 1):
        test = [act for act in acts if act.half != half]
        truth = np.array([act.label for act in test])
        there = [pair for pair in pairs if pair.half != half]
        texts = [text for pair in there for text in (pair.plain, pair.excused, pair.idle)]
        for way, rater in raters(Delphi(model=model, half=str(half)), [act.text for act in acts]):
            rows[way].append(_scores(rater.rate([act.text for act in test]), truth, rater.rate(texts)))
        mine = [act for act in acts if act.half == half]
        x, z = words([act.text for act in mine], [act.text for act in test] + texts)
        head = LinearHead.fit(x, np.array([[float(act.label == one) for one in CLASSES] for act in mine]), 0.1)
        shares = head.probabilities(z)
        rows["words alone"].append(_scores(shares[: len(test)], truth, shares[len(test) :]))
    for way, scores in rows.items():
        print(f"| {way} | {' | '.join(f'{x:.3f}' for x in np.mean(scores, axis=0))} |")
    labels = np.array([act.label for act in acts])
    print(f"\n{len(acts)} acts, bad {np.mean(labels == -1):.3f}; {len(pairs)} minimal triples")


def _scores(shares: Floats, truth: NDArray[np.int64], triples: Floats) -> list[float]:
    said = np.array(CLASSES)[shares.argmax(1)]
    flips = (triples[:, 0] > 0.5).reshape(-1, 3)
    right = np.stack([flips[:, 0], ~flips[:, 1], flips[:, 2]], axis=1)
    bad = shares[:, 0] > 0.5
    return [
        float((bad == (truth == -1)).mean()),
        float((said == truth).mean()),
        *right.mean(0),
        float(right.all(1).mean()),
    ]


def people(model: str, folder: Path) -> None:
    """Correlation with the share of people who say yes."""
    rows = [row for _, row in csv_rows(folder / "mort" / "actions.csv", ("action", "yes", "no"))]
    share = np.array([float(row["yes"]) / (float(row["yes"]) + float(row["no"])) for row in rows])
    texts = [row["action"] for row in rows]
    print("| | r with people | agrees on the side |\n|---|---|---|")
    for way, rater in raters(Delphi(model=model), []):
        rating = rater.rate(texts)
        score = rating[:, 2] - rating[:, 0]
        print(
            f"| {way} | {np.corrcoef(score, share)[0, 1]:.3f} | {np.mean((rating[:, 0] < 0.5) == (share > 0.5)):.3f} |"
        )


def ethics(model: str, folder: Path, names: list[str], most: int) -> None:
    """Accuracy of a head on the model's vectors, of one on words, and of the majority."""
    print("| set | tested on | model's vectors | words alone | majority |\n|---|---|---|---|---|")
    for name in names:
        learn, test, lead = SETS[name]
        data = [read(folder / "ethics" / f"{file}.csv.gz", name) for file in (learn, test) if file]
        if learn:
            (texts, y), (others, truth) = (data[0][0][:LEARN], data[0][1][:LEARN]), data[1]
        else:
            order = (
                np.arange(len(data[0][1]))
                if name == "virtue"
                else np.random.default_rng(0).permutation(len(data[0][1]))
            )
            told = [data[0][0][n] for n in order]
            texts, others, y, truth = told[:LEARN], told[LEARN:], data[0][1][order[:LEARN]], data[0][1][order[LEARN:]]
        others, truth = others[:most], truth[:most]
        rater = Delphi(model=model, lead=lead)
        vectors = rater._vectors(texts + others)  # what its head is fitted to
        report(name, vectors[:LEARN], y, vectors[LEARN:], truth, texts, others)


def report(
    name: str,
    learn: Floats,
    y: NDArray[np.int64],
    test: Floats,
    truth: NDArray[np.int64],
    texts: list[str],
    others: list[str],
) -> None:
    """One row."""
    mine = accuracy(learn, y, test, truth)
    by_words = accuracy(words(texts, others)[0], y, words(texts, others)[1], truth)
    most = max(truth.mean(), 1 - truth.mean())
    error = (mine * (1 - mine) / len(truth)) ** 0.5
    print(f"| {name} | {len(truth)} | {mine:.3f} ± {error:.3f} | {by_words:.3f} | {most:.3f} |", flush=True)


def read(path: Path, name: str) -> tuple[list[str], NDArray[np.int64]]:
    """Texts and labels of a file of ETHICS."""
    rows = [row for _, row in csv_rows(path, ("label",))]
    if name == "deontology":
        texts = [f"{row['scenario']} {row['excuse']}" for row in rows]
    elif name == "virtue":
        texts = [row["scenario"].replace(" [SEP] ", " This character is ") + "." for row in rows]
    else:
        texts = [row.get("scenario") or row["input"] for row in rows]
    return texts, np.array([int(row["label"]) for row in rows])


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("own", "people", "ethics"))
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--folder", default=f"{os.environ.get('PROGRESSGYM_SHARED', '.')}/real")
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--most", type=int, default=10**6, help="rows that are tested on")
    given = parser.parse_args()
    if given.what == "own":
        own(given.model)
    elif given.what == "people":
        people(given.model, Path(given.folder))
    else:
        ethics(given.model, Path(given.folder), given.sets, given.most)


if __name__ == "__main__":
    main()
