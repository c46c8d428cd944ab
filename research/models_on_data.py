"""What decides about preference models, on real data: strength of labels, how few answers place a person, regret on segments.

    python -m research.models_on_data strength    rated summaries and ETHICS: trained on each fifth by strength; flipped labels
    python -m research.models_on_data people      the panel: answers 21 and later of people who told 1, 4 or 20 before
    python -m research.models_on_data segments    a file of segments: partial return's and regret's likelihood

Data in $PROGRESSGYM_SHARED/real, but for segments, which are planted. Intervals are 95 % of a bootstrap over pairs or people.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from progressgym.preferences.compare import compare
from progressgym.preferences.datasets import load
from progressgym.preferences.models import PREFERENCE_MODELS, BradleyTerry, Denoised
from progressgym.preferences.models.personal import PersonalModel
from progressgym.preferences.pairs import Pairs

FOLDS, RESAMPLES, FLIPPED = 5, 1000, 0.25
TOLD, SCORED_FROM = (1, 4, 20), 20
PERSONAL = ("bradley-terry", "pal?k=1", "pal?k=2", "pal?k=6", "pal?k=12", "user?size=4&ridge=1")
SIDES, SIDE, WIDTH, STEPS, DISCOUNT, SWEEPS, SEGMENTS = ("left", "right"), 6, 5, 3, 0.95, 300, 300
"""Of the planted grids: 6 x 6 cells of five kinds."""
RIDGES = {"opinpref": 0.1, "ethics": 3.0}


def real() -> Path:
    """The folder of data."""
    return Path(os.environ.get("PROGRESSGYM_SHARED", ".")) / "real"


def interval(hits: np.ndarray, unit: np.ndarray | None = None) -> str:
    """Mean with its 95 %, over rows or over units of rows."""
    _, of = np.unique(np.arange(len(hits)) if unit is None else unit, return_inverse=True)
    sums = np.stack([np.bincount(of), np.bincount(of, weights=hits)], 1).astype(float)
    draws = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1.0 / len(sums)), RESAMPLES) @ sums
    low, high = np.quantile(draws[:, 1] / draws[:, 0], [0.025, 0.975])
    return f"{hits.mean():.3f} [{low:.3f}, {high:.3f}]"


def right(margins: np.ndarray, pairs: Pairs) -> np.ndarray:
    """1, 0, or one half."""
    towards = np.where(pairs.target > 0.5, margins, -margins)
    return np.where(towards > 0, 1.0, np.where(towards == 0, 0.5, 0.0))


def strength() -> None:
    """Share of pairs with mu < 0; held-out accuracy of a reward of one fifth; flipped labels found and treated."""
    for name, ridge in RIDGES.items():
        pairs = load(name, real()).pairs
        fold = np.random.default_rng(0).permutation(len(pairs)) % FOLDS
        fifths: list[list[np.ndarray]] = [[] for _ in range(FOLDS)]
        treated: dict[str, list[np.ndarray]] = {}
        negative, found = [], []
        for part in range(FOLDS):
            learn, held = pairs[np.flatnonzero(fold != part)], pairs[np.flatnonzero(fold == part)]
            mu, _ = Denoised(ridge=ridge).strength_of(learn)
            negative.append((mu < 0).mean())
            for place, rows in enumerate(np.array_split(np.argsort(mu), FOLDS)):
                fifths[place].append(right(BradleyTerry(ridge=ridge).fit(learn[rows]).margin(held), held))
            wrong = np.random.default_rng(part).random(len(learn)) < FLIPPED
            noisy = Pairs.of(learn.left, learn.right, np.where(wrong, 1.0 - learn.target, learn.target))
            found.append(auc(-Denoised(ridge=ridge).strength_of(noisy)[0], wrong))
            for ids in (f"bradley-terry?ridge={ridge}", f"bradley-terry?ridge={10 * ridge}", *policies(ridge)):
                treated.setdefault(ids, []).append(right(PREFERENCE_MODELS.make(ids).fit(noisy).margin(held), held))
        print(f"\n{name}: {len(pairs)} pairs, share with mu < 0: {np.mean(negative):.3f}")
        for place, hits in enumerate(fifths):
            print(f"  learned from fifth {place + 1} by strength   {interval(np.concatenate(hits))}")
        print(
            f"  a quarter of the labels flipped: found with an AUC of {np.mean(found):.3f}; accuracy on labels as they were"
        )
        for ids, several in treated.items():
            print(f"  {ids:<36} {interval(np.concatenate(several))}", flush=True)


def policies(ridge: float) -> list[str]:
    """What to do about weak labels."""
    return [f"denoised?policy={policy}&ridge={ridge}" for policy in ("flip", "soft", "margin")]


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Chance that a positive one has the higher score."""
    ranks = np.argsort(np.argsort(score)) + 1
    count = positive.sum()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(score) - count)))


