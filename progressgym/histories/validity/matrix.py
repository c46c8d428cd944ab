"""The multitrait-multimethod matrix (Campbell and Fiske 1959, Psychological Bulletin 56).

Traits are the 19 dimensions, methods are ways to read them: two disjoint halves of the instrument's items, its own words,
and another instrument. Cases are the models of a history. A trait is measured where two methods that share no item
agree on it over time (**convergent**: same trait, another method) better than either agrees with other traits
(**discriminant**: another trait, another method).

Legend of shapes: M models, D = 19, Q methods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import Floats
from progressgym.core.seeding import generator
from progressgym.histories.validity.asked import Asked, Asking
from progressgym.histories.validity.check import PERMUTATIONS, RESAMPLES, TINY, Check, share_reached, skipped
from progressgym.histories.validity.outside import FEWEST_MODELS, ONE_MODEL
from progressgym.instruments.ask import verdict_answers
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.scores.intervals import centred_interval
from progressgym.scores.resampling import item_contributions, item_masses

NAME = "multitrait-multimethod"
QUESTION = "over time, is a dimension nearer to itself in other items and instruments than to other dimensions?"


@dataclass(kw_only=True, frozen=True, eq=False)
class Method:
    """One way to read the 19 dimensions of M models."""

    contributions: Floats
    """(M, N, D)."""
    masses: Floats
    """(N, D)."""
    items: frozenset[str]
    """Which items it reads; two methods that share some are not independent."""

    @classmethod
    def of(cls, scores: Floats, instrument: Questionnaire, index: NDArray[np.int64], *items: str) -> Method:
        """Of verdict scores (M, V, N, K), on some of the items."""
        temperature = instrument.config.temperature
        answers = np.array([verdict_answers(row, instrument.mask, temperature) for row in scores])
        loadings = instrument.loadings[index]
        return cls(
            contributions=item_contributions(answers[:, index], loadings),
            masses=item_masses(loadings),
            items=frozenset(items),
        )

    def values(self, weights: Floats | None = None) -> Floats:
        """(M, D) on all its items, or (B, M, D) with these weighted (B, N); NaN where they measure nothing."""
        chosen = np.ones((1, len(self.masses))) if weights is None else weights
        mass = (chosen @ self.masses)[:, None, :]
        sums = np.tensordot(chosen, self.contributions, axes=([1], [1]))
        with np.errstate(invalid="ignore", divide="ignore"):
            values: Floats = np.where(mass > TINY, sums / mass, np.nan)
        return values[0] if weights is None else values


def methods_of(asked: Sequence[Asked], asking: Asking) -> dict[str, Method]:
    """The methods, by name."""
    panel = np.array([one.items.reshape(-1, *one.items.shape[2:]) for one in asked])
    own = np.array([one.own for one in asked])
    survey = np.array([one.survey.reshape(-1, *one.survey.shape[2:]) for one in asked])
    instrument, whole = asking.instrument, np.arange(len(asking.instrument))
    return {
        "items A": Method.of(panel, instrument, instrument.elicitation, "A"),
        "items B": Method.of(panel, instrument, instrument.evaluation, "B"),
        "own words": Method.of(own, instrument, whole, "A", "B"),
        asking.survey.name: Method.of(survey, asking.survey, np.arange(len(asking.survey)), "survey"),
    }


def correlations(methods: Mapping[str, Method]) -> Floats:
    """(Q D, Q D) over models; NaN where a method measures nothing of a dimension."""
    values = np.concatenate([method.values() for method in methods.values()], axis=1)
    return correlate(values, values)


def matrix(labels: Sequence[str], asked: Sequence[Asked], asking: Asking) -> Check:
    """Convergent minus discriminant correlations, over pairs of methods that share no item."""
    if len(asked) < FEWEST_MODELS:
        reason = ONE_MODEL if len(asked) == 1 else f"{len(asked)} models are too few for correlations over time"
        return skipped(NAME, QUESTION, reason)
    methods = methods_of(asked, asking)
    apart = [pair for pair in combinations(methods, 2) if not methods[pair[0]].items & methods[pair[1]].items]
    plain = {name: method.values() for name, method in methods.items()}
    value = float(_gain(plain, apart))
    rng = generator(0, NAME)
    sampled = {}
    for name, method in methods.items():
        count = len(method.masses)
        sampled[name] = method.values(rng.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(np.float64))
    resampled = _gain(sampled, apart)
    tables = [correlate(plain[one], plain[other]) for one, other in apart]
    by_chance = np.mean([permuted(table, rng) for table in tables], axis=0)
    interval = centred_interval(value, resampled)
    return Check(
        name=NAME,
        question=QUESTION,
        value=value,
        low=interval.low,
        high=interval.high,
        p=share_reached(by_chance, value),
        detail={
            "pairs": {
                f"{one} / {other}": _told(correlate(plain[one], plain[other]), (one, other) in apart)
                for one, other in combinations(methods, 2)
            }
        },
    )


def _gain(values: Mapping[str, Floats], pairs: Sequence[tuple[str, str]]) -> Floats:
    """(...) convergent minus discriminant of values (..., M, D), mean over pairs of methods."""
    gain: Floats = np.mean([np.subtract(*sides(correlate(values[one], values[other]))) for one, other in pairs], axis=0)
    return gain


def sides(table: Floats) -> tuple[Floats, Floats]:
    """Mean of the diagonal, and of the rest, over dimensions that both methods measure; table (..., D, D)."""
    diagonal = np.diagonal(table, axis1=-2, axis2=-1)
    both = ~np.isnan(diagonal)
    count = both.sum(-1)
    same = np.where(both, diagonal, 0.0).sum(-1)
    whole = np.where(both[..., :, None] & both[..., None, :], table, 0.0).sum((-2, -1))
    return same / count, (whole - same) / (count**2 - count)


def _told(table: Floats, apart: bool) -> dict[str, object]:
    convergent, discriminant = sides(table)
    return {
        "convergent": round(float(convergent), 4),
        "discriminant": round(float(discriminant), 4),
        "share no item": apart,
    }


def permuted(table: Floats, rng: np.random.Generator) -> Floats:
    """(PERMUTATIONS,) the same with the dimensions of the second method permuted, among those that both measure."""
    both = np.flatnonzero(~np.isnan(np.diagonal(table)))
    own = table[np.ix_(both, both)]
    order = rng.permuted(np.tile(np.arange(len(both)), (PERMUTATIONS, 1)), axis=1)
    same = own[np.arange(len(both)), order].sum(1)
    contrast: Floats = same / len(both) - (own.sum() - same) / (len(both) ** 2 - len(both))
    return contrast


def correlate(one: Floats, other: Floats) -> Floats:
    """(..., D, D) correlations over models of (..., M, D); NaN where either is not measured or never moves."""

    def standard(values: Floats) -> Floats:
        centred = values - values.mean(-2, keepdims=True)
        size = np.sqrt((centred**2).sum(-2, keepdims=True))
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled: Floats = np.where(size > TINY, centred / size, np.nan)
        return scaled

    table: Floats = np.swapaxes(standard(one), -1, -2) @ standard(other)
    return table
