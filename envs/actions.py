"""Actions are answers: float32 log-probabilities that need not be normalised, one for every option of every item.

Legend of shapes: N items, K options of the widest item.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.answers import softmax_options
from progressgym.core.errors import UserError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
LIMIT = 20.0
"""Actions are clipped to [-20, 20]: a chance below exp(-40) of that of the likeliest option cannot be said."""
TINY = 1e-30


def to_action(answers: ArrayLike) -> NDArray[np.float32]:
    """The action that gives these answers, (..., N, K) probabilities -> float32 logarithms in [-20, 0]; padding -20.

    >>> to_action([[0.5, 0.5, 0.0]])
    array([[ -0.6931472,  -0.6931472, -20.       ]], dtype=float32)
    """
    logs = np.log(np.maximum(np.asarray(answers, dtype=np.float64), TINY))
    return np.clip(logs, -LIMIT, LIMIT).astype(np.float32)


def to_answers(action: ArrayLike, mask: Bools) -> Floats:
    """What an action answers: clip to [-20, 20], softmax over each item's real options; padding is ignored.

    Args:
        action: (..., N, K).
        mask: (N, K), True on real options.

    Raises:
        UserError: wrong shape, or NaN on a real option.
    """
    array = np.asarray(action, dtype=np.float64)
    if array.shape[-2:] != mask.shape:
        raise UserError(f"the action has shape {array.shape}, expected (..., {mask.shape[0]}, {mask.shape[1]})")
    answers = softmax_options(np.clip(array, -LIMIT, LIMIT), mask)
    if np.isnan(answers).any():
        raise UserError("the action holds NaN; give a log-probability for every option")
    return answers


def checked_action(action: Any, shape: tuple[int, int], where: str = "") -> NDArray[np.float32]:
    """An action of anybody's agent as a float32 array of its own.

    Args:
        action: what `act` returned.
        shape: (N, K) that it must have.
        where: what an error begins with.

    Raises:
        UserError: no array of numbers, another shape, or NaN.
    """
    try:
        array = np.array(action, dtype=np.float32)
    except (TypeError, ValueError):
        raise UserError(f"{where}the action is a {type(action).__name__}, not an array of numbers") from None
    if array.shape != shape:
        raise UserError(f"{where}the action has shape {array.shape}, expected {shape}")
    if np.isnan(array).any():
        raise UserError(f"{where}the action holds NaN")
    return array
