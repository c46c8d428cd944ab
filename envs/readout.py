"""Readout: from 19 stance numbers straight to 19 values on the scored items, the inner loop of all environments.

It computes what `StanceModel.answers` and `Questionnaire.values` compute one after the other, on half the numbers: an
item with two options needs only one probability, the logistic function of the difference of its two logits.

Where thousands of environments share one base (a fixed history) there is less to do still: with w_u = exp(scale *
row_u . theta) for the few different rows u that the loadings of the wider items have (four on the worldviews),

    sum of p[i,k] over options of row u = w_u sum_i E[i,u] / sum_u' E[i,u'] w_u',     E[i,u] = sum of exp(base) over them

needs one reciprocal an item and small matrix products, and no exponential per item and option: `fold` and
`folded_values`. On numpy the items with two options take none either, and every environment may have a base of its
own: `progressgym.envs.odds`. Items with two options and wider ones mostly speak of different dimensions, so each kind reads and
writes only the dimensions from its first to its last.

Legend of shapes: N items, K options, D = 19; J of the scored items have two options, I have more; U different rows of
loadings; leading axes are free, so one call serves one environment or thousands.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import FLOOR, centred_log
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.threads import cores
from progressgym.envs.arrays import BLOCK, NUMPY, Array, Arrays, NumpyArrays, padded, span
from progressgym.envs.odds import Odds, OddsReadout, exponents_of
from progressgym.instruments.loadings import value_weights
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.stance_model import DEFAULT_SCALE

FAR = -1e9
"""Log-odds of an option that does not exist."""


class Base(NamedTuple):
    """Logits in the readout's own layout."""

    two: Array
    """(..., J) logit of the first option minus that of the second."""
    many: Array
    """(..., I * K) logits, `FAR` on padding."""


class Linear(NamedTuple):
    """The readout's matrices, one column or row an option in its layout."""

    two_shift: Array
    """(D, J) what stances add to logits."""
    many_shift: Array
    """(D, I * K)"""
    two_weights: Array
    """(J, D) what choice probabilities add to values; of the items up to the last that counts."""
    many_weights: Array
    """(I * K, D) the same of wider items."""
    constant: Array
    """(D,) values where no first option of two is ever chosen."""


class Fold(NamedTuple):
    """What one shared base allows to compute beforehand."""

    two: Array
    """(J, A + 1) from the A dimensions of items with two options, and a 1, to their logits."""
    totals: Array
    """(I, U) sum of exp(base) over the options of item i whose loadings are row u."""


