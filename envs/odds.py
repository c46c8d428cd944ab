"""Values of thousands of stances at once, by products of odds: no exponential an item.

The loadings of two options differ by whole numbers (tags are -1, 0 or 1, centred alike), so what a stance does to an
item is a product of few powers of 19 odds o_d = exp(scale * theta_d):

    p_i = 1 / (1 + E_i prod_d o_d^-n_id),     E_i = exp(-base_i)

which takes some three multiplications and a reciprocal an item; a 64-bit exponential costs more than all of them on
machines whose numpy has none in vector instructions. Wider items have few different rows u of loadings, w_u = their
odds, and

    sum of p[i,k] over options of row u = w_u sum_i E[i,u] / sum_u' E[i,u'] w_u',     E[i,u] = sum of exp(base) over them

Everything is computed with a column an environment: long rows multiply faster than many short ones. Legend of shapes:
B environments, b of a block, J items with two options, I wider ones, U their different rows, D = 19.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from progressgym.core.threads import each, scratch
from progressgym.envs.arrays import BLOCK, padded, span

Floats = NDArray[np.floating]
POWERS = (1, 2, -1, -2)
"""What two tags of -1, 0 or 1 can differ by, besides 0."""


class Odds(NamedTuple):
    """Base odds, for one base that all environments share or one each."""

    two: Floats
    """(J, 1 or B) exp(-base) of items with two options, in the order of `Powers.items`."""
    totals: Floats
    """(I, U, 1 or B) sums of exp(base) over an item's options that have row u."""

    def part(self, block: slice) -> Odds:
        """Those of some environments; a shared base stays shared."""
        return self if self.two.shape[1] == 1 else Odds(self.two[:, block], self.totals[..., block])


class Powers:
    """Which odds an item's answers are products of."""

    def __init__(self, exponents: NDArray[np.int64]) -> None:
        """Sort items by their number of factors, so that the k-th factor is one of the first items only.

        Args:
            exponents: (J, C) whole numbers from -2 to 2, for some C dimensions.
        """
        counts = (exponents != 0).sum(1)
        self.items = np.argsort(-counts, kind="stable")
        """(J,) their order here."""
        self.slots: list[NDArray[np.int64]] = []
        """For k = 0, 1, ...: rows of `table` that are the k-th factor of the first items."""
        dimensions = [np.flatnonzero(row) for row in exponents[self.items]]
        for k in range(int(counts.max(initial=0))):
            some = [(j, where[k]) for j, where in enumerate(dimensions) if len(where) > k]
            rows = [POWERS.index(int(exponents[self.items[j], d])) * exponents.shape[1] + d for j, d in some]
            self.slots.append(np.array(rows, dtype=np.int64))

    def table(self, odds: Floats) -> Floats:
        """Odds (C, b) -> their `POWERS` (4 C, b)."""
        powers: Floats = scratch("powers", (len(POWERS), *odds.shape), odds.dtype)
        powers[0] = odds
        # A division for each dimension, instead of one for every item; numpy divides faster than it takes reciprocals.
        np.divide(1.0, odds, out=powers[2])
        np.multiply(powers[::2], powers[::2], out=powers[1::2])
        return powers.reshape(-1, odds.shape[1])

    def times(self, product: Floats, table: Floats, factor: Floats) -> None:
        """Multiply (J, b) by every item's factors, in place; `factor` (J, b) is overwritten."""
        for rows in self.slots:
            some = factor[: len(rows)]
            np.take(table, rows, axis=0, out=some, mode="clip")  # "raise" would copy `out`
            product[: len(rows)] *= some


def exponents_of(differences: Floats) -> NDArray[np.int64] | None:
    """Loading differences (J, D) as whole numbers, or None where they are none that `Powers` knows."""
    whole = np.rint(differences)
    fits = np.abs(differences - whole).max(initial=0.0) < 1e-9 and np.abs(whole).max(initial=0.0) <= max(POWERS)
    return whole.astype(np.int64) if fits else None


