"""How much of a reading is what was meant to be read: variance components and the reliability that more would buy.

A **generalizability study** (Brennan 2001, Generalizability Theory) takes the items of an instrument, the words and leads
of its verdicts, training seeds and centuries for draws from populations, and asks how the variance of single scores
divides between them. Items are nested in the dimension they were written for; everything else is crossed.

**Estimator.** Henderson's method 1 (1953, Biometrics 9), the analysis of variance for unequal numbers of items a
dimension: for every effect A the sum of squares T(A) = sum over its cells of n mean^2 has an expectation that is linear
in the components, E T(A) = sum_B c(A, B) sigma^2_B, with c(A, B) = sum over cells of A of the sum over cells of B inside
of n_AB^2 / n_A. As many equations as components; solved exactly, unbiased, and a component near 0 may come out negative:
it is then shown as 0, but counted as it is in the totals.

**Intervals.** Delete-one jackknife over the levels of each facet in turn (dimensions, ten groups of items, words, leads,
seeds, centuries), the variances added: the facets are crossed, so errors through them add to first order. A facet of
fewer than three levels is held fixed, and the interval is conditional on it.

**Decision study.** With sigma^2_o the component of what is meant (dimensions, or dimension x century for drift) and each
other component that involves it divided by how many items, words, leads and seeds are averaged,
reliability = sigma^2_o / (sigma^2_o + error), the coefficient for relative decisions.

Legend of shapes: N items, then one axis a crossed facet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import Floats
from progressgym.core.errors import UserError
from progressgym.instruments.protocol import Z95
from progressgym.instruments.questionnaire import Questionnaire

DIMENSION, ITEM = "dimension", "item"
ITEM_GROUPS = 10
"""Items are deleted in so many groups, spread over the dimensions."""
FEWEST_LEVELS = 3
"""A facet with fewer levels is held fixed in intervals."""
Effect = tuple[str, ...]
"""Names of an effect's factors; a nested item stands for its dimension too."""
Components = Mapping[Effect, float]


@dataclass(kw_only=True, frozen=True, eq=False)
class Scores:
    """Scores of every item under every level of the crossed facets.

    Raises:
        UserError: shapes that do not fit, a score that is not finite, or fewer than two levels of anything.
    """

    values: Floats
    """(N, ...) one axis a facet."""
    groups: NDArray[np.int64]
    """(N,) dimension of each item."""
    facets: tuple[str, ...]
    """Names of the crossed facets, in the order of the axes."""

    def __post_init__(self) -> None:
        """Check shapes."""
        if self.values.ndim != 1 + len(self.facets) or len(self.groups) != len(self.values):
            raise UserError(f"scores of shape {self.values.shape} do not fit {len(self.facets)} facets and their items")
        if not np.isfinite(self.values).all():
            raise UserError("a generalizability study needs finite scores")
        if not divisible(self.groups, self.values.shape[1:]):
            raise UserError("a generalizability study needs two dimensions with two items, two levels of each facet")

    @cached_property
    def counts(self) -> Floats:
        """Items of each dimension that has some."""
        return np.unique(self.groups, return_counts=True)[1].astype(np.float64)

    @cached_property
    def members(self) -> Floats:
        """(dimensions, N) 1 where an item belongs to a dimension."""
        members: Floats = (np.unique(self.groups)[:, None] == self.groups).astype(np.float64)
        return members

    @property
    def levels(self) -> dict[str, int]:
        """How many levels each crossed facet has."""
        return dict(zip(self.facets, self.values.shape[1:], strict=True))


def divisible(groups: NDArray[np.int64], levels: Sequence[int]) -> bool:
    """Whether variance can be divided: two dimensions with items, two of them in one, two levels of each facet."""
    counts = np.unique(groups, return_counts=True)[1]
    return len(counts) >= 2 and int(counts.max()) >= 2 and min(levels, default=2) >= 2


