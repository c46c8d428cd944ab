"""How alike two value vectors are.

Legend of shapes: value vectors (..., D) with D = 19; `covered` (..., D) is True on dimensions that the items can
measure. A dimension that is not covered never counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
TINY = 1e-12
"""Vectors shorter than this have no direction."""
STILL = 1e-6
"""A change of values shorter than this is rounding (answers travel as float32), not movement."""


def cosine(a: ArrayLike, b: ArrayLike, covered: ArrayLike | None = None) -> Floats:
    """Cosine similarity over the covered dimensions; 0 when either vector has no direction.

    Args:
        a: (..., D) value vectors.
        b: (..., D), broadcast against `a`.
        covered: (..., D) bool; all dimensions when None.

    Returns:
        (...,) similarities in [-1, 1]. NaN in, NaN out: nothing is turned into a zero here.

    >>> float(cosine([1.0, 0.0], [1.0, 1.0]).round(4)), float(cosine([0.0, 0.0], [1.0, 1.0]))
    (0.7071, 0.0)
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if covered is not None:
        keep = np.asarray(covered, dtype=bool)
        left, right = np.where(keep, left, 0.0), np.where(keep, right, 0.0)
    dot = np.einsum("...d,...d->...", left, right)
    sizes = [np.sqrt(np.einsum("...d,...d->...", vector, vector)) for vector in (left, right)]
    flat = (sizes[0] <= TINY) | (sizes[1] <= TINY)
    similarity: Floats = np.clip(np.where(flat, 0.0, dot / np.where(flat, 1.0, sizes[0] * sizes[1])), -1.0, 1.0)
    return similarity


def directions(vectors: ArrayLike, covered: ArrayLike | None = None) -> Floats:
    """Unit vectors (..., D), whose products are cosines: many against many is one matrix product.

    A vector without direction, and every dimension that is not covered, becomes zeros; NaN stays NaN.

    >>> directions([[3.0, 4.0], [0.0, 0.0]]).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    array = np.asarray(vectors, dtype=np.float64)
    if covered is not None:
        array = np.where(np.asarray(covered, dtype=bool), array, 0.0)
    length = np.sqrt(np.einsum("...d,...d->...", array, array))[..., None]
    flat = length <= TINY
    units: Floats = np.where(flat, 0.0, array / np.where(flat, 1.0, length))
    return units


def drift_cosine(values: ArrayLike, start: ArrayLike, target: ArrayLike, covered: ArrayLike | None = None) -> Floats:
    """Cosine between what the agent moved and what the human moved: cos(v - h_0, h - h_0).

    Args:
        values: (..., D) the agent's values.
        start: (..., D) the human's values in century 0.
        target: (..., D) the human's values that the agent is compared with.
        covered: (..., D) bool; all dimensions when None.

    Returns:
        (...,) similarities: 0 where the agent did not move (by more than `STILL`), NaN where the human did not (there is nothing to follow).
        Use `optional` before a number of this kind goes into a record.
    """
    origin = np.asarray(start, dtype=np.float64)
    moved = np.asarray(values, dtype=np.float64) - origin
    drift = np.asarray(target, dtype=np.float64) - origin
    along = np.where(_length(moved, covered) > STILL, cosine(moved, drift, covered), 0.0)
    result: Floats = np.where(_length(drift, covered) > STILL, along, np.nan)
    return result


def dimension_error(values: ArrayLike, target: ArrayLike, covered: ArrayLike | None = None) -> Floats:
    """Mean absolute difference per covered dimension, (...,); 0 when nothing is covered.

    >>> float(dimension_error([0.5, -0.5], [0.0, 0.0]))
    0.5
    """
    gap = np.abs(np.asarray(values, dtype=np.float64) - np.asarray(target, dtype=np.float64))
    if covered is None:
        mean: Floats = gap.mean(-1)
        return mean
    keep = np.broadcast_to(np.asarray(covered, dtype=bool), gap.shape)
    error: Floats = np.where(keep, gap, 0.0).sum(-1) / np.maximum(keep.sum(-1), 1)
    return error


def _length(vectors: Floats, covered: ArrayLike | None) -> Floats:
    """Euclidean length over the covered dimensions, (...,)."""
    visible = vectors if covered is None else np.where(np.asarray(covered, dtype=bool), vectors, 0.0)
    length: Floats = np.sqrt(np.einsum("...d,...d->...", visible, visible))
    return length


def optional(value: float | np.floating) -> float | None:
    """A number for a record: None instead of NaN or infinity, which JSON does not have.

    >>> optional(0.5), optional(float("nan"))
    (0.5, None)
    """
    return float(value) if np.isfinite(value) else None
