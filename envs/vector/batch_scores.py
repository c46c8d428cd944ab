"""Scores of one step of many environments, on any back end: the same numbers as `progressgym.scores`.

Value vectors are 0 on dimensions that are not covered, so nothing has to be masked. Legend of shapes: B environments;
D = 19; tables that all environments share have one row instead of B.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.arrays import Array, Arrays
from progressgym.scores.lock_in import STILL

Floats = NDArray[np.float64]


class Targets(NamedTuple):
    """What values are compared with. In tables the leading axis is 1 or B, and a step axis follows it; in a step the
    environments are the last axis, as `as_columns` brings them."""

    origins: Array
    """(B, 3, D) what values are seen from: nothing, century 0's values, the target century's."""
    directions: Array
    """(B, 2, D) what they are compared with from the first two, as unit vectors: the target's values, the human's change;
    0 where there is none."""
    shortest: Array
    """(B, 2) a vector that is not longer than this has no direction; above 0."""
    static: Array
    """(B,) utility of answering as in century 0."""
    room: Array
    """(B,) what a utility can be more than that; infinite where it is too little to be divided by."""


def targets(arrays: Arrays, goal: Floats, start: Floats, static: Floats) -> Targets:
    """Tables of an episode.

    Args:
        arrays: back end.
        goal: (H, S, D) values of the human that the steps are compared with.
        start: (H, 1, D) those of century 0.
        static: (H, S) utility of answering as in century 0.
    """
    seen = np.stack([np.zeros_like(goal), np.broadcast_to(start, goal.shape), goal], 2)
    ways = np.stack([goal, goal - start], 2)
    lengths = np.linalg.norm(ways, axis=-1)
    # A target of length 0 has no direction; a change below `still` is rounding of float32 answers.
    there = lengths > np.array([0.0, arrays.still])
    lengths = np.where(there, lengths, 1.0)
    units = np.where(there[..., None], ways / lengths[..., None], 0.0)
    # |v| |target| > tiny**2 is what `similarity` asks; with the target divided out, |v| alone is compared.
    shortest = np.stack([arrays.tiny**2 / lengths[..., 0], np.full(lengths.shape[:-1], arrays.still)], -1)
    # Dividing by infinity gives the gain 0 that `gain` defines there, without a branch a row.
    room = np.where(1.0 - static <= arrays.full, np.inf, 1.0 - static)
    return Targets(*(arrays.floats(table) for table in (seen, units, shortest, static, room)))


def as_columns(arrays: Arrays, table: Array) -> Array:
    """Entries (1 or B, ...) with the environments as the last axis."""
    return arrays.xp.moveaxis(table, 0, -1) if table.ndim > 1 else table


def compare(arrays: Arrays, values: Array, target: Targets, covered: int) -> tuple[Array, Array, Array]:
    """Similarity, drift cosine and dimension error, (B,) each, of values (B, D); `covered` dimensions count.

    Where the human did not move the drift cosine is not defined, and 0 here.
    """
    xp = arrays.xp
    if arrays.compiled:
        from progressgym.envs.vector.compiled.scores import compared

        return compared(np.ascontiguousarray(values.T), *target[:3], covered)
    # All three differences at once, in one block (3, D, B): numpy's cost a call is what counts for few environments.
    away = values.T - target.origins
    moved = away[:2]
    lengths = xp.sqrt((moved * moved).sum(1))
    # x / inf = 0: too short a vector has the cosine 0, again without a branch.
    lengths = xp.where(lengths > target.shortest, lengths, math.inf)
    cosines = xp.clip((moved * target.directions).sum(1) / lengths, -1.0, 1.0)
    return cosines[0], cosines[1], xp.abs(away[2]).sum(0) / max(covered, 1)


def length(arrays: Arrays, vectors: Array) -> Array:
    """Euclidean lengths (B,) of vectors (B, D)."""
    return arrays.xp.sqrt(arrays.dot(vectors, vectors))


def gain(arrays: Arrays, utility: Array, target: Targets) -> Array:
    """As `progressgym.scores.gain`, of utilities (B,): (B,)."""
    return arrays.xp.clip((utility - target.static) / target.room, -1.0, 1.0)


def against_history(arrays: Arrays, values: Array, start: Array, target: Array, covered: int) -> Array:
    """As `progressgym.scores.lock_in.against_history`."""
    size, moved, real = arrays.xp.abs, values - start, target - start
    against = (moved * real < 0) & (size(moved) > STILL) & (size(real) > STILL)
    return arrays.floats(against).sum(-1) / max(covered, 1)
