"""Checks of a reading against itself: do words, leads, readings, training seeds and halves of the items agree?

What must agree is the **profile**: for several models the drift of the 19 values since the first, for one model the values
themselves. Intervals draw items anew (halves: how they are divided, too) and are centred on the estimate; p permutes the
dimensions of one side.

Legend of shapes: R versions of a reading, M models, N items, K options, D dimensions that are measured, B resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import Floats
from progressgym.core.seeding import generator
from progressgym.histories.evidence import balanced_halves
from progressgym.histories.validity.asked import Asked, Asking
from progressgym.histories.validity.check import TINY, Check, correlation, drawn, orders, share_reached, skipped
from progressgym.instruments.ask import verdict_answers
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.scores.intervals import centred_interval
from progressgym.scores.resampling import item_contributions, item_masses

SPLITS = 10
"""Random halves of words, leads and items that are averaged."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Versions:
    """One reading in R versions, and which of them are compared."""

    contributions: Floats
    """(R, M, N, D)."""
    masses: Floats
    """(N, D)."""
    pairs: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, answers: Sequence[Floats], instrument: Questionnaire, pairs: Sequence[tuple[int, int]]) -> Versions:
        """Of R answers (M, N, K), on the dimensions that are measured at all."""
        loadings = instrument.loadings[..., instrument.covered()]
        return cls(
            contributions=item_contributions(np.array(answers), loadings),
            masses=item_masses(loadings),
            pairs=tuple(pairs),
        )

    def values(self, weights: Floats) -> Floats:
        """(B, R, M, D) values of items weighted (B, N)."""
        sums = np.tensordot(weights, self.contributions, axes=([-1], [2]))
        return _ratio(sums, (weights @ self.masses)[:, None, None, :])


def internal(asked: Sequence[Asked], asking: Asking) -> list[Check]:
    """Words, leads, readings and halves of the items."""
    instrument = asking.instrument
    tables = np.array([one.items for one in asked])  # (M, L, W, N, K)

    def read(columns: Floats) -> Floats:
        temperature = instrument.config.temperature
        return np.array([verdict_answers(row, instrument.mask, temperature) for row in columns])

    def halved(axis: int, name: str) -> Versions:
        rows, pairs = [], []
        rng = generator(0, "halves of", name)
        for _ in range(SPLITS):
            order = rng.permutation(tables.shape[axis])
            for half in (order[: len(order) // 2], order[len(order) // 2 :]):
                part = np.take(tables, half, axis)
                rows.append(read(part.reshape(len(part), -1, *part.shape[3:])))
            pairs.append((len(rows) - 2, len(rows) - 1))
        return Versions.of(rows, instrument, pairs)

    panel = read(tables.reshape(len(tables), -1, *tables.shape[3:]))
    own = read(np.array([one.own for one in asked]))
    return [
        agreement("words", "do two halves of the pairs of words tell the same?", halved(2, "words")),
        agreement("leads", "do two halves of the leads tell the same?", halved(1, "leads")),
        agreement(
            "readings",
            "does the panel tell the same as the instrument's own words?",
            Versions.of([panel, own], instrument, [(0, 1)]),
        ),
        halves(panel, instrument),
    ]


def seeds(answers: Sequence[Floats], instrument: Questionnaire, how: str) -> Check:
    """Agreement of training seeds on the same items, S answers (M, N, K); without a second seed it is skipped."""
    question = f"do training seeds tell the same on the same items ({how})?"
    if len(answers) < 2:
        return skipped("seeds", question, "only one training seed was measured")
    pairs = [(a, b) for a in range(len(answers)) for b in range(a + 1, len(answers))]
    return agreement("seeds", question, Versions.of(answers, instrument, pairs))


def agreement(name: str, question: str, versions: Versions) -> Check:
    """Mean correlation of the profiles of compared versions."""
    count = len(versions.masses)
    plain = versions.values(np.ones((1, count)))
    value = float(_agreed(plain, versions.pairs)[0])
    weights = _counts(drawn(count, "agreement", name), count)
    resampled = [_agreed(versions.values(part), versions.pairs) for part in np.array_split(weights, 20)]
    interval = centred_interval(value, np.concatenate(resampled))
    order = orders(plain.shape[-1], "agreement", name)
    permuted = [correlation(_profile(plain[0, a]), _profile(_permuted(plain[0, b], order))) for a, b in versions.pairs]
    return Check(
        name=name,
        question=question,
        value=value,
        low=interval.low,
        high=min(interval.high, 1.0),
        p=share_reached(np.mean(permuted, axis=0), value),
    )


def halves(answers: Floats, instrument: Questionnaire) -> Check:
    """Agreement of two halves of the items on the profile, answers (M, N, K)."""
    whole = Versions.of([answers], instrument, [])
    rng = generator(0, "item halves")

    def sides(count: int, *, resampled: bool) -> tuple[Floats, Floats]:
        """Values (count, M, D) of both halves of so many divisions."""
        rows: tuple[list[Floats], list[Floats]] = ([], [])
        for _ in range(count):
            for side, half in zip(rows, balanced_halves(instrument, rng), strict=True):
                chosen = half[rng.integers(0, len(half), len(half))] if resampled else half
                side.append(_counts(chosen[None], len(whole.masses))[0])
        one, other = (whole.values(np.array(side))[:, 0] for side in rows)
        return one, other

    one, other = sides(10 * SPLITS, resampled=False)
    value = float(correlation(_profile(one), _profile(other)).mean())
    interval = centred_interval(value, np.concatenate([_correlated(*sides(100, resampled=True)) for _ in range(10)]))
    order = orders(one.shape[-1], "item halves")
    permuted = [
        correlation(_profile(a), _profile(_permuted(b, order)))
        for a, b in zip(one[:SPLITS], other[:SPLITS], strict=True)
    ]
    few = float(correlation(_profile(one[:SPLITS]), _profile(other[:SPLITS])).mean())
    return Check(
        name="item halves",
        question="do two halves of the items tell the same?",
        value=value,
        low=interval.low,
        high=min(interval.high, 1.0),
        p=share_reached(np.mean(permuted, axis=0), few),
        detail={"splits": len(one)},
    )


def _correlated(one: Floats, other: Floats) -> Floats:
    return correlation(_profile(one), _profile(other))


def _counts(rows: NDArray[np.int64], count: int) -> Floats:
    """(B, count) how often each item stands in a row of indices."""
    return np.array([np.bincount(row, minlength=count) for row in rows], dtype=np.float64)


def _permuted(values: Floats, order: NDArray[np.int64]) -> Floats:
    """(P, M, D) values (M, D) with their dimensions permuted."""
    return np.moveaxis(values[:, order], 1, 0)


def _agreed(values: Floats, pairs: Sequence[tuple[int, int]]) -> Floats:
    """Mean correlation of the profiles of compared versions, values (B, R, M, D): (B,)."""
    mean: Floats = np.mean([_correlated(values[:, a], values[:, b]) for a, b in pairs], axis=0)
    return mean


def _profile(values: Floats) -> Floats:
    """Drift since the first of several models, the values of a single one: values (..., M, D), profile (..., n)."""
    moved = values[..., 1:, :] - values[..., :1, :] if values.shape[-2] > 1 else values
    profile: Floats = moved.reshape(*moved.shape[:-2], -1)
    return profile


def _ratio(sums: Floats, masses: Floats) -> Floats:
    """Values; 0 where nothing was drawn that measures a dimension."""
    ratio: Floats = np.where(masses > TINY, sums / np.where(masses > TINY, masses, 1.0), 0.0)
    return ratio
