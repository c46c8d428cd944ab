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
from progressgym.envs.vector.compiled.histories import Layout, Read, product, sums
from progressgym.envs.vector.compiled.kernel import lean
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


@lean
def fill_drawn(
    read: Read, layout: Layout, compared: Compared, far: float, logs: Floats, standing: Floats, drawn: Drawn
) -> None:
    """Fill the tables.

    Args:
        read: histories; century 0's answers are overwritten.
        layout: of the items.
        compared: with what.
        far: logit of padding.
        logs: (K, I) to work in.
        standing: (1, D) likewise.
        drawn: what is filled.
    """
    start, values, covered, real = read.start, read.values, compared.covered, layout.real
    (options, items), two = real.shape, start.shape[1] - real.size
    for h in range(len(start)):
        _log_odds(start[h], drawn.base_two[h])
        _log_shares(start[h, two:].reshape(options, items), real, logs)
        for i in range(logs.shape[1]):
            for k in range(options):
                drawn.base_many[h, i, k] = logs[k, i] if real[k, i] > 0.0 else far
        # What `start` holds is now what an agent that stands still answers.
        sums(layout.constant, start[h : h + 1], layout.values, standing)
        for d in range(len(covered)):
            drawn.first[h, d] = values[h, 0, covered[d]]
        for s in range(len(compared.centuries)):
            goal = values[h, compared.centuries[s]]
            _fill_directions(goal, values[h, 0], compared.still, drawn.origins[h, s], drawn.directions[h, s])
            size = math.sqrt(product(goal, goal))
            drawn.shortest[h, s, 0] = compared.tiny * compared.tiny / (size if size > 0.0 else 1.0)
            drawn.shortest[h, s, 1] = compared.still
            static = _cosine(standing[0], goal)
            drawn.static[h, s] = static
            drawn.room[h, s] = math.inf if 1.0 - static <= compared.full else 1.0 - static
            for d in range(len(covered)):
                drawn.human[h, s, d] = goal[covered[d]]


@lean
def _log_odds(chances: Floats, out: Floats) -> None:
    """Log-odds (J,) of the first of chances, which become what they are after clipping."""
    for j in range(len(out)):
        one, other = max(chances[j], FLOOR), max(1.0 - chances[j], FLOOR)
        out[j] = log(one) - log(other)
        chances[j] = one / (one + other)


@lean
def _log_shares(chances: Floats, real: Floats, logs: Floats) -> None:
    """Logarithms (K, I) of the first of chances (K, I'), which become what they are after clipping; not centred."""
    options, items = logs.shape
    for k in range(options):
        for i in range(items):
            chance = max(chances[k, i], FLOOR)
            logs[k, i] = log(chance)
            chances[k, i] = chance * real[k, i]
    for i in range(items):
        total = 0.0
        for k in range(options):
            total += chances[k, i]
        for k in range(options):
            chances[k, i] /= total


@lean
def _fill_directions(goal: Floats, start: Floats, still: float, origins: Floats, directions: Floats) -> None:
    """Origins (3, D) and directions (2, D) of one step, from the human's values (D,) then and in century 0."""
    size, moved = 0.0, 0.0
    for d in range(len(goal)):
        change = goal[d] - start[d]
        origins[0, d], origins[1, d], origins[2, d] = 0.0, start[d], goal[d]
        directions[0, d], directions[1, d] = goal[d], change
        size += goal[d] * goal[d]
        moved += change * change
    size, moved = math.sqrt(size), math.sqrt(moved)
    for d in range(len(goal)):
        directions[0, d] = directions[0, d] / size if size > 0.0 else 0.0
        directions[1, d] = directions[1, d] / moved if moved > still else 0.0


@lean
def _cosine(a: Floats, b: Floats) -> float:
    """As `progressgym.scores.cosine`."""
    left, right = math.sqrt(product(a, a)), math.sqrt(product(b, b))
    if left <= TINY or right <= TINY:
        return 0.0
    return min(max(product(a, b) / (left * right), -1.0), 1.0)


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
