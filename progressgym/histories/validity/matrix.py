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
from progressgym.histories.validity.check import PERMUTATIONS, RESAMPLES, TINY, Check, skipped
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
    return _correlate(values, values)


def matrix(labels: Sequence[str], asked: Sequence[Asked], asking: Asking) -> Check:
    """Convergent minus discriminant correlations, over pairs of methods that share no item."""
    if len(asked) < FEWEST_MODELS:
        reason = ONE_MODEL if len(asked) == 1 else f"{len(asked)} models are too few for correlations over time"
        return skipped(NAME, QUESTION, reason)
    methods = methods_of(asked, asking)
    apart = [pair for pair in combinations(methods, 2) if not methods[pair[0]].items & methods[pair[1]].items]
    plain = {name: method.values() for name, method in methods.items()}
    value = _gain(plain, apart)
    rng = generator(0, NAME)
    sampled = {}
    for name, method in methods.items():
        count = len(method.masses)
        sampled[name] = method.values(rng.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(np.float64))
    resampled = [_gain({name: values[b] for name, values in sampled.items()}, apart) for b in range(RESAMPLES)]
    tables = [_correlate(plain[one], plain[other]) for one, other in apart]
    reached = 0
    for _ in range(PERMUTATIONS):
        reached += float(np.mean([_contrast(_shuffled(table, rng)) for table in tables])) >= value - TINY
    found = centred_interval(value, resampled)
    return Check(
        name=NAME,
        question=QUESTION,
        value=value,
        low=found.low,
        high=found.high,
        p=(1 + reached) / (1 + PERMUTATIONS),
        detail={
            "pairs": {
                f"{one} / {other}": _told(_correlate(plain[one], plain[other]), (one, other) in apart)
                for one, other in combinations(methods, 2)
            }
        },
    )


def _gain(values: Mapping[str, Floats], pairs: Sequence[tuple[str, str]]) -> float:
    return float(np.mean([_contrast(_correlate(values[one], values[other])) for one, other in pairs]))


def _measured(table: Floats) -> Floats:
    """The dimensions that both methods measure."""
    both = np.flatnonzero(~np.isnan(table).all(0) & ~np.isnan(table).all(1))
    own: Floats = table[np.ix_(both, both)]
    return own


def _sides(table: Floats) -> tuple[float, float]:
    """Mean of the diagonal, and of the rest."""
    own = _measured(table)
    diagonal = np.eye(len(own), dtype=bool)
    return float(np.nanmean(own[diagonal])), float(np.nanmean(own[~diagonal]))


def _contrast(table: Floats) -> float:
    convergent, discriminant = _sides(table)
    return convergent - discriminant


def _told(table: Floats, apart: bool) -> dict[str, object]:
    convergent, discriminant = _sides(table)
    return {"convergent": round(convergent, 4), "discriminant": round(discriminant, 4), "share no item": apart}


def _shuffled(table: Floats, rng: np.random.Generator) -> Floats:
    """Dimensions of the second method permuted, among those that both measure."""
    own = _measured(table)
    shuffled: Floats = own[:, rng.permutation(len(own))]
    return shuffled


def _correlate(one: Floats, other: Floats) -> Floats:
    """(D, D') correlations over models of (M, D) with (M, D'); NaN where either is not measured or never moves."""

    def standard(values: Floats) -> Floats:
        centred = values - values.mean(0)
        size = np.sqrt((centred**2).sum(0))
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled: Floats = np.where(size > TINY, centred / size, np.nan)
        return scaled

    table: Floats = standard(one).T @ standard(other)
    return table