class Readout:
    """Values of a stance, or of logits, on a fixed set of items."""

    def __init__(
        self,
        instrument: Questionnaire,
        items: NDArray[np.int64],
        *,
        scored: NDArray[np.int64] | None = None,
        scale: float = DEFAULT_SCALE,
        arrays: Arrays = NUMPY,
    ) -> None:
        """Prepare what does not depend on the base.

        Args:
            instrument: whose items.
            items: indices of the items that logits are kept of.
            scored: indices of those that count in values, all of `items` when None.
            scale: of the stance model.
            arrays: what to compute with.
        """
        counted = items if scored is None else scored
        weights_NKD = np.zeros_like(instrument.loadings)
        weights_NKD[counted] = value_weights(instrument.loadings[counted])
        mask, loadings, weights = instrument.mask[items], instrument.loadings[items], weights_NKD[items]
        two = mask.sum(1) == 2
        self._arrays = arrays
        self.two_items, self.many_items, self.many_mask = items[two], items[~two], mask[~two]
        self._two_shift = arrays.floats(scale * (loadings[two, 0] - loadings[two, 1]).T.copy())
        share = weights[two, 0] - weights[two, 1]
        # Callers put scored items first, so what counts is a beginning: a slice, where an index would copy.
        self._counted_two = int(np.flatnonzero(share.any(1)).max(initial=-1)) + 1
        self._two_weights = arrays.floats(share[: self._counted_two])
        # p * first + (1 - p) * second = p * (first - second) + second: the second options' weights are a constant.
        self._constant = arrays.floats(weights[two, 1].sum(0))
        wide = weights[~two]
        self.counted_many = int(np.flatnonzero(wide.any((1, 2))).max(initial=-1)) + 1
        """How many of the wider items there are up to the last that counts."""
        self._counted_weights = arrays.floats(wide[: self.counted_many].reshape(-1, len(DIMENSIONS)))
        self._many_shift = arrays.floats(scale * loadings[~two].reshape(-1, len(DIMENSIONS)).T.copy())
        # The fold knows the items that count alone.
        share, lean = share[: self._counted_two], (loadings[two, 0] - loadings[two, 1])[: self._counted_two]
        self._lean = scale * lean
        self._two_dims = span(self._lean, share)
        self._two_out = arrays.floats(padded(share.T[self._two_dims]))
        # The fold works on columns (D, B), so it has the same constant once more, as a column.
        self._constant_column = arrays.floats(weights[two, 1].sum(0)[:, None])
        rows = loadings[~two][: self.counted_many].reshape(-1, len(DIMENSIONS))
        self._find_different(scale * rows, wide[: self.counted_many].reshape(-1, len(DIMENSIONS)))
        exponents = exponents_of(lean)
        self._by_odds = None
        if isinstance(arrays, NumpyArrays) and exponents is not None:
            constant = weights[two, 1].sum(0)
            self._by_odds = OddsReadout(
                exponents, share, constant, self._rows, self._row_weights, scale, arrays.dtype, arrays.compiled
            )

    def base(self, centred: NDArray[np.float64]) -> Base:
        """Bring base log-odds (..., N, K), such as centred log-probabilities, into the readout's layout."""
        two = centred[..., self.two_items, 0] - centred[..., self.two_items, 1]
        many = np.where(self.many_mask, centred[..., self.many_items, :], FAR)
        return Base(self._arrays.floats(two), self._arrays.floats(many.reshape(*many.shape[:-2], -1)))

    def base_of(self, answers: NDArray[np.float64]) -> Base:
        """The base log-odds of answers (..., N, K): those of `centred_log`, for this readout's items alone."""
        two = np.log(np.clip(answers[..., self.two_items, :2], FLOOR, 1.0))
        many = centred_log(answers[..., self.many_items, :], self.many_mask)
        wide = np.where(self.many_mask, many, FAR).reshape(*many.shape[:-2], -1)
        return Base(self._arrays.floats(two[..., 0] - two[..., 1]), self._arrays.floats(wide))

    def linear(self) -> Linear:
        """What `logits` and `mean` multiply with, for who does so elsewhere."""
        return Linear(self._two_shift, self._many_shift, self._two_weights, self._counted_weights, self._constant)

    def logits(self, theta: Array, base: Base) -> Base:
        """theta (..., D) -> logits of the answers."""
        affine = self._arrays.affine
        return Base(affine(theta, self._two_shift, base.two), affine(theta, self._many_shift, base.many))

    def score(self, logits: Base) -> Array:
        """Values (..., D) of answers with these logits, 0 on dimensions that are not covered; overwrites the logits."""
        return self.mean(self._arrays.sigmoid(logits.two), self.chances(logits.many))

    def mean(self, two: Array, many: Array) -> Array:
        """Values (..., D) of choice probabilities: (..., J) of first options, (..., I, K) of the wider items'; of
        those that do not count, behind all that do, nothing need be there."""
        values = self._arrays.affine(two[..., : self._counted_two], self._two_weights, self._constant)
        if self.counted_many:
            counted = many[..., : self.counted_many, :]
            values += counted.reshape(*counted.shape[:-2], -1) @ self._counted_weights
        return values

    def first_chances(self, two: Array) -> Array:
        """Choice probabilities (..., J) of first options, those that count in values; leaves the logits as they are."""
        return self._arrays.sigmoid(self._arrays.copy(two[..., : self._counted_two]))

    def chances(self, many: Array) -> Array:
        """Choice probabilities (..., I, K) of the wider items; logits are far too small to overflow."""
        weights = self._arrays.xp.exp(many).reshape(*many.shape[:-1], *self.many_mask.shape)
        return weights / over_options(weights)[..., None]

    def weights_and_logs(self, many: Array) -> tuple[Array, Array, Array]:
        """exp(logits) (..., I, K), their sums (..., I) over options, and the logarithms of these: one an item is enough."""
        weights = self._arrays.xp.exp(many).reshape(*many.shape[:-1], *self.many_mask.shape)
        total = over_options(weights)
        return weights, total, self._arrays.xp.log(total)

    def values(self, theta: Array, base: Base) -> Array:
        """theta (..., D) -> values (..., D)."""
        return self.score(self.logits(theta, base))

    def fold(self, base: Base) -> Fold | Odds | None:
        """Tables for `folded_values`, or None where there is nothing to save: the wider items' loadings differ too much,
        or environments have bases of their own and the arrays are not numpy's.

        Args:
            base: (1 or B, ...), of all environments or of each.
        """
        items, options, different = self._which.shape
        # With more different rows than items the matrices of the fold would be larger than the answers themselves.
        if different > items or (self._by_odds is None and len(base.two) > 1):
            return None
        if self._by_odds is not None and self._arrays.compiled and len(base.two) > 1:
            return self._by_odds.own_odds(base.two, base.many, self._which)
        floats, host = self._arrays.floats, self._arrays.host
        many = host(base.many).astype(np.float64).reshape(len(base.many), -1, options)[:, :items]
        chances, first = np.exp(many), host(base.two)[:, : self._counted_two]
        totals = np.einsum("hik,iku->hiu", chances, self._which)
        if self._by_odds is not None:
            return self._by_odds.odds(first, totals)
        two = np.concatenate([self._lean[:, self._two_dims], first[0][:, None]], 1)
        return Fold(floats(two), floats(totals[0]))

    def folded_values(self, theta: Array, fold: Fold | Odds) -> Array:
        """The values of `values`, for theta (B, D) around the bases of a fold.

        Computed with a column an environment, (D, B): 19 long rows multiply and add up faster than many short ones.
        """
        arrays = self._arrays
        if isinstance(fold, Odds):
            assert self._by_odds is not None
            # Kernels have groups of their own within a block.
            size = max(BLOCK, -(-len(theta) // cores())) if arrays.compiled else BLOCK
            return self._by_odds.values(theta, fold, list(arrays.blocks(len(theta), size)))
        # `sums` below are views of this array: adding to them fills it part by part.
        values = arrays.copy(arrays.xp.broadcast_to(self._constant_column, (len(DIMENSIONS), len(theta))))
        for columns, sums in zip(arrays.parts(theta.T), arrays.parts(values), strict=True):
            chances = arrays.sigmoid(arrays.affine_columns(fold.two, columns[..., self._two_dims, :]))
            added = sums[..., self._two_dims, :]
            added += arrays.product(self._two_out, chances)[..., : added.shape[-2], :]
            odds = arrays.exp(arrays.product(self._odds, columns[..., self._many_dims, :]))
            odds *= arrays.product(fold.totals.T, arrays.xp.reciprocal(arrays.product(fold.totals, odds)))
            added = sums[..., self._many_dims, :]
            added += arrays.product(self._many_out, odds)
        return values.T

    def _find_different(self, rows: NDArray[np.float64], weights: NDArray[np.float64]) -> None:
        """Find the different rows among the wider items' loadings and weights, (I * K, D) each."""
        # Padding has loadings of 0, which are not a row of their own: it must not be mistaken for an option without
        # tags.
        mask = self.many_mask[: self.counted_many]
        real = mask.reshape(-1)
        both = np.concatenate([rows, weights], 1)[real]
        different, which = np.unique(both, axis=0, return_inverse=True)
        self._rows, self._row_weights = different[:, : len(DIMENSIONS)], different[:, len(DIMENSIONS) :]
        belongs = np.zeros((len(real), len(different)))
        belongs[real] = np.eye(len(different))[which.reshape(-1)]
        self._which = belongs.reshape(*mask.shape, len(different))
        self._many_dims = span(rows, weights)
        self._odds = self._arrays.floats(self._rows[:, self._many_dims])
        self._many_out = self._arrays.floats(self._row_weights.T[self._many_dims])


def over_options(table: Array) -> Array:
    """Sums (...) over the last axis, which is short: adding a few columns is faster than many short sums."""
    total = table[..., 0]
    for option in range(1, table.shape[-1]):
        total = total + table[..., option]
    return total
