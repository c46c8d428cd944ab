"""Drift explained: how much of the human's movement an agent's values account for. The headline of Follow and Predict.

    drift explained = 1 - sum |v_agent - v_human|^2 / sum |v_static - v_human|^2

over steps and covered dimensions. 1 = the truth, 0 = never learns, below 0 = worse than never learning. Cosines are blind
to scale: an agent whose log-odds are multiplied by 0.001 says nothing and keeps its cosine. Here it is far below 0,
because its values are near 0 while the human's are not.

**The truth's own error.** Values of people are estimated from finitely many answers, so E |v - h^|^2 = |v - h|^2 + var(h^).
The variance is known (a multinomial's, from the number of people asked) and is taken off both sums. An agent that repeats
the measured truth itself has no such error and would come out above 1: a sum of squares is never taken below 0.

**Intervals.** R = 1 - A / S is a ratio of two sums of squares, both positive and skewed, so the interval is that of
log(A / S) and never above 1. Its variance, to first order that of (A - A/S S) / A, has three parts that are added:

    items   delete-one jackknife over the items (Efron & Stein 1981, Ann. Stat. 9), which errs on the wide side (the
            infinitesimal one, half as wide on 37 items, held the truth in only 77 to 98 %)
    runs    spread over runs (seeds, splits of the items, histories) divided by their number
    people  the sampling error of the human's answers, carried through by first-order error propagation

with Student's t at the smaller of the effective numbers of items and of runs (Welch & Satterthwaite). Influences of items
on a sum of squares have heavy tails, so a quarter of the items counts as free. Two agents' logarithms vary together, and
the interval of their difference is that of e^b - e^a for the two as normal variates with that covariance (Weerahandi 1993,
JASA 88), on a fixed grid: nothing is drawn, so an interval is the same everywhere. Against never learning it is the agent's
own. No drift is identified, and nothing is ranked, where people's sampling error alone could make S. Measured coverage:
`docs/statistics.md`.

Legend of shapes: R runs, n steps, N items, K options, D dimensions. A run has its own mask of scored items, so the
average over many splits of a questionnaire is one call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from progressgym.core.errors import UserError
from progressgym.scores.intervals import Interval

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
TAIL, MANY = 0.975, 1e6
NORMAL = 1.959963984540054
HEAVY = 4.0
"""Items that make up one degree of freedom of a jackknife over sums of squares, from measured coverage."""
SOURCES = ("items", "runs", "people")
GRID: Floats = ndtri((np.arange(101) + 0.5) / 101)
"""Normal variates in equal steps of probability."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Truth:
    """What agents are compared with: the human's answers at the compared steps and how well they are known."""

    contributions: Floats
    """(R or 1, n, N, D) x_id = sum_k p L of the human's answers, NaN nowhere; see `resampling.item_contributions`."""
    scored: Bools
    """(R, n or 1, N) the items that a run is scored on at a step: of its split, and answered by the human there."""
    masses: Floats
    """(N, D) the most that an item can add to a dimension."""
    answers: Floats | None = None
    """(R or 1, n, N, K) the human's answers, needed for the sampling error only."""
    loadings: Floats | None = None
    """(N, K, D)."""
    respondents: Floats | None = None
    """(R or 1, n, N) effective number of people behind an answer, infinite where it is exact. None: all are exact."""

    @cached_property
    def mass(self) -> Floats:
        """(R, n or 1, D) sum over the scored items of m_id."""
        mass: Floats = np.asarray(self.scored, dtype=np.float64) @ self.masses
        return mass

    @cached_property
    def covered(self) -> Bools:
        """(R, n or 1, D)."""
        return self.mass > 0

    @cached_property
    def variances(self) -> Floats:
        """(R or 1, n, N, D) sampling variance of every contribution of the human's."""
        if self.respondents is None or self.answers is None or self.loadings is None:
            return np.zeros_like(self.contributions)
        second = np.einsum("rtik,ikd->rtid", self.answers, self.loadings**2)
        variances: Floats = np.maximum(second - self.contributions**2, 0.0) / self.respondents[..., None]
        return variances


@dataclass(kw_only=True, frozen=True, eq=False)
class Errors:
    """Squared distances between an agent's and the human's values, with what their uncertainty needs."""

    runs: Floats
    """(R,) summed over steps and dimensions, the truth's own error taken off."""
    without: Floats
    """(N,) mean over runs without one item each."""
    people: Floats
    """(R or 1, n, N, K) what one standard error of people's answers moves the mean by: covariances are sums of products.
    Empty where the truth is exact."""

    @property
    def mean(self) -> float:
        """Average over runs."""
        return float(self.runs.mean())

    def times(self, factor: float) -> Errors:
        """The errors multiplied."""
        return Errors(runs=factor * self.runs, without=factor * self.without, people=factor * self.people)

    def __sub__(self, other: Errors) -> Errors:
        """The difference of two agents' errors on the same runs."""
        return Errors(
            runs=self.runs - other.runs, without=self.without - other.without, people=self.people - other.people
        )