def effects(facets: Sequence[str]) -> list[Effect]:
    """All effects of items in dimensions with crossed facets, the mean (an empty tuple) first.

    >>> effects(["word"])
    [(), ('dimension',), ('item',), ('word',), ('dimension', 'word'), ('item', 'word')]
    """
    crossed = [part for size in range(len(facets) + 1) for part in combinations(facets, size)]
    return [(*unit, *part) for part in crossed for unit in ((), (DIMENSION,), (ITEM,))]


def components(scores: Scores) -> Components:
    """Variance components by Henderson's method 1; a small one may come out negative.

    >>> values = np.array([[1.0, 1.0], [3.0, 3.0], [11.0, 11.0], [13.0, 13.0]])
    >>> variances = components(Scores(values=values, groups=np.array([0, 0, 1, 1]), facets=("word",)))
    >>> round(variances["item",], 9), round(variances["dimension",], 9), abs(round(variances["item", "word"], 9))
    (2.0, 49.0, 0.0)
    """
    names = effects(scores.facets)
    squares = np.array([_squares(scores, name) for name in names])
    solved = np.linalg.solve(_coefficients(scores, names), squares)
    return {name: float(value) for name, value in zip(names, solved, strict=True) if name}


def _squares(scores: Scores, effect: Effect) -> float:
    """T(A): the sum over the effect's cells of n mean^2."""
    axes = tuple(axis for axis, name in enumerate(scores.facets, 1) if name not in effect)
    means = scores.values.mean(axes) if axes else scores.values
    weight = float(prod(scores.values.shape[axis] for axis in axes))
    if ITEM in effect:
        return weight * float((means**2).sum())
    if DIMENSION in effect:
        sums = scores.members @ means.reshape(len(means), -1)
        return weight * float((sums**2 / scores.counts[:, None]).sum())
    return weight * len(means) * float((means.mean(0) ** 2).sum())


def _coefficients(scores: Scores, names: Sequence[Effect]) -> Floats:
    """c(A, B), rows A and columns B: a product over the independent factors of the design."""
    counts, items = scores.counts, float(scores.counts.sum())
    item, dimension = (np.array([part in name for name in names]) for part in (ITEM, DIMENSION))
    unit = 2 * item.astype(np.int64) + dimension  # 0 neither, 1 dimension, 2 item
    table: Floats = np.array(
        [
            [items, float((counts**2).sum()) / items, 1.0],
            [items, items, float(len(counts))],
            [items, items, items],
        ]
    )[unit[:, None], unit]
    for facet, levels in scores.levels.items():
        inside = np.array([facet in name for name in names])
        table = table * np.where(inside[None, :] & ~inside[:, None], 1.0, float(levels))
    return table


def main_scores(instrument: Questionnaire, scores: Floats, facets: Sequence[str]) -> Scores | None:
    """How far verdicts uphold each item's main dimension, in nats; None where there are too few items or levels.

    Args:
        instrument: whose items; the other dimensions that they touch are left out of account, and so are items about
            worldviews, which measure four at once.
        scores: (..., N, K) verdict scores, one leading axis a facet.
        facets: names of the leading axes.
    """
    single = [place for place, item in enumerate(instrument.items) if item.main in instrument.dimensions]
    main = np.array([instrument.dimensions.index(instrument.items[place].main) for place in single], dtype=np.int64)
    if not divisible(main, scores.shape[:-2]):
        return None
    weights = instrument.loadings[single, :, main]
    upheld = (scores[..., single, :] * (weights / weights.max(1, keepdims=True))).sum(-1)
    return Scores(values=np.moveaxis(upheld, -1, 0), groups=main, facets=tuple(facets))


