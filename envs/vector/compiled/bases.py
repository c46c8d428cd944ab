"""Base odds of environments with a base each, as `Readout.fold`: exponentials of logits, turned round to a column an environment.

Legend of shapes: B environments, b of a group, J items with two options, I wider ones with K options, U their different rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.vector.compiled.elementary import exp
from progressgym.envs.vector.compiled.kernel import kernel

Floats = NDArray[np.floating]
Places = NDArray[np.uint64]
GROUP = 8
"""b: as many numbers as the caches move at once."""


@kernel
def fill_odds(
    two: Floats, many: Floats, items: Places, rows: Places, start: int, stop: int, odds: Floats, totals: Floats
) -> None:
    """Fill the columns of some environments.

    Args:
        two: (B, J') logits of items with two options.
        many: (B, I' K) those of wider items' options.
        items: (J,) which of the first stand in which place.
        rows: (I, K) which row each option has, U where there is no option.
        start: the first environment, and
        stop: the one behind the last.
        odds: (J, B) exponentials of minus the first.
        totals: (I, U, B) sums of exponentials of the second over options with the same row.
    """
    wider, options = rows.shape
    logits = np.empty((GROUP, len(items) + wider * options))
    sums = np.empty((totals.shape[1] + 1, GROUP))
    for first in range(start, stop, GROUP):
        count = min(GROUP, stop - first)
        for b in range(count):
            row, own, others = logits[b], two[first + b], many[first + b]
            for j in range(len(items)):
                row[j] = -own[items[j]]
            for n in range(wider * options):
                row[len(items) + n] = others[n]
            for n in range(len(row)):
                row[n] = exp(row[n])
        for j in range(len(items)):
            for b in range(count):
                odds[j, first + b] = logits[b, j]
        for i in range(wider):
            sums[:] = 0.0
            for k in range(options):
                for b in range(count):
                    sums[rows[i, k], b] += logits[b, len(items) + i * options + k]
            for u in range(totals.shape[1]):
                for b in range(count):
                    totals[i, u, first + b] = sums[u, b]
