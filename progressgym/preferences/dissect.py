"""Dissecting preferences: how much each property of an answer weighs for a judge, and whose judges weigh alike.

    y ~ Bernoulli(sigma(x . alpha)),   x in {-1, 0, 1}^p: which of the two answers has more of a property,
    alpha ~ Laplace(0, b):   alpha = argmax sum log p(y | x, alpha) - |alpha|_1 / b

Source: Li et al., Dissecting Human and LLM Preferences (arXiv 2402.11296), who sample the posterior (NUTS, 4 chains of 2,500
steps) and report its mean over ten folds. Here is its mode, by accelerated proximal steps, with a bootstrap over pairs; properties that say
nothing are exactly 0. P_i = sigma(alpha_i) is the chance that the answer with more of property i wins, all else equal.

Legend of shapes: N pairs, p properties, J judges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.core.rows import csv_rows, finite_number
from progressgym.core.seeding import generator
from progressgym.histories.history import History
from progressgym.preferences.comparisons import all_pairs

Floats = NDArray[np.float64]
SCALE = 0.1
"""b, the paper's."""
ROUNDS = 2000
TOLERANCE = 1e-7
RESAMPLES = 200
WANTED = 1000
"""Pairs a judge from which the weights of 29 properties come back well (correlation .96 where they are planted)."""
LENGTH_RATIO = 0.9
"""Of two lengths one is the longer where the shorter is at most this share of it."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Dissection:
    """What weighs for one judge."""

    properties: tuple[str, ...]
    """p names."""
    weights: Floats
    """(p,) alpha."""
    interval: Floats
    """(2, p) 95 % of the bootstrap; an edge that is 0 says that a resample left the property out."""
    pairs: int
    """N."""

    @property
    def chances(self) -> Floats:
        """(p,) P_i."""
        chances: Floats = 1.0 / (1.0 + np.exp(-self.weights))
        return chances


def dissect(
    labels: ArrayLike,
    signs: ArrayLike,
    properties: Sequence[str],
    *,
    scale: float = SCALE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Dissection:
    """The weights of one judge.

    Args:
        labels: (N,) probability that the first answer is preferred, 0 or 1 where a choice was made.
        signs: (N, p) 1 where the first answer has more of the property, -1 where the second has.
        properties: p names.
        scale: b; smaller leaves more properties out.
        resamples: of the pairs.
        seed: of the resamples.

    Raises:
        UserError: arrays that do not fit, labels outside of [0, 1], signs other than -1, 0, 1, no pairs, no scale.
    """
    y, x = np.asarray(labels, dtype=np.float64), np.asarray(signs, dtype=np.float64)
    if x.ndim != 2 or y.shape != (len(x),) or x.shape[1] != len(properties):
        raise UserError(f"labels {y.shape} and signs {x.shape} do not fit {len(properties)} properties")
    if not len(y) or not ((y >= 0) & (y <= 1)).all():
        raise UserError("labels are probabilities that the first answer is preferred, one a pair, and at least one")
    if not np.isin(x, (-1.0, 0.0, 1.0)).all():
        raise UserError("signs are -1, 0 or 1: which answer has more of a property")
    if not 0 < scale < np.inf:
        raise UserError(f"scale is {scale!r}; a positive number is expected")
    rng = generator(seed, "dissect")
    ones = np.ones(len(y))
    weights = mode(y, x, ones, scale)
    drawn = [
        mode(y, x, rng.multinomial(len(y), ones / len(y)).astype(np.float64), scale, start=weights)
        for _ in range(resamples)
    ]
    interval = np.percentile(drawn, [2.5, 97.5], axis=0) if drawn else np.full((2, len(properties)), np.nan)
    return Dissection(properties=tuple(properties), weights=weights, interval=interval, pairs=len(y))


def mode(labels: Floats, signs: Floats, counts: Floats, scale: float, start: Floats | None = None) -> Floats:
    """alpha (p,) by FISTA (Beck and Teboulle 2009, algorithm with constant step); `counts` (N,) are how often a pair stands there."""
    gram = signs.T @ (signs * counts[:, None])
    step = 1.0 / max(0.25 * float(np.linalg.eigvalsh(gram)[-1]), 1e-12)
    weights = np.zeros(signs.shape[1]) if start is None else start.copy()
    ahead, momentum = weights, 1.0
    for _ in range(ROUNDS):
        slope = signs.T @ (counts * (1.0 / (1.0 + np.exp(-(signs @ ahead))) - labels))
        moved = ahead - step * slope
        fresh = np.sign(moved) * np.maximum(np.abs(moved) - step / scale, 0.0)
        after = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum * momentum))
        ahead = fresh + (momentum - 1.0) / after * (fresh - weights)
        change = float(np.abs(fresh - weights).max(initial=0.0))
        weights, momentum = fresh, after
        if change < TOLERANCE:
            break
    return weights


def judge_similarity(judges: Sequence[Dissection]) -> Floats:
    """(J, J) Pearson correlations of the judges' weights; NaN where one has the same weight for all properties.

    Raises:
        UserError: judges of different properties.
    """
    if len({judge.properties for judge in judges}) > 1:
        raise UserError("judges are compared by the same properties")
    centred = np.array([judge.weights - judge.weights.mean() for judge in judges]).reshape(len(judges), -1)
    norms = np.linalg.norm(centred, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        similarity: Floats = (centred @ centred.T) / np.outer(norms, norms)
    return similarity


@dataclass(kw_only=True, frozen=True)
class Audit:
    """What it gains to have more of a property, before a judge who did not say that it counts."""

    property: str
    """Both, where the two halves choose differently."""
    weight: float
    """By which it was chosen, mean over the halves."""
    gain: float
    """Share of pairs won by the answer with more of it, less 1/2."""
    standard_error: float
    pairs: int
    """In which one of the two has more of it."""


def manipulation_audit(
    labels: ArrayLike, signs: ArrayLike, properties: Sequence[str], *, scale: float = SCALE, seed: int = 0
) -> tuple[Audit, ...]:
    """What a judge's top and its bottom property win: chosen on one half of the pairs, measured on the other.

    Both halves serve once as either, and pairs are counted together. What else comes with a property is not held fixed: this is
    what somebody gains who has more of it as answers have it. Empty where nothing weighs, or no pair of a half differs.

    Raises:
        UserError: as `dissect`.
    """
    y, x = np.asarray(labels, dtype=np.float64), np.asarray(signs, dtype=np.float64)
    order = generator(seed, "audit").permutation(len(y))
    audits = []
    for pick in (np.argmax, np.argmin):
        won: list[Floats] = []
        names: list[str] = []
        chosen_by: list[float] = []
        for half in (0, 1):
            learn, test = order[half::2], order[1 - half :: 2]
            if not len(learn):
                return ()
            learned = dissect(y[learn], x[learn], properties, scale=scale, resamples=0).weights
            if not learned.any():
                return ()
            at = int(pick(learned))
            names.append(properties[at])
            chosen_by.append(float(learned[at]))
            differing = test[x[test, at] != 0]
            won.append(np.where(x[differing, at] > 0, y[differing], 1.0 - y[differing]))
        wins = np.concatenate(won)
        if len(wins) < 2:
            return ()
        audits.append(
            Audit(
                property=" / ".join(dict.fromkeys(names)),
                weight=float(np.mean(chosen_by)),
                gain=float(wins.mean() - 0.5),
                standard_error=float(wins.std(ddof=1) / len(wins) ** 0.5),
                pairs=len(wins),
            )
        )
    return tuple(audits)


def longer(one: ArrayLike, two: ArrayLike, ratio: float = LENGTH_RATIO) -> Floats:
    """Signs (N,) of two lengths that differ by a share; nearly the same length is the same.

    >>> longer([100, 100, 80], [95, 90, 100]).tolist()
    [0.0, 1.0, -1.0]
    """
    a, b = np.asarray(one, dtype=np.float64), np.asarray(two, dtype=np.float64)
    least, most = np.minimum(a, b), np.maximum(a, b)
    return np.where(least <= ratio * most, np.sign(a - b), 0.0)


@dataclass(kw_only=True, frozen=True, eq=False)
class Judged:
    """What judges said of pairs whose properties are known."""

    properties: tuple[str, ...]
    judges: Mapping[str, tuple[Floats, Floats]]
    """Judge -> labels (N,) and signs (N, p)."""


def of_file(path: Path, least: int = 1) -> Judged:
    """Pairs of a comma-separated file: columns one_NAME and two_NAME for every property, `preferred` (1 or 2).

    Properties are compared by their signs, `words` by their ratio. With a column `judge` or `annotator` everybody is a judge who
    has at least `least` pairs, beside all together.

    Raises:
        UserError: the first mistake, with its line.
    """
    rows = list(csv_rows(path, ("preferred",)))
    names = [column.removeprefix("one_") for column in rows[0][1] if column.startswith("one_")]
    if not names:
        raise UserError(f"{path.name} has no columns one_NAME and two_NAME: the properties that are compared")
    labels, who, sides = [], [], []
    for line, row in rows:
        where = f"{path.name}, line {line}"
        if row["preferred"] not in ("1", "2"):
            raise UserError(f"{where}: preferred is {row['preferred']!r}; 1 or 2 is expected, a tie says nothing")
        labels.append(float(row["preferred"] == "1"))
        who.append(row.get("judge") or row.get("annotator") or "")
        sides.append(
            [
                [finite_number(row.get(f"{side}_{name}", ""), f"{where}, {side}_{name}") for name in names]
                for side in ("one", "two")
            ]
        )
    table = np.array(sides)
    signs = np.sign(table[:, 0] - table[:, 1])
    if "words" in names:
        at = names.index("words")
        signs[:, at] = longer(table[:, 0, at], table[:, 1, at])
    y, by = np.array(labels), np.array(who)
    judges = {"all": (y, signs)}
    for judge in sorted({*who} - {""}):
        if (by == judge).sum() >= least:
            judges[judge] = (y[by == judge], signs[by == judge])
    return Judged(properties=tuple(names), judges=judges)


def of_history(history: History) -> Judged:
    """Pairs of options of a history's questionnaire, judged by every century: the 19 dimensions by their loadings, and length.

    A label is the share of the first option in what the century gives to the two.
    """
    instrument = history.instrument
    triples = all_pairs(instrument, np.arange(len(instrument)))
    item, a, b = triples.T
    signs = np.sign(instrument.loadings[item, a] - instrument.loadings[item, b])
    lengths = np.array([[len(instrument.items[i].options[k].split()) for k in (x, z)] for i, x, z in triples.tolist()])
    table = np.hstack([signs, longer(lengths[:, 0], lengths[:, 1])[:, None]])
    judges = {}
    for label, answers in zip(history.labels, history.answers.astype(np.float64), strict=True):
        one, two = answers[item, a], answers[item, b]
        asked = np.isfinite(one) & np.isfinite(two) & (one + two > 0)
        judges[label] = (one[asked] / (one + two)[asked], table[asked])
    varied = (table != 0).any(0)
    names = tuple(name for name, varies in zip((*DIMENSIONS, "words"), varied, strict=True) if varies)
    return Judged(properties=names, judges={who: (y, x[:, varied]) for who, (y, x) in judges.items()})
