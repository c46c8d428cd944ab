"""Norm drift: which items were judged otherwise in the end than in the beginning, and whether that is more than chance.

An item's scores y_t with errors e_t are fitted by a line over time, weighted by 1 / e_t^2 (evenly where no error is known);

    change = fitted last - fitted first,   error = its standard error times max(1, (chi^2 / (n - 2))^(1/2)),

so that scores which scatter more than their errors say make the change less sure (with no errors known, the scatter is all there
is). Two-sided p of Student's t with n - 2 degrees of freedom; an item has drifted where the procedure of Benjamini and Hochberg
(1995) finds it among all items at a false discovery rate of 5 %.

Source of the question: Forbes et al., Social Chemistry 101 (2020, arXiv 2011.00620); the report is ours.

Legend of shapes: T steps, N items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from progressgym.core.answers import Bools, Floats
from progressgym.core.errors import UserError

FALSE_DISCOVERIES = 0.05
ROUNDING = 1e-9
"""A change this small is none, and so is an error."""
FEWEST_STEPS = 4
"""Points that a line's error can be told from."""


@dataclass(kw_only=True, frozen=True, eq=False)
class NormDrift:
    """What became of N items."""

    names: tuple[str, ...]
    change: Floats
    """(N,) over the item's own steps, in units of the scores; NaN with too few."""
    error: Floats
    """(N,) standard errors."""
    p: Floats
    """(N,) two-sided."""
    drifted: Bools
    """(N,) False where nothing can be said."""

    @property
    def up(self) -> tuple[str, ...]:
        """Items significantly higher in the end."""
        return tuple(name for name, is_so in zip(self.names, self.drifted & (self.change > 0), strict=True) if is_so)

    @property
    def down(self) -> tuple[str, ...]:
        """Items significantly lower in the end."""
        return tuple(name for name, is_so in zip(self.names, self.drifted & (self.change < 0), strict=True) if is_so)

    def movers(self, count: int = 5) -> list[tuple[str, float, float]]:
        """(name, change, error) of the items that drifted farthest, the farthest first."""
        order = [int(n) for n in np.argsort(-np.abs(self.change), kind="stable") if self.drifted[n]]
        return [(self.names[n], float(self.change[n]), float(self.error[n])) for n in order[:count]]


def norm_drift(
    scores: ArrayLike, names: Sequence[str], errors: ArrayLike | None = None, times: ArrayLike | None = None
) -> NormDrift:
    """Fit every item's line.

    Args:
        scores: (T, N), NaN where an item was not asked.
        names: N.
        errors: (T, N) standard errors; None where they are not known.
        times: (T,) when; evenly by default.

    Raises:
        UserError: shapes that do not fit, or an error that is not positive.

    >>> rising = np.linspace(0, 1, 9)[:, None] + 0.01 * (-1.0) ** np.arange(9)[:, None]
    >>> norm_drift(np.hstack([rising, -rising, rising * 0.0]), ["a", "b", "c"]).up
    ('a',)
    """
    table = np.asarray(scores, dtype=np.float64)
    sizes = np.ones_like(table) if errors is None else np.asarray(errors, dtype=np.float64)
    when = np.arange(len(table), dtype=np.float64) if times is None else np.asarray(times, dtype=np.float64)
    if table.ndim != 2 or table.shape != sizes.shape or when.shape != table.shape[:1] or len(names) != table.shape[1]:
        raise UserError(f"scores of shape {table.shape} do not fit {len(names)} names, their errors or their times")
    asked = ~np.isnan(table)
    if not (sizes[asked] > 0).all():
        raise UserError("errors of scores must be positive numbers")
    rows = [
        _line(when[asked[:, n]], table[asked[:, n], n], sizes[asked[:, n], n], sampled=errors is not None)
        for n in range(table.shape[1])
    ]
    change, error, p = np.array(rows).T
    return NormDrift(names=tuple(names), change=change, error=error, p=p, drifted=discoveries(p))


def discoveries(p: NDArray[np.float64], rate: float = FALSE_DISCOVERIES) -> Bools:
    """Which of the p values, NaN left out, Benjamini and Hochberg find: all up to the largest p_(k) <= rate k / N.

    >>> discoveries(np.array([0.01, 0.2, 0.03, np.nan])).tolist()
    [True, False, True, False]
    """
    valid = np.flatnonzero(~np.isnan(p))
    order = valid[np.argsort(p[valid], kind="stable")]
    below = np.flatnonzero(p[order] <= rate * np.arange(1, len(order) + 1) / max(1, len(order)))
    drifted = np.zeros(len(p), dtype=bool)
    drifted[order[: below[-1] + 1 if len(below) else 0]] = True
    return drifted


def _line(when: Floats, scores: Floats, sizes: Floats, *, sampled: bool) -> tuple[float, float, float]:
    """Change, error and p of one item."""
    if len(scores) < FEWEST_STEPS or when.max() <= when.min():
        return np.nan, np.nan, np.nan
    weights = 1.0 / sizes**2
    middle = np.average(when, weights=weights)
    spread = float((weights * (when - middle) ** 2).sum())
    slope = float((weights * (when - middle) * scores).sum()) / spread
    rest = scores - np.average(scores, weights=weights) - slope * (when - middle)
    excess = float((weights * rest**2).sum()) / (len(scores) - 2)
    length = float(when.max() - when.min())
    error = length * ((max(1.0, excess) if sampled else excess) / spread) ** 0.5
    change = slope * length
    if error < ROUNDING:
        return change, error, 1.0 if abs(change) < ROUNDING else 0.0
    return change, error, float(2.0 * stats.t.sf(abs(change) / error, len(scores) - 2))
