"""Scores of a step, as `progressgym.envs.vector.batch_scores`: all environments share what values are compared with, or none."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.vector.compiled.kernel import kernel, lean

Floats = NDArray[np.floating]


def compared(
    values: Floats, origins: Floats, directions: Floats, shortest: Floats, covered: int
) -> tuple[Floats, Floats, Floats]:
    """Similarity, drift cosine and dimension error, (B,) each.

    Args:
        values: (D, B), contiguous.
        origins: (3, D, 1 or B) as `batch_scores.Targets`; so are directions (2, D, 1 or B) and shortest (2, 1 or B).
        directions: see origins.
        shortest: the same.
        covered: how many dimensions count.
    """
    scores = np.empty((3, values.shape[1]), dtype=values.dtype)
    # A kernel is compiled for every kind of layout that it meets.
    if shortest.shape[1] > 1:
        _compare_own(values, origins, directions, np.ascontiguousarray(shortest), max(covered, 1), scores)
        return scores[0], scores[1], scores[2]
    origins, directions, shortest = (np.ascontiguousarray(table[..., 0]) for table in (origins, directions, shortest))
    _compare(values, origins, directions, shortest, max(covered, 1), scores)
    return scores[0], scores[1], scores[2]


@kernel
def _compare(
    values: Floats, origins: Floats, directions: Floats, shortest: Floats, covered: int, scores: Floats
) -> None:
    """Fill scores (3, B)."""
    count = values.shape[1]
    lengths = np.zeros((2, count), values.dtype)
    scores[:] = 0.0
    for d in range(len(values)):
        for side in range(2):
            _add(values[d], origins[side, d], directions[side, d], scores[side], lengths[side])
        origin = origins[2, d]
        for v in range(count):
            scores[2, v] += abs(values[d, v] - origin)
    for side in range(2):
        for v in range(count):
            length = math.sqrt(lengths[side, v])
            cosine = scores[side, v] / length if length > shortest[side] else 0.0
            scores[side, v] = min(max(cosine, -1.0), 1.0)
    for v in range(count):
        scores[2, v] /= covered


@lean
def _add(values: Floats, origin: float, direction: float, products: Floats, squares: Floats) -> None:
    """Add what one dimension (B,) contributes to products with a direction and to squared lengths."""
    for v in range(len(values)):
        away = values[v] - origin
        products[v] += away * direction
        squares[v] += away * away


@lean
def _compare_own(
    values: Floats, origins: Floats, directions: Floats, shortest: Floats, covered: int, scores: Floats
) -> None:
    """Fill scores (3, B), one environment after the other: an environment's numbers stand together in its tables."""
    for v in range(values.shape[1]):
        for side in range(2):
            product, square = 0.0, 0.0
            for d in range(len(values)):
                away = values[d, v] - origins[side, d, v]
                product += away * directions[side, d, v]
                square += away * away
            length = math.sqrt(square)
            cosine = product / length if length > shortest[side, v] else 0.0
            scores[side, v] = min(max(cosine, -1.0), 1.0)
        error = 0.0
        for d in range(len(values)):
            error += abs(values[d, v] - origins[2, d, v])
        scores[2, v] = error / covered