class OddsReadout:
    """19 stance numbers -> 19 values, around given base odds."""

    def __init__(
        self,
        exponents: NDArray[np.int64],
        share: Floats,
        constant: Floats,
        rows: Floats,
        weights: Floats,
        scale: float,
        dtype: np.dtype[np.floating],
        compiled: bool = False,
    ) -> None:
        """Prepare what does not depend on the base.

        Args:
            exponents: (J, D) loadings of first minus second options.
            share: (J, D) what the probability of a first option adds to the values.
            constant: (D,) values when no first option is chosen.
            rows: (U, D) different rows of the wider items' loadings, times scale.
            weights: (U, D) what a choice of such an option adds to the values.
            scale: of the stance model.
            dtype: working precision.
            compiled: whether a kernel computes the values.
        """
        self._dims = span(exponents, share)
        # Minus, because p = 1 / (1 + exp(-logit)): the product below is the exponential of the negative logit.
        self._powers = Powers(-exponents[:, self._dims])
        self._share = padded(share[self._powers.items, self._dims].T).astype(dtype)
        self._constant = constant[:, None].astype(dtype)
        self._rows, self._weights = rows.astype(dtype), weights.T.astype(dtype)
        self._scale, self._dtype = scale, dtype
        self._parts: Any = self._compiled() if compiled else None

    def odds(self, two: Floats, totals: Floats) -> Odds:
        """Base log-odds (1 or B, J) of first options and sums (1 or B, I, U) of exp(base), in this layout."""
        first = np.exp(-two.T[self._powers.items])
        return Odds(first.astype(self._dtype, order="C"), np.moveaxis(totals, 0, -1).astype(self._dtype, order="C"))

    def own_odds(self, two: Floats, many: Floats, which: NDArray[np.float64]) -> Odds:
        """The same by a kernel, of a base each: log-odds (B, J) of first options and logits (B, I K) of the wider items'.

        Args:
            two: of the items as they are given.
            many: the same.
            which: (I, K, U) 1 where an option has a row, 0 elsewhere.
        """
        from progressgym.envs.vector.compiled.bases import fill_odds

        different, count = which.shape[-1], len(two)
        rows = (different + which @ (np.arange(different) - different)).astype(np.uint64)
        items = self._powers.items.astype(np.uint64)
        odds, totals = (np.empty((*shape, count), self._dtype) for shape in ((len(items),), (len(which), different)))

        def fill(start: int) -> None:
            fill_odds(two, many, items, rows, start, min(start + BLOCK, count), odds, totals)

        each(fill, range(0, count, BLOCK))
        return Odds(odds, totals)

    def values(self, theta: Floats, odds: Odds, blocks: Sequence[slice]) -> Floats:
        """Values (B, D) of stances (B, D), block after block, so that hidden numbers stay in a core's cache."""
        values = np.empty((len(self._constant), len(theta)), dtype=self._dtype)
        if self._parts is not None:
            from progressgym.envs.vector.compiled.odds import fill_values

            stances = np.ascontiguousarray(theta)

        def fill(block: slice) -> None:
            if self._parts is None:
                self._block(theta[block].T, odds.part(block), values[:, block])
            else:
                fill_values(stances, block.start, min(block.stop, len(theta)), *odds, self._parts, values)

        each(fill, blocks)
        return values.T

    def _compiled(self) -> Any:
        """What the kernel works with."""
        from progressgym.envs.vector.compiled.odds import tables

        dims = self._dims.stop - self._dims.start
        constant, rows, weights = (np.ascontiguousarray(t) for t in (self._constant[:, 0], self._rows, self._weights))
        return tables(self._powers.slots, self._share[:dims], self._dims.start, constant, rows, weights, self._scale)

    def _block(self, theta: Floats, odds: Odds, values: Floats) -> None:
        """(D, b) -> (D, b)."""
        shape = len(odds.two), theta.shape[1]
        chances, factor = (scratch(name, shape, self._dtype) for name in ("chances", "factor"))
        chances[:] = odds.two
        stances = self._scale * theta[self._dims]
        self._powers.times(chances, self._powers.table(np.exp(stances, out=stances)), factor)
        chances += 1.0
        sums = self._share @ np.divide(1.0, chances, out=chances)
        values[:] = self._constant
        values[self._dims] += sums[: len(stances)]
        if len(odds.totals):
            moved = np.exp(self._rows @ theta)
            values += self._weights @ (moved * self._shares(moved, odds.totals))

    def _shares(self, moved: Floats, totals: Floats) -> Floats:
        """(U, b) odds and (I, U, 1 or b) base odds -> (U, b) sums over items of base odds over all odds of the item."""
        if totals.shape[-1] == 1:  # products of small matrices
            table = totals[..., 0]
            shared: Floats = table.T @ (1.0 / (table @ moved))
            return shared
        own = sum(totals[:, u] * moved[u] for u in range(len(moved)))
        np.divide(1.0, own, out=own)
        return np.stack([(totals[:, u] * own).sum(0) for u in range(len(moved))])
