"""Answers: choice probabilities over every item's options, shape (..., N, K), padded options 0.

Legend of shapes: N items, K options of the widest item; `mask` (N, K) is True on real options.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.errors import UserError
from progressgym.core.reading import numbers

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FLOOR = 1e-4
"""Probabilities are clipped here before a logarithm is taken."""
SUM_TOLERANCE = 1e-4


def validate_answers(answers: ArrayLike, mask: Bools, where: str = "answers") -> Floats:
    """Check answers and return them as float64.

    Args:
        answers: (..., N, K) choice probabilities.
        mask: (N, K), True on real options.
        where: what to call the array in an error.

    Raises:
        UserError: no real numbers, wrong shape, NaN or infinite, negative, rows that do not sum to 1, weight on a padded option.
    """
    array = numbers(answers, where)
    if array.ndim < 2 or array.shape[-2:] != mask.shape:
        raise UserError(f"{where} have shape {array.shape}, expected (..., {mask.shape[0]}, {mask.shape[1]})")
    if not np.isfinite(array).all():
        raise UserError(f"{where} hold NaN or infinite numbers; every entry must be a probability")
    if (array < 0).any():
        raise UserError(f"{where} hold a negative number ({array.min():.3g}); every entry must be a probability")
    if array[..., ~mask].any():
        raise UserError(f"{where} put weight on an option that does not exist; padded options must be 0")
    with np.errstate(over="ignore"):  # an infinite sum is as wrong as any
        sums = array.sum(-1)
    wrong = np.abs(sums - 1.0) > SUM_TOLERANCE
    if wrong.any():
        item = int(np.argwhere(wrong)[0][-1])
        raise UserError(f"{where} of item {item} sum to {sums[wrong][0]:.4g}; every item's options must sum to 1")
    return array


def keep_items(answers: ArrayLike, use: Bools, mask: Bools) -> Floats:
    """Answers in which all items but some say nothing: what is not kept becomes uniform, and then adds 0 to every value.

    Args:
        answers: (..., N, K).
        use: (..., N), True on items that stay as they are.
        mask: (N, K).
    """
    uniform = mask / mask.sum(1, keepdims=True)
    filled: Floats = np.where(use[..., None], np.asarray(answers, dtype=np.float64), uniform)
    return filled


def centred_log(answers: ArrayLike, mask: Bools, floor: float = FLOOR) -> Floats:
    """Log-probabilities minus their mean over the item's options; 0 on padding.

    Args:
        answers: (..., N, K) probabilities, clipped to [floor, 1].
        mask: (N, K).
        floor: smallest probability that is told apart.
    """
    logs = np.where(mask, np.log(np.clip(np.asarray(answers, dtype=np.float64), floor, 1.0)), 0.0)
    mean = logs.sum(-1, keepdims=True) / mask.sum(-1)[:, None]
    centred: Floats = np.where(mask, logs - mean, 0.0)
    return centred


def softmax_options(logits: ArrayLike, mask: Bools) -> Floats:
    """Softmax over each item's real options, (..., N, K) -> (..., N, K); padding gets 0."""
    scores = np.where(mask, np.asarray(logits, dtype=np.float64), -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    answers: Floats = weights / weights.sum(-1, keepdims=True)
    return answers
