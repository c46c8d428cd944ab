"""What a compiled step of Coevolve needs beside its kernel: fixed tables, turned around, and memory to write to.

Legend of shapes as in `progressgym.envs.vector.compiled.coevolve_rows`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.threads import scratch
from progressgym.envs.arrays import padded
from progressgym.envs.readout import Base, Readout
from progressgym.envs.vector.compiled.coevolve_rows import After, Layout, Paths, Work, influence
from progressgym.envs.vector.lookups import Index, Tables

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Humans:
    """Moves the simulated humans of a block of rows."""

    def __init__(self, readout: Readout, pairs: tuple[Ints, ...], order: Ints | None, shares: Base) -> None:
        """Prepare what does not depend on the episode.

        Args:
            readout: of all items.
            pairs: (P2,) items of pairs of two options; (Pm,) first and (Pm,) second options of wider items, i * K + k.
            order: (P,) where the n-th of all pairs stands among the pairs of two options and, behind these, the others.
            shares: (J,) and (I,) of items in the distance to the goal, of length 0 where there is none.
        """
        mask, linear, (place, first, second) = readout.many_mask, readout.linear(), pairs
        counts, options = mask.sum(1), mask.shape[1]
        # `turned[n]` is the place in (I, K) of what is at n in (K, I), `back` the other way round.
        turned = np.arange(mask.size).reshape(mask.shape).T.reshape(-1)
        back = np.argsort(turned)
        slots = np.arange(len(place) + len(first)) if order is None else np.argsort(order)
        weights = np.zeros((mask.size, len(linear.constant)))
        weights[: len(linear.many_weights)] = linear.many_weights
        self._wide, self._count = mask.shape, len(readout.two_items) + len(mask)
        self._layout = Layout(
            *_used(linear.two_shift),
            *_used(linear.many_shift[:, turned]),
            *_used(linear.two_weights.T),
            *_used(weights[turned].T),
            constant=linear.constant.astype(np.float64),
            there=mask.reshape(-1)[turned].astype(np.float64),
            per_count=1.0 / counts,
            per_log=1.0 / np.log(counts),
            per_option=np.tile(1.0 / np.log(counts), options),
            two_place=place,
            two_slot=slots[: len(place)],
            first=back[first],
            second=back[second],
            many_slot=slots[len(place) :],
            two_scored=shares.two.astype(np.float64),
            # Half, because what one option gains the others lose.
            many_scored=np.tile(shares.many.astype(np.float64) / 2.0, options),
        )

    def influenced(
        self,
        agent: tuple[NDArray[Any], Base],
        human: Base,
        preferences: NDArray[Any],
        *,
        tables: Tables,
        goal: Base | None,
        index: Index,
        mixture: tuple[float, float, float],
    ) -> Tables:
        """Take a step of some rows; what is told of it, with `worth`, 1 - the mean distance to the goal.

        Args:
            agent: stances (B, D), and the logits (H, ...) of an agent whose stance is 0.
            human: the humans' logits (B, ...); overwritten.
            preferences: (B, P) of all pairs; overwritten.
            tables: of these rows.
            goal: choice probabilities (H, S, J) and (H, S, I, K) of a human beside the goal, where there is one.
            index: the step.
            mixture: shares of the human's own logits, the agent's, and those of the real century ahead.
        """
        (theta, base), (items, options), dtype = agent, self._wide, agent[0].dtype
        count, steps = len(theta), tables["free_two"].shape[1]
        if goal is None:
            goal = Base(np.empty((1, steps, 0), dtype), np.empty((1, steps, 0, options), dtype))
        paths = Paths(
            base_two=base.two,
            base_many=base.many.reshape(len(base.many), items, options),
            real_two=tables["real_two"],
            real_many=tables["real_many"].reshape(*tables["real_many"].shape[:2], items, options),
            free_two=tables["free_two"],
            free_many=tables["free_many"],
            goal_two=goal.two,
            goal_many=goal.many,
        )
        values, sums = np.empty((2, count, theta.shape[1]), dtype), np.empty((3, count), dtype)
        after = After(human.two, human.many.reshape(count, items, options), preferences, *values, *sums)
        influence(
            np.ascontiguousarray(theta),
            np.broadcast_to(index, count).astype(np.int64),
            mixture,
            self._layout,
            Paths(*(np.ascontiguousarray(path) for path in paths)),
            after,
            self._work(),
        )
        mean = sums / self._count
        return {
            "own": values[0],
            "simulated": values[1],
            "entropy": mean[0],
            "displacement": mean[1],
            "worth": 1.0 - sums[2],
        }

    def _work(self) -> Work:
        """This thread's memory."""
        items, options = self._wide
        two, many, sums = (self._count - items,), (options, items), (items,)
        shapes = two, many, two, many, many, two, many, many, many, many, many, sums, sums
        return Work(*(scratch(f"coevolve {name}", shape) for name, shape in zip(Work._fields, shapes, strict=True)))


def _used(table: NDArray[Any]) -> tuple[Ints, Floats]:
    """The dimensions that are not 0 everywhere in a table (D, n), and the table of these, filled up with zeros."""
    dims = np.flatnonzero(table.any(1))
    rows = padded(table[dims].astype(np.float64))
    return np.pad(dims, (0, len(rows) - len(dims))), rows
