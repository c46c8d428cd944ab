"""Logits of given answers, in one pass over them. Legend of shapes as in `progressgym.envs.readout`, and B rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.actions import LIMIT
from progressgym.envs.readout import FAR, Base, Readout
from progressgym.envs.vector.compiled.kernel import lean

Ints = NDArray[np.int64]


def answered(actions: NDArray[Any], readout: Readout) -> Base:
    """The logits of log-probabilities (B, N, K), within `LIMIT`; what stands on padding is ignored."""
    rows = len(actions)
    two = np.empty((rows, len(readout.two_items)), actions.dtype)
    many = np.empty((rows, *readout.many_mask.shape), actions.dtype)
    _fill(np.ascontiguousarray(actions), readout.two_items, readout.many_items, readout.many_mask, two, many)
    return Base(two, many.reshape(rows, readout.many_mask.size))


@lean
def _fill(
    actions: NDArray[Any],
    two_items: Ints,
    many_items: Ints,
    mask: NDArray[np.bool_],
    two: NDArray[Any],
    many: NDArray[Any],
) -> None:
    """Write logits two (B, J) and many (B, I, K) of actions (B, N, K) with options where the mask (I, K) says so."""
    for r in range(len(actions)):
        for j in range(len(two_items)):
            item = two_items[j]
            first = min(max(actions[r, item, 0], -LIMIT), LIMIT)
            two[r, j] = first - min(max(actions[r, item, 1], -LIMIT), LIMIT)
        for i in range(len(many_items)):
            for k in range(mask.shape[1]):
                many[r, i, k] = min(max(actions[r, many_items[i], k], -LIMIT), LIMIT) if mask[i, k] else FAR