@dataclass(kw_only=True, frozen=True)
class Explained:
    """Drift explained by one agent, or its difference to another's."""

    interval: Interval | None
    """None where the human's drift cannot be told from no drift: there is nothing to explain."""
    shares: dict[str, float]
    """Shares of the figure's variance that come from items, runs and people."""
    spread: float
    """Standard deviation over runs of a run's own figure, linearised: what another seed or split does."""


def squared_errors(contributions: Floats, truth: Truth) -> Errors:
    """Squared distances of one agent's path.

    Args:
        contributions: (R or 1, n, N, D) of the agent's answers.
        truth: what it is compared with.

    Raises:
        UserError: shapes that do not fit, or numbers that are not finite.
    """
    path = np.asarray(contributions, dtype=np.float64)
    weights = np.asarray(truth.scored, dtype=np.float64)
    if path.shape[1:] != truth.contributions.shape[1:] or len(path) not in (1, len(weights)):
        raise UserError(f"contributions have shape {path.shape}, expected {truth.contributions.shape}")
    gap = path - truth.contributions
    if not np.isfinite(gap).all():
        raise UserError("contributions hold NaN or infinite numbers")
    shape = (len(weights), *gap.shape[1:])
    gap = np.broadcast_to(gap, shape) * weights[..., None]
    noise = np.broadcast_to(truth.variances, shape) * weights[..., None]
    exact = np.abs(gap).max(axis=(1, 2, 3)) <= 1e-6  # repeats the measured truth, error and all; float32 on the way
    gap, noise = (np.where(exact[:, None, None, None], 0.0, part) for part in (gap, noise))
    total, error = gap.sum(2), noise.sum(2)
    runs = _sum_of_squares(total, error, truth.mass)
    without = np.stack(
        [
            _sum_of_squares(
                total - gap[:, :, i], error - noise[:, :, i], truth.mass - weights[..., i, None] * truth.masses[i]
            ).mean()
            for i in range(gap.shape[2])
        ]
    )
    scale = np.where(truth.covered, truth.mass, 1.0) ** 2
    gradients = -2 * (np.where(truth.covered, total, 0.0) / scale)[:, :, None, :] * weights[..., None]
    return Errors(runs=runs, without=without, people=_moved_by_people(gradients, truth))


def drift_explained(agent: Errors, static: Errors, *, other: Errors | None = None) -> Explained:
    """1 - A / S with its 95 % interval; with `other`, how much more of the drift an agent explains than the other.

    Args:
        agent: of the agent.
        static: of never learning.
        other: of another agent on the same runs; the difference of the two figures is (A_other - A) / S.
    """
    bottom = static.mean
    if bottom <= NORMAL * float((static.people**2).sum()) ** 0.5:
        return Explained(interval=None, shares=dict.fromkeys(SOURCES, 0.0), spread=0.0)
    one = _Ratio.of(agent, static)
    interval, moved = one.interval(), one.linear
    if other is not None:
        two = _Ratio.of(other, static)
        interval, moved = _apart(one, two), two.linear - moved
    parts = _variances(moved, moved)
    whole = sum(parts.values())
    return Explained(
        interval=interval,
        shares={name: (value / whole if whole > 0 else 0.0) for name, value in parts.items()},
        spread=float(moved.runs.std(ddof=1)) if len(moved.runs) > 1 else 0.0,
    )


def moved_by(agent: Errors, static: Errors, normals: Callable[..., Floats], count: int) -> Floats:
    """(count,) draws of an agent's drift explained, as far as items, runs and people move it to first order.

    Args:
        agent: of the agent.
        static: of never learning.
        normals: shape -> standard normal numbers; asked for items, runs and people in this order, so that agents on the same
            runs can be given the same ones and move together as they do.
        count: how many.
    """
    ratio = _Ratio.of(agent, static)
    moved, items, runs = ratio.moved, len(agent.without), len(agent.runs)
    influence = (moved.without - moved.without.mean()) * np.sqrt((items - 1) / items)
    error = normals(count, items) @ influence
    among = normals(count, runs)
    if runs > 1:
        error += among @ (moved.runs - moved.runs.mean()) / np.sqrt(runs * (runs - 1))
    if moved.people.size:
        error += normals(count, moved.people.size) @ moved.people.ravel()
    drawn: Floats = 1.0 - ratio.at(error)
    return drawn


