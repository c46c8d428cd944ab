"""The lowest point of a smooth loss, with a warning where the search was stopped before it got there."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STOPPED = 1
"""Scipy's status of a search that has used up its rounds."""


class FitWarning(UserWarning):
    """A fit is not the best one."""


def lowest(loss: Callable[[Floats], tuple[float, Floats]], start: Floats, *, what: str, rounds: int = 15_000) -> Floats:
    """Where L-BFGS-B ends.

    Args:
        loss: f and its gradient (n,) at a point (n,).
        start: (n,).
        what: is fitted, for the warning.
        rounds: at most so many steps.

    Warns:
        FitWarning: the rounds were used up.

    >>> lowest(lambda x: (float(((x - 1.0) ** 2).sum()), 2.0 * (x - 1.0)), np.zeros(2), what="a parabola").round(3).tolist()
    [1.0, 1.0]
    """
    from scipy.optimize import minimize

    result = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": rounds})
    if result.status == STOPPED:
        steepest = float(np.abs(result.jac).max())
        warnings.warn(
            f"{what} is not the best fit: its search was stopped after {result.nit} rounds, at a slope of {steepest:.1g}",
            FitWarning,
            stacklevel=3,
        )
    point: Floats = result.x
    return point
