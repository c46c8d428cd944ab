"""Tables of rows with a history each, from what is read of their histories: `TrackingVector._truth_from` row by row.

Legend of shapes: H rows, T centuries, S steps, n covered dimensions, D = 19; J items with two options that are scored, I wider
ones with K options; M as in `histories`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import FLOOR
from progressgym.envs.vector.compiled.elementary import log
from progressgym.envs.vector.compiled.histories import Layout, Read, sums
from progressgym.envs.vector.compiled.kernel import kernel, lean
from progressgym.scores.similarity import TINY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Compared(NamedTuple):
    """What steps are compared with."""

    centuries: Ints
    """(S,)"""
    covered: Ints
    """(n,) dimensions that are scored."""
    tiny: float
    """See `progressgym.envs.arrays.Arrays`, as the next two."""
    still: float
    full: float


class Drawn(NamedTuple):
    """The tables, named as those of `progressgym.envs.vector.batch_scores.Targets` and `Flavour._target_tables`."""

    base_two: Floats
    """(H, J)"""
    base_many: Floats
    """(H, I, K)"""
    origins: Floats
    """(H, S, 3, D)"""
    directions: Floats
    """(H, S, 2, D)"""
    shortest: Floats
    """(H, S, 2)"""
    static: Floats
    """(H, S)"""
    room: Floats
    """(H, S)"""
    human: Floats
    """(H, S, n)"""
    first: Floats
    """(H, n)"""


@kernel
def fill_drawn(read: Read, layout: Layout, compared: Compared, far: float, drawn: Drawn) -> None:
    """Fill the tables.

    Args:
        read: histories; century 0's answers are overwritten.
        layout: of the items.
        compared: with what.
        far: logit of padding.
        drawn: what is filled.
    """
    start, values, real, constant = read.start, read.values, layout.real, layout.constant
    scored_two, scored_many = layout.compared
    base_two, base_many, human, first, covered = (
        drawn.base_two,
        drawn.base_many,
        drawn.human,
        drawn.first,
        compared.covered,
    )
    origins, directions, shortest, static, room = (
        drawn.origins,
        drawn.directions,
        drawn.shortest,
        drawn.static,
        drawn.room,
    )
    centuries, dims = compared.centuries, len(constant)
    options, items = real.shape
    two = start.shape[1] - real.size
    logs, standing = np.empty((options, scored_many)), np.empty((1, dims))
    for h in range(len(start)):
        many = start[h, two:].reshape(options, items)
        _log_odds(start[h, :scored_two], base_two[h])
        _log_shares(many, real, logs)
        for i in range(scored_many):
            for k in range(options):
                base_many[h, i, k] = logs[k, i] if real[k, i] > 0.0 else far
        sums(constant, start[h : h + 1], layout.values, standing)
        for d in range(len(covered)):
            first[h, d] = values[h, 0, covered[d]]
        for s in range(len(centuries)):
            goal = values[h, centuries[s]]
            _fill_target(
                goal, values[h, 0], compared.tiny, compared.still, origins[h, s], directions[h, s], shortest[h, s]
            )
            static[h, s] = _cosine(standing[0], goal)
            left = 1.0 - static[h, s]
            room[h, s] = math.inf if left <= compared.full else left
            for d in range(len(covered)):
                human[h, s, d] = goal[covered[d]]


@lean
def _log_odds(chances: Floats, out: Floats) -> None:
    """Log-odds (J,) of chances (J,), which become what they are after clipping."""
    for j in range(len(out)):
        one, other = max(chances[j], FLOOR), max(1.0 - chances[j], FLOOR)
        out[j] = log(one) - log(other)
        chances[j] = one / (one + other)


@kernel
def _log_shares(chances: Floats, real: Floats, logs: Floats) -> None:
    """Logarithms (K, I) of the first of chances (K, I'), which become what they are after clipping; not centred."""
    options, items = logs.shape
    totals = np.zeros(items)
    for k in range(options):
        for i in range(items):
            chance = max(chances[k, i], FLOOR)
            logs[k, i] = log(chance)
            chances[k, i] = chance * real[k, i]
            totals[i] += chances[k, i]
    for k in range(options):
        for i in range(items):
            chances[k, i] /= totals[i]


@lean
def _fill_target(
    goal: Floats,
    start: Floats,
    tiny: float,
    still: float,
    origins: Floats,
    directions: Floats,
    shortest: Floats,
) -> None:
    """What one step is compared with, from the human's values (D,) then and in century 0; as `batch_scores.targets`."""
    size, moved = 0.0, 0.0
    for d in range(len(goal)):
        origins[0, d], origins[1, d], origins[2, d] = 0.0, start[d], goal[d]
        directions[0, d], directions[1, d] = goal[d], goal[d] - start[d]
        size += goal[d] * goal[d]
        moved += (goal[d] - start[d]) * (goal[d] - start[d])
    size, moved = math.sqrt(size), math.sqrt(moved)
    shortest[0], shortest[1] = tiny * tiny / (size if size > 0.0 else 1.0), still
    for d in range(len(goal)):
        directions[0, d] = directions[0, d] / size if size > 0.0 else 0.0
        directions[1, d] = directions[1, d] / moved if moved > still else 0.0


@lean
def _cosine(a: Floats, b: Floats) -> float:
    """As `progressgym.scores.cosine`."""
    dot, left, right = 0.0, 0.0, 0.0
    for d in range(len(a)):
        dot += a[d] * b[d]
        left += a[d] * a[d]
        right += b[d] * b[d]
    sizes = math.sqrt(left), math.sqrt(right)
    if sizes[0] <= TINY or sizes[1] <= TINY:
        return 0.0
    return min(max(dot / (sizes[0] * sizes[1]), -1.0), 1.0)


@lean
def fill_observations(evidence: Floats, observed: Ints, out: NDArray[np.float32]) -> None:
    """Whole observations (H, S, 2 D + T), of evidence (H, 1 + S, D): a step's, that of the step before, and the century (S,)."""
    dims = evidence.shape[2]
    for h in range(len(out)):
        for s in range(len(observed)):
            out[h, s, 2 * dims :] = 0.0
            out[h, s, 2 * dims + observed[s]] = 1.0
            for d in range(dims):
                out[h, s, d], out[h, s, dims + d] = evidence[h, s + 1, d], evidence[h, s, d]
