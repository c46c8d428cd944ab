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

    items   delete-one jackknife over the items (Efron & Stein 1981, Ann. Stat. 9), which errs on the wide side
    runs    spread over runs (seeds, splits of the items, histories) divided by their number
    people  the sampling error of the human's answers, carried through by first-order error propagation

with Student's t at the smaller of the effective numbers of items and of runs (Welch & Satterthwaite). Influences of items
on a sum of squares have heavy tails, so a quarter of the items counts as free.

The difference (A' - A) / S between two agents has no such scale. R is inside when 0 is inside the interval of
A' - A - R S (Fieller 1954, J. R. Stat. Soc. B 16), so 0 is outside exactly when A' - A is apart from 0. Where this has no
end, S may be 0: no drift is identified, and nothing is ranked. Nothing is drawn, so an interval is the same everywhere.
Measured coverage: `docs/statistics.md`.

Legend of shapes: R runs, n steps, N items, K options, D dimensions. A run has its own mask of scored items, so the
average over many splits of a questionnaire is one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from progressgym.core.errors import UserError
from progressgym.scores.intervals import Interval

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
TAIL = 0.975
HEAVY = 4.0
"""Items that make up one degree of freedom of a jackknife over sums of squares, from measured coverage."""
LONGEST = 50.0
SOURCES = ("items", "runs", "people")


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

    def same(self, other: Errors) -> bool:
        """Whether these are the same errors of the same runs."""
        return np.array_equal(self.runs, other.runs) and np.array_equal(self.without, other.without)

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
    noise = np.where(exact[:, None, None, None], 0.0, noise)
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
    if other is not None and agent.same(static):
        return _turned(drift_explained(other, static))
    alone = other is None or other.same(static)
    top, bottom = (static if other is None else other) - agent, static.mean
    mid = top.mean / bottom if bottom > 0 else float("nan")
    if not bottom > 0:
        return Explained(interval=None, shares=dict.fromkeys(SOURCES, 0.0), spread=0.0)
    residual = top - static.times(mid)
    parts = _variances(residual, residual)
    whole = sum(parts.values())
    bounds = _fieller(top, static)
    if bounds is not None and alone:
        bounds = _log_interval(agent.mean / bottom, whole**0.5 / bottom, _quantile(parts, static, HEAVY)) or bounds
        bounds = (bounds[0], min(bounds[1], 1.0))
    return Explained(
        interval=None if bounds is None else Interval(low=min(bounds[0], mid), mid=mid, high=max(bounds[1], mid)),
        shares={name: (value / whole if whole > 0 else 0.0) for name, value in parts.items()},
        spread=float(residual.runs.std(ddof=1) / bottom) if len(residual.runs) > 1 else 0.0,
    )


def _turned(found: Explained) -> Explained:
    """The difference the other way round."""
    interval = found.interval
    if interval is not None:
        low, mid, high = (0.0 - x for x in (interval.high, interval.mid, interval.low))
        interval = Interval(low=low, mid=mid, high=high)
    return Explained(interval=interval, shares=found.shares, spread=found.spread)


def _log_interval(ratio: float, error: float, quantile: float) -> tuple[float, float] | None:
    """1 - A / S from the interval of log(A / S); None without errors that have a logarithm."""
    if ratio <= 0:
        return None
    factor = float(np.exp(min(quantile * error / ratio, LONGEST)))
    return 1.0 - ratio * factor, 1.0 - ratio / factor


def _sum_of_squares(total: Floats, error: Floats, mass: Floats) -> Floats:
    """(R, n, D) sums over items -> (R,) |v_agent - v_human|^2 without the truth's own error, never below 0."""
    scale = np.where(mass > 1e-12, mass, 1.0) ** 2
    covered = mass > 1e-12
    distance: Floats = np.where(covered, (total**2 - error) / scale, 0.0).sum((-1, -2))
    return np.maximum(distance, 0.0)


def _variances(one: Errors, two: Errors) -> dict[str, float]:
    """Covariance of two averages over runs, by source."""
    runs, items = len(one.runs), len(one.without)
    left, right = one.without, two.without
    jackknife = (items - 1) / items * float(((left - left.mean()) * (right - right.mean())).sum())
    spread = float(np.cov(one.runs, two.runs)[0, 1]) / runs if runs > 1 else 0.0
    return {"items": jackknife, "runs": spread, "people": float((one.people * two.people).sum())}


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


def _quantile(variances: dict[str, float], static: Errors, heavy: float = 1.0) -> float:
    """Student's t at the degrees of freedom of Welch and Satterthwaite; the people's part is known, so normal."""
    parts = {"items": (len(static.without) - 1) / heavy, "runs": len(static.runs) - 1}
    whole = sum(variances.values())
    below = sum(variances[name] ** 2 / freedom for name, freedom in parts.items() if freedom > 0)
    return float(stdtrit(max(whole**2 / below, 1.0) if below > 0 else 1e6, TAIL))


def _fieller(top: Errors, bottom: Errors) -> tuple[float, float] | None:
    """The ratios r for which |top - r bottom| <= quantile x its standard error; None when the bottom may be 0."""
    parts = [_variances(one, two) for one, two in ((top, top), (top, bottom), (bottom, bottom))]
    quantile = _quantile(parts[0], bottom)
    tt, tb, bb = (quantile**2 * sum(part.values()) for part in parts)
    a, b, c = bottom.mean**2 - bb, -2 * (top.mean * bottom.mean - tb), top.mean**2 - tt
    if a <= 0:
        return None
    root = max(b**2 - 4 * a * c, 0.0) ** 0.5
    return (-b - root) / (2 * a), (-b + root) / (2 * a)