def people() -> None:
    """Five folds of people who were not learned from; the order of their answers is drawn."""
    data = load("panel", real())
    order = np.random.default_rng(0).permutation(len(data.pairs))
    rank = np.zeros(len(order), dtype=np.int64)
    so_far: dict[int, int] = {}
    for row in order.tolist():
        person = int(data.pairs.group[row])
        rank[row] = so_far[person] = so_far.get(person, -1) + 1
    names = np.unique(data.pairs.group)
    fold_of = dict(
        zip(names.tolist(), (np.random.default_rng(1).permutation(len(names)) % FOLDS).tolist(), strict=True)
    )
    fold = np.array([fold_of[int(person)] for person in data.pairs.group])
    hits: dict[tuple[str, int], list[np.ndarray]] = {}
    units: list[np.ndarray] = []
    for part in range(FOLDS):
        learn = data.pairs[np.flatnonzero(fold != part)]
        later = np.flatnonzero((fold == part) & (rank >= SCORED_FROM))
        units.append(data.pairs.group[later])
        for ids in PERSONAL:
            model = PREFERENCE_MODELS.make(ids).fit(learn)
            for told in TOLD:
                if isinstance(model, PersonalModel):
                    for person in np.unique(data.pairs.group[later]):
                        rows = np.flatnonzero((data.pairs.group == person) & (rank < told))
                        model.add_user(int(person), data.pairs[rows])
                wanted = data.pairs[later]
                hits.setdefault((ids, told), []).append(right(model.margin(wanted), wanted))
    print(f"{len(names)} people, {sum(map(len, units))} answers scored; after 1, 4 and 20 answers")
    for ids in PERSONAL:
        cells = [interval(np.concatenate(hits[ids, told]), np.concatenate(units)) for told in TOLD]
        print(f"{ids:<22} {'   '.join(cells)}", flush=True)


def grid_segments(seed: int, count: int = SEGMENTS, by_regret: bool = True) -> list[Mapping[str, Any]]:
    """Pairs of random segments of three steps on a grid whose cells have one of five features, by true regret or true return."""
    random = np.random.default_rng(seed)
    cells = np.arange(SIDE * SIDE)
    x, y = np.divmod(cells, SIDE)
    moves = np.stack(
        [
            np.clip(x + i, 0, SIDE - 1) * SIDE + np.clip(y + j, 0, SIDE - 1)
            for i, j in ((0, 1), (0, -1), (1, 0), (-1, 0))
        ],
        1,
    )
    features, reward = np.eye(WIDTH)[random.integers(0, WIDTH, len(cells))], random.normal(size=WIDTH)
    values, paid = np.zeros(len(cells)), features @ reward
    for _ in range(SWEEPS):
        values = (paid[moves] + DISCOUNT * values[moves]).max(1)
    rows: list[Mapping[str, Any]] = []
    while len(rows) < count:
        paths = [[int(random.integers(0, len(cells)))] for _ in SIDES]
        for path in paths:
            for _ in range(STEPS):
                path.append(int(moves[path[-1], random.integers(0, 4)]))
        gain = [paid[path[1:]].sum() + by_regret * (values[path[-1]] - values[path[0]]) for path in paths]
        if abs(gain[0] - gain[1]) > 1e-9:
            sides = [{"states": path, "features": features[path[1:]].tolist()} for path in paths]
            rows.append(dict(zip(SIDES, sides, strict=True)) | {"preferred": SIDES[int(gain[1] > gain[0])]})
    return rows


def segments() -> None:
    """Both likelihoods on held-out lines of files of segments, four files by regret and four by return."""
    for by_regret in (True, False):
        print(f"\n{SEGMENTS} pairs of segments a file, preferred by {'regret' if by_regret else 'return'}")
        for seed in range(4):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "segments.jsonl"
                rows = grid_segments(seed, by_regret=by_regret)
                path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
                for row in compare(load(str(path), None), ["bradley-terry", "regret"]):
                    low, high = row.log_likelihood_interval
                    print(
                        f"file {seed}  {row.model:<14} accuracy {row.accuracy:.3f}  "
                        f"log-likelihood {row.log_likelihood:+.3f} [{low:+.3f}, {high:+.3f}]",
                        flush=True,
                    )


STUDIES = {"strength": strength, "people": people, "segments": segments}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print tables."""
    parser = argparse.ArgumentParser(description="What decides about preference models.")
    parser.add_argument("what", choices=sorted(STUDIES))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    STUDIES[options.what]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
