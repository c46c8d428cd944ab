"""Do independent instruments agree on how the steps of a history differ? The multitrait-multimethod matrix of all of them.

Traits are those of the 19 dimensions that two instruments both measure, methods are instruments, cases are the steps:

    convergent     mean over traits of the correlation over steps of a trait in one instrument with itself in the other
    discriminant   the same with every other trait
    gain           convergent - discriminant

Instruments agree where the gain is larger than when the traits of one are permuted. Its 95 % interval is over traits drawn
anew; a trait that is drawn twice is not its own "other trait". Instruments that share a question, such as a questionnaire
and its core, are no independent methods, and are not paired.

Over all pairs together (`overall`) the gain is the mean of the pairs', the traits are drawn anew once for all of them, and
one permutation an instrument serves every pair it is in: pairs that share an instrument are not independent.

Legend of shapes: I instruments, T steps, B draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.seeding import generator
from progressgym.histories.series import Series
from progressgym.histories.validity.check import PERMUTATIONS, RESAMPLES, Check, share_reached, skipped
from progressgym.histories.validity.matrix import correlate, permuted, sides
from progressgym.histories.validity.outside import FEWEST_MODELS
from progressgym.instruments.protocol import Question
from progressgym.scores.intervals import tails

FEWEST_TRAITS = 3
"""Of two traits there is one other permutation."""
NAME = "instruments"
QUESTION = "over time, is a dimension nearer to itself in another instrument than to other dimensions?"
NO_PAIR = "no two instruments that share no question measure three dimensions in common in every step"


@dataclass(kw_only=True, frozen=True)
class Agreement:
    """How far two instruments agree."""

    first: str
    second: str
    traits: int
    """Dimensions that both measure in every step, and that move."""
    convergent: float
    discriminant: float
    low: float
    """Of the 95 % interval of the gain."""
    high: float
    p: float
    """Share of permutations of the traits with as large a gain."""

    @property
    def gain(self) -> float:
        """Convergent minus discriminant."""
        return self.convergent - self.discriminant

    def line(self) -> str:
        """For the terminal."""
        return (
            f"{self.first} / {self.second}: {self.convergent:+.2f} against {self.discriminant:+.2f}, "
            f"gain [{self.low:+.2f}, {self.high:+.2f}] (p {self.p:.4f}, {self.traits} dimensions)"
        )


def convergence(series: Sequence[Series], questions: Mapping[str, Iterable[Question]] | None = None) -> list[Agreement]:
    """Agreement of every pair of instruments that measure enough dimensions in common, in all steps of a history.

    Args:
        series: what each instrument reads.
        questions: instrument -> what it asks, to tell which of them share some; those that are not here share none.
    """
    weights = _draws()
    rows = []
    for one, other in _pairs(series, questions or {}):
        table = correlate(one.on19, other.on19)
        same, others = (float(side) for side in sides(table))
        by_chance = permuted(table, generator(0, "convergence", one.instrument, other.instrument))
        low, high = tails(_known(_drawn_gain(table, weights)))
        rows.append(
            Agreement(
                first=one.instrument,
                second=other.instrument,
                traits=_traits(table),
                convergent=same,
                discriminant=others,
                low=low,
                high=high,
                p=share_reached(by_chance, same - others),
            )
        )
    return rows


def overall(series: Sequence[Series], questions: Mapping[str, Iterable[Question]] | None = None) -> Check:
    """Whether instruments agree, over all pairs together; the pairs stand in its detail. See `convergence`."""
    pairs = _pairs(series, questions or {})
    if not pairs:
        return skipped(NAME, QUESTION, NO_PAIR)
    agreed = convergence(series, questions)
    weights = _draws()
    drawn = [_drawn_gain(correlate(one.on19, other.on19), weights) for one, other in pairs]
    shuffled = {one.instrument: _shuffled(one) for pair in pairs for one in pair}
    by_chance = [
        np.subtract(*sides(correlate(shuffled[one.instrument], shuffled[other.instrument]))) for one, other in pairs
    ]
    value = float(np.mean([pair.gain for pair in agreed]))
    low, high = tails(_known(np.nanmean(drawn, axis=0)))
    p = share_reached(np.mean(by_chance, axis=0), value)
    detail = {"pairs": [{**asdict(pair), "gain": pair.gain} for pair in agreed]}
    return Check(name=NAME, question=QUESTION, value=value, low=low, high=high, p=p, detail=detail)


def _pairs(series: Sequence[Series], questions: Mapping[str, Iterable[Question]]) -> list[tuple[Series, Series]]:
    """Pairs of the same steps that share no question, and measure enough in common."""
    asked = {name: {(one.prompt, one.options) for one in own} for name, own in questions.items()}
    return [
        (one, other)
        for one, other in combinations(series, 2)
        if one.labels == other.labels
        and len(one.labels) >= FEWEST_MODELS
        and not asked.get(one.instrument, set()) & asked.get(other.instrument, set())
        and _traits(correlate(one.on19, other.on19)) >= FEWEST_TRAITS
    ]


def _traits(table: Floats) -> int:
    return int((~np.isnan(np.diagonal(table))).sum())


def _draws() -> Floats:
    """(B, 19) how often each dimension is drawn."""
    count = len(DIMENSIONS)
    draws = generator(0, "convergence", "traits").multinomial(count, np.full(count, 1 / count), RESAMPLES)
    return draws.astype(np.float64)


def _drawn_gain(table: Floats, weights: Floats) -> Floats:
    """(B,) the gain with traits drawn (B, 19) times; NaN where fewer than two different ones were drawn."""
    both = ~np.isnan(np.diagonal(table))
    own, drawn = table[np.ix_(both, both)], weights[:, both]
    same = drawn @ np.diagonal(own)
    others = np.einsum("bi,ij,bj->b", drawn, own, drawn) - (drawn**2) @ np.diagonal(own)
    count = drawn.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        gain: Floats = same / count - others / (count**2 - (drawn**2).sum(1))
    return gain


def _known(draws: Floats) -> Floats:
    return draws[np.isfinite(draws)]


def _shuffled(series: Series) -> Floats:
    """(PERMUTATIONS, T, 19) the series with the names of the dimensions that it measures dealt out anew."""
    measured = np.flatnonzero(np.isfinite(series.on19).all(0))
    rows = np.tile(measured, (PERMUTATIONS, 1))
    order = np.tile(np.arange(len(DIMENSIONS)), (PERMUTATIONS, 1))
    order[:, measured] = generator(0, "convergence", "names", series.instrument).permuted(rows, axis=1)
    shuffled: Floats = np.moveaxis(series.on19[:, order], 1, 0)
    return shuffled