@dataclass(frozen=True, eq=False)
class _Ratio:
    """A / S and what moves it."""

    mid: float
    moved: Errors
    """Of log(A / S), to first order; of A / S itself where A is 0, within people's error, and has no logarithm."""

    @classmethod
    def of(cls, agent: Errors, static: Errors) -> _Ratio:
        share = static.times(1 / static.mean)
        if agent.mean <= 0:
            return cls(0.0, agent.times(1 / static.mean))
        return cls(agent.mean / static.mean, agent.times(1 / agent.mean) - share)

    @property
    def linear(self) -> Errors:
        """What moves A / S, to first order."""
        return self.moved.times(self.mid) if self.mid > 0 else self.moved

    def at(self, error: float | Floats) -> Floats:
        """A / S where what moves it is off by so much; beyond one, where no logarithm is linear, e per unit."""
        if self.mid <= 0:
            return np.maximum(error, 0.0)
        grown: Floats = np.exp(np.minimum(error, 1.0)) * np.maximum(error, 1.0)
        return self.mid * grown

    def interval(self) -> Interval:
        """Of 1 - A / S."""
        parts = _variances(self.moved, self.moved)
        error = _quantile(parts, self.moved) * sum(parts.values()) ** 0.5
        mid = 1.0 - self.mid
        return Interval(low=min(1.0 - float(self.at(error)), mid), mid=mid, high=max(1.0 - float(self.at(-error)), mid))


def _apart(one: _Ratio, two: _Ratio) -> Interval:
    """A_two / S - A_one / S, from the joint distribution of both."""
    aa, ab, bb = (sum(_variances(x.moved, y.moved).values()) for x, y in ((one, one), (one, two), (two, two)))
    mid = two.mid - one.mid
    if bb <= 0 or aa <= 0:
        alone = one.interval() if bb <= 0 else two.interval()
        low, high = (
            (alone.low - alone.mid, alone.high - alone.mid)
            if bb <= 0
            else (alone.mid - alone.high, alone.mid - alone.low)
        )
        return Interval(low=mid + low, mid=mid, high=mid + high)
    parts = _variances(two.linear - one.linear, two.linear - one.linear)
    root = max(aa * bb - ab**2, 0.0) ** 0.5  # the symmetric square root of a covariance of two
    scale = _quantile(parts, one.moved) / NORMAL / (aa + bb + 2 * root) ** 0.5
    first, second = (
        (scale * ((aa + root) * GRID + ab * GRID[:, None])),
        (scale * (ab * GRID + (bb + root) * GRID[:, None])),
    )
    drawn = two.at(second) - one.at(first)
    low, high = np.quantile(drawn, (1 - TAIL, TAIL)).tolist()
    return Interval(low=min(low, mid), mid=mid, high=max(high, mid))


def _sum_of_squares(total: Floats, error: Floats, mass: Floats) -> Floats:
    """(R, n, D) sums over items -> (R,) |v_agent - v_human|^2 without the truth's own error, never below 0."""
    scale = np.where(mass > 1e-12, mass, 1.0) ** 2
    covered = mass > 1e-12
    distance: Floats = np.where(covered, (total**2 - error) / scale, 0.0).sum((-1, -2))
    return np.maximum(distance, 0.0)


def _variances(one: Errors, two: Errors) -> dict[str, float]:
    """Covariance of two averages over runs, by source."""
    runs, items = len(one.runs), len(one.without)
    jackknife = (
        (items - 1) / items * float(((one.without - one.without.mean()) * (two.without - two.without.mean())).sum())
    )
    spread = float(np.cov(one.runs, two.runs)[0, 1]) / runs if runs > 1 else 0.0
    return dict(zip(SOURCES, (jackknife, spread, float((one.people * two.people).sum())), strict=True))


def _moved_by_people(gradients: Floats, truth: Truth) -> Floats:
    """(R or 1, n, N, K) from the derivatives (R, n, N, D) of every run's error by the human's contributions.

    The covariance of a multinomial's shares is (diag p - p p^T) / people, so that of two linear functions a, b of them is
    the sum of p_k (a_k - p a) (b_k - p b) / people. A history that all runs share has one error for all of them.
    """
    if truth.respondents is None or truth.loadings is None or truth.answers is None:
        return np.zeros(0)
    p, runs = truth.answers, len(gradients)
    mean = gradients.mean(0, keepdims=True) if len(p) == 1 else gradients / runs
    by_option = np.einsum("rtid,ikd->rtik", mean, truth.loadings)
    centred = by_option - (p * by_option).sum(-1, keepdims=True)
    moved: Floats = np.sqrt(p / truth.respondents[..., None]) * centred
    return moved


def _quantile(variances: dict[str, float], errors: Errors) -> float:
    """Student's t at the degrees of freedom of Welch and Satterthwaite; the people's part is known, so normal."""
    parts = {"items": (len(errors.without) - 1) / HEAVY, "runs": len(errors.runs) - 1}
    whole = sum(variances.values())
    below = sum(variances[name] ** 2 / freedom for name, freedom in parts.items() if freedom > 0)
    return float(stdtrit(max(whole**2 / below, 1.0) if below > 0 else MANY, TAIL))
