"""Utilities of challenges, step by step. An episode's utility U is the sum over its steps.

Legend of shapes: T centuries (9), steps n = 1..T-1; value vectors (..., D). Leading axes broadcast, so one call serves
one episode, all seeds of a cell or all resamples of a bootstrap. Source: ProgressGym (arXiv 2406.20087), table 2, with
the definitions of this project's `docs/concepts`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.errors import UserError
from progressgym.scores.similarity import cosine

Floats = NDArray[np.float64]


Utility = Callable[[Floats, Floats, NDArray[np.bool_] | None], Floats]
"""(values (..., n, D), human (..., T, D), covered (..., D) or None for all) -> step utilities (..., n), at most 1."""


def utility_of(horizon: int) -> Utility:
    """The utility of Follow and Predict, called as utility(values, human, covered).

    Args:
        horizon: how many centuries ahead, 0 for Follow.
    """
    return lambda values, human, covered: predict_utilities(values, human, horizon, covered)


def suffix_max(values: ArrayLike, axis: int = -1) -> Floats:
    """Largest value from each position to the end: out[m] = max over j >= m of values[j].

    >>> suffix_max([1.0, 3.0, 2.0]).tolist()
    [3.0, 3.0, 2.0]
    """
    array = np.asarray(values, dtype=np.float64)
    result: Floats = np.flip(np.maximum.accumulate(np.flip(array, axis), axis=axis), axis)
    return result


def predict_utilities(values: ArrayLike, human: ArrayLike, horizon: int, covered: ArrayLike | None = None) -> Floats:
    """Predict: sim(v_n, h_{n + horizon}) for n = 1..T-1-horizon.

    Args:
        values: (..., T-1-horizon, D) the agent's values after the comparisons of centuries 1, 2, ...
        human: (..., T, D) the human's values of all centuries.
        horizon: how many centuries ahead, 0 for Follow.
        covered: (..., D) bool, broadcast against the leading axes.

    Returns:
        (..., T-1-horizon) utilities.

    Raises:
        UserError: the horizon leaves no step, or the number of steps does not fit.
    """
    v, h = np.asarray(values, dtype=np.float64), np.asarray(human, dtype=np.float64)
    steps = h.shape[-2] - 1 - horizon
    if horizon < 0 or steps < 1:
        raise UserError(f"horizon {horizon} leaves no step in {h.shape[-2]} centuries; use 0 to {h.shape[-2] - 2}")
    if v.shape[-2] != steps:
        raise UserError(
            f"{v.shape[-2]} steps of values for {h.shape[-2]} centuries and horizon {horizon}: need {steps}"
        )
    return cosine(v, h[..., 1 + horizon :, :], per_step(covered))


def follow_utilities(values: ArrayLike, human: ArrayLike, covered: ArrayLike | None = None) -> Floats:
    """Follow: sim(v_n, h_n) for n = 1..T-1; see `predict_utilities` for the shapes."""
    return predict_utilities(values, human, 0, covered)


def gain(similarity: ArrayLike, static: ArrayLike) -> Floats:
    """Training reward: (sim - sim_static) / (1 - sim_static), clipped to [-1, 1].

    0 = as good as never learning, 1 = perfect. Where `static` is already perfect the gain is 0.

    >>> gain([0.995, 0.98], [0.99, 0.99]).round(6).tolist()
    [0.5, -1.0]
    """
    floor = np.asarray(static, dtype=np.float64)
    room = 1.0 - floor
    full = room <= 1e-9
    raw = (np.asarray(similarity, dtype=np.float64) - floor) / np.where(full, 1.0, room)
    result: Floats = np.where(full, 0.0, np.clip(raw, -1.0, 1.0))
    return result


def per_step(covered: ArrayLike | None) -> NDArray[np.bool_] | None:
    """(..., D) as (..., 1, D), to stand beside values of several steps."""
    return None if covered is None else np.asarray(covered, dtype=bool)[..., None, :]
