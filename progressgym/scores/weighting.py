"""What a table of several metrics says, and what it says under one weighting of them only.

Nothing here adds metrics up. Where one has to be above another under every weighting, that is said; where the choice
of weights decides, that is said too. Source: the inconsistency reports that Dai and Xiao ask for (Embracing
Contradiction, arXiv 2505.18139), who name no formulas; these are ours.

Legend of shapes: M things (agents), C metrics, more is better in each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.errors import UserError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SLACK = 1e-9
"""A lead under a weighting that is smaller than this, of metrics scaled to 1, is rounding."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Weightings:
    """Who may be first, and whose place hangs on the weighting."""

    always: int | None
    """Who is first, or shares the first place, under every weighting: nobody is better in any metric. None: it depends."""
    winners: dict[int, Floats]
    """Who is alone first under some weighted sum -> weights (C,) of the scaled metrics under which its lead is largest."""
    best_place: Ints
    """(M,) best place under any score that rises with every metric, weighted sums among them."""
    worst_place: Ints
    """(M,) the worst such place."""


def kendall(table: ArrayLike) -> Floats:
    """Kendall's tau-b (C, C) between the rankings by every two metrics.

    Args:
        table: (M, C) without NaN.

    Returns:
        NaN where a metric is the same for all.

    >>> kendall([[3, 1], [2, 2], [1, 3]]).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    values = _checked(table)
    order = np.sign(values[:, None] - values[None, :]).reshape(-1, values.shape[1])
    agree = order.T @ order
    untied = np.diagonal(agree)
    with np.errstate(invalid="ignore", divide="ignore"):
        tau: Floats = agree / np.sqrt(untied[:, None] * untied[None, :])
    return tau


def weightings(table: ArrayLike) -> Weightings:
    """What every weighting of the metrics agrees on.

    Places under any rising score are exact: a score can put a thing above all that are not better than it in everything,
    and below all that it is not better than in everything. Winners of weighted sums are found by a linear programme a
    thing, which is exact up to rounding and does not depend on the units of a metric.

    Args:
        table: (M, C) without NaN.

    >>> result = weightings([[1.0, 0.0], [0.4, 0.4], [0.0, 1.0]])
    >>> result.always, sorted(result.winners), result.best_place.tolist(), result.worst_place.tolist()
    (None, [0, 2], [1, 1, 1], [3, 3, 3])
    """
    values = _checked(table)
    first = _as_good(values).all(1)
    scaled = _scaled(values)
    winners = {place: weights for place in range(len(values)) if (weights := _winning(scaled, place)) is not None}
    best, worst = places(values)
    return Weightings(
        always=int(np.argmax(first)) if first.any() else None, winners=winners, best_place=best, worst_place=worst
    )


def places(table: ArrayLike) -> tuple[Ints, Ints]:
    """Best and worst place (M,) of everything in a table (M, C) under any score that rises with every metric.

    >>> [place.tolist() for place in places([[1.0, 1.0], [0.4, 0.0], [0.0, 0.5]])]
    [[1, 2, 2], [1, 3, 3]]
    """
    values = _checked(table)
    as_good = _as_good(values)
    better = as_good & ~as_good.T
    return 1 + better.sum(0), len(values) - better.sum(1)


def _as_good(values: Floats) -> NDArray[np.bool_]:
    as_good: NDArray[np.bool_] = np.asarray((values[:, None] >= values[None, :]).all(-1))
    return as_good


def _winning(scaled: Floats, place: int) -> Floats | None:
    """Weights (C,) under which a thing leads by most; None where it leads under none."""
    from scipy.optimize import linprog

    count = scaled.shape[1]
    leads = scaled[place] - np.delete(scaled, place, axis=0)
    if not len(leads):
        return np.full(count, 1.0 / count)
    # maximise z with leads @ w >= z, w >= 0, sum w = 1
    result = linprog(
        np.append(np.zeros(count), -1.0),
        A_ub=np.hstack([-leads, np.ones((len(leads), 1))]),
        b_ub=np.zeros(len(leads)),
        A_eq=np.append(np.ones(count), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0.0, 1.0)] * count + [(None, None)],
    )
    if result.status != 0 or result.x is None or float(result.x[-1]) <= SLACK:
        return None
    return np.asarray(result.x[:-1], dtype=np.float64)


def _scaled(values: Floats) -> Floats:
    """Every metric from 0 to 1; one that is the same for all is 0."""
    span = np.ptp(values, axis=0)
    scaled: Floats = (values - values.min(0)) / np.where(span > 0, span, 1.0)
    return scaled


def _checked(table: ArrayLike) -> Floats:
    values = np.asarray(table, dtype=np.float64)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise UserError(f"metrics are a table of finite numbers, one row a thing, got shape {values.shape}")
    return values
