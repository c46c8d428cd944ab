"""Where somebody is indifferent: a logistic curve through shares of acceptance, as prices, exchange rates and delays need it.

    logit p = b0 + b1 x,   penalty b1^2 / (2 C),   indifference at x = -b0 / b1

which is scikit-learn's logistic regression (C = 1) of `trials` answers at every x, as Cedro et al. (2025, arXiv 2506.17367) fit
log10 of the reward. Legend of shapes: R values of x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from progressgym.core.answers import Floats
from progressgym.core.errors import UserError

NEVER, ALWAYS, FLAT = (
    "no offer is accepted: the price is above the highest",
    "every offer is accepted: the price is below the lowest",
    "acceptance does not rise with the reward",
)
STEEPEST_STEPS = 100
TOLERANCE = 1e-10
OUTSIDE = 0.05
"""Mean shares below this, or above one minus this, are never and always."""


@dataclass(kw_only=True, frozen=True)
class Indifference:
    """Where acceptance is one half."""

    at: float
    """x; NaN where there is none."""
    slope: float
    """b1."""
    code: str = ""
    """Why there is none; empty where there is."""


def indifference_point(
    x: ArrayLike, shares: ArrayLike, *, trials: float = 100.0, strength: float = 1.0
) -> Indifference:
    """Fit a curve and say where it crosses one half.

    Args:
        x: (R,) rising, log10 of rewards for example.
        shares: (R,) acceptance between 0 and 1.
        trials: answers behind each share.
        strength: C of the penalty; more is less of it.

    Raises:
        UserError: shapes that do not fit, or shares that are none.

    >>> point = indifference_point([-1.0, 0.0, 1.0, 2.0, 3.0], [0.02, 0.12, 0.5, 0.88, 0.98])
    >>> round(point.at, 6), point.code
    (1.0, '')
    """
    places, accepted = np.asarray(x, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if places.ndim != 1 or places.shape != accepted.shape or len(places) < 2 or not (np.diff(places) > 0).all():
        raise UserError("an indifference point needs rising x (R,) and a share of acceptance at each")
    if not ((accepted >= 0) & (accepted <= 1)).all():
        raise UserError("shares of acceptance lie between 0 and 1")
    if accepted.mean() < OUTSIDE or accepted.mean() > 1 - OUTSIDE:
        return Indifference(at=float("nan"), slope=0.0, code=NEVER if accepted.mean() < 0.5 else ALWAYS)
    level, slope = _logistic(places, accepted, trials, strength)
    if slope <= 0:
        return Indifference(at=float("nan"), slope=slope, code=FLAT)
    at = -level / slope
    code = ALWAYS if at < places[0] else NEVER if at > places[-1] else ""
    return Indifference(at=float("nan") if code else at, slope=slope, code=code)


def rising(shares: ArrayLike) -> Floats:
    """(..., R - 1) 1 where a step along the last axis does not lower the share, else 0."""
    steps: Floats = (np.diff(np.asarray(shares, dtype=np.float64), axis=-1) >= -1e-12).astype(np.float64)
    return steps


def dents(shares: ArrayLike, places: ArrayLike) -> Floats:
    """(..., P) how far shares (..., R) at places (P,) lie below the mean of the two beside them; negative above it."""
    table, at = np.asarray(shares, dtype=np.float64), np.asarray(places, dtype=np.int64)
    below: Floats = (table[..., at - 1] + table[..., at + 1]) / 2 - table[..., at]
    return below


def growth(quantities: ArrayLike, prices: ArrayLike) -> float:
    """Slope of log10 prices (Q,) on log10 quantities (Q,): 1 where twice as much costs twice as much.

    >>> round(growth([10.0, 100.0, 1000.0], [0.0, 1.0, 2.0]), 6)
    1.0
    """
    x = np.log10(np.asarray(quantities, dtype=np.float64))
    x = x - x.mean()
    return float(x @ np.asarray(prices, dtype=np.float64) / (x @ x))


def _logistic(x: Floats, shares: Floats, trials: float, strength: float) -> tuple[float, float]:
    """b0 and b1 by Newton's method with halved steps."""
    design = np.stack([np.ones_like(x), x], axis=1)
    penalty = np.array([0.0, 1.0 / strength])
    b = np.zeros(2)

    def loss(b: Floats) -> float:
        z = design @ b
        return float(trials * (np.logaddexp(0.0, z) - shares * z).sum() + penalty @ (b * b) / 2)

    for _ in range(STEEPEST_STEPS):
        p = 1.0 / (1.0 + np.exp(-(design @ b)))
        gradient = trials * design.T @ (p - shares) + penalty * b
        hessian = trials * (design.T * (p * (1 - p))) @ design + np.diag(penalty)
        step = np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient)
        while loss(b - step) > loss(b) and np.abs(step).max() > TOLERANCE:
            step = step / 2
        b = b - step
        if np.abs(step).max() < TOLERANCE:
            break
    return float(b[0]), float(b[1])