@dataclass(kw_only=True, frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    def text(self, places: int = 2) -> str:
        """For example `0.48 [0.12, 0.78]`."""
        return f"{self.value:.{places}f} [{self.low:.{places}f}, {self.high:.{places}f}]"


@dataclass(kw_only=True, frozen=True, eq=False)
class Study:
    """What a generalizability study found."""

    scores: Scores
    components: Components
    """Variances, in squared units of the scores."""
    object: Effect
    """What is meant to be measured."""
    replicates: Sequence[Sequence[Components]]
    """For every facet of enough levels, the components without each of its levels."""

    @property
    def items(self) -> float:
        """Harmonic mean of the items a dimension."""
        return float(len(self.scores.counts) / (1.0 / self.scores.counts).sum())

    @property
    def fixed(self) -> tuple[str, ...]:
        """Facets of too few levels, on which intervals are conditional."""
        return tuple(name for name, levels in self.scores.levels.items() if levels < FEWEST_LEVELS)

    @property
    def shares(self) -> dict[Effect, Estimate]:
        """Each effect's share of the variance of a single score; of drift, the effects that involve time."""
        meant = set(self.object) - {DIMENSION}
        names = [name for name in self.components if meant <= set(name)]

        def share(variances: Components, name: Effect) -> float:
            return variances[name] / sum(variances[other] for other in names)

        return {name: self._estimate(lambda variances, name=name: share(variances, name)) for name in names}  # type: ignore[misc]

    def reliability(self, **sizes: int) -> Estimate:
        """The decision study: reliability with so many `item` a dimension, `word`, `lead`, `seed` averaged.

        What is not named stays as it was read.

        Raises:
            UserError: a size of something that is no facet of the error, or below 1.
        """
        averaged: dict[str, float] = {ITEM: self.items, **self.scores.levels}
        for name, size in sizes.items():
            if name not in averaged or name in self.object or size < 1:
                names = ", ".join(sorted(set(averaged) - set(self.object)))
                raise UserError(f"{name}={size} is no size of a facet; give 1 or more of {names}")
        averaged |= sizes
        return self._estimate(lambda variances: _reliability(variances, self.object, averaged))

    def _estimate(self, statistic: Callable[[Components], float]) -> Estimate:
        """A statistic between 0 and 1 of the components, with its jackknife interval."""
        middle, variance = statistic(self.components), 0.0
        for parts in self.replicates:
            values = np.array([statistic(part) for part in parts])
            variance += (len(values) - 1) / len(values) * float(((values - values.mean()) ** 2).sum())
        spread = Z95 * variance**0.5
        low, value, high = np.clip([middle - spread, middle, middle + spread], 0.0, 1.0).tolist()
        return Estimate(value=value, low=low, high=high)


def study(scores: Scores, *, time: str | None = None) -> Study:
    """A generalizability study of scores.

    Args:
        scores: of items, under words and leads, perhaps of seeds and centuries.
        time: the facet whose interaction with dimensions is meant (drift); None: the dimensions themselves.
    """
    return Study(
        scores=scores,
        components=components(scores),
        object=(DIMENSION,) if time is None else (DIMENSION, time),
        replicates=[[components(part) for part in parts] for parts in _parts(scores)],
    )


def _reliability(variances: Components, target: Effect, sizes: Mapping[str, float]) -> float:
    """sigma^2_o over itself plus the relative error."""
    rest = set(target) - {DIMENSION}
    error = 0.0
    for name, variance in variances.items():
        parts = set(name)
        if rest <= parts and {DIMENSION, ITEM} & parts and parts != set(target):
            error += variance / prod(sizes[part] for part in parts - rest - {DIMENSION})
    true = variances[target]
    return 0.0 if true <= 0 else min(1.0, true / max(true + error, 1e-300))


def _parts(scores: Scores) -> list[list[Scores]]:
    """For every facet of enough levels, the scores without each of its levels."""
    values, groups = scores.values, scores.groups
    number = np.empty(len(groups), dtype=np.int64)
    number[np.argsort(groups, kind="stable")] = np.arange(len(groups)) % ITEM_GROUPS
    parts = [[_part(scores, number != group) for group in range(ITEM_GROUPS)]]
    present = np.unique(groups)
    if len(present) >= FEWEST_LEVELS:
        parts.append([_part(scores, groups != group) for group in present])
    for axis in range(1, values.ndim):
        if values.shape[axis] >= FEWEST_LEVELS:
            parts.append(
                [
                    Scores(values=np.delete(values, level, axis), groups=groups, facets=scores.facets)
                    for level in range(values.shape[axis])
                ]
            )
    return parts


def _part(scores: Scores, rows: NDArray[np.bool_]) -> Scores:
    return Scores(values=scores.values[rows], groups=scores.groups[rows], facets=scores.facets)
