"""Readout: from 19 stance numbers straight to 19 values on the scored items, the inner loop of all environments.

It computes what `StanceModel.answers` and `Instrument.values` compute one after the other, on half the numbers: an
item with two options needs only one probability, the logistic function of the difference of its two logits.

Where thousands of environments share one base (a fixed history) there is less to do still: with w_u = exp(scale *
row_u . theta) for the few different rows u that the loadings of the wider items have (four on the worldviews),

    p[i,k] = E[i,k] w_u(i,k) / sum_k' E[i,k'] w_u(i,k'),     E = exp(base)

needs one reciprocal an item and matrix products, and no exponential per item and option: `fold` and `folded_values`.

Legend of shapes: N items, K options, D = 19; J of the scored items have two options, I have more; U different rows of
loadings; leading axes are free, so one call serves one environment or thousands.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from progressgym.core.dimensions import DIMENSIONS
from progressgym.envs.arrays import NUMPY, Array, Arrays
from progressgym.instruments.instrument import Instrument
from progressgym.instruments.loadings import value_weights
from progressgym.instruments.stance import DEFAULT_SCALE

FAR = -1e9
"""Log-odds of an option that does not exist."""


class Base(NamedTuple):
    """Logits in the readout's own layout."""

    two: Array
    """(..., J) logit of the first option minus that of the second."""
    many: Array
    """(..., I * K) logits, `FAR` on padding."""


class Fold(NamedTuple):
    """What one shared base allows to compute beforehand."""

    into: Array
    """(J + U * A + 1, D + 1) from theta and a 1 to the logits of two-option items, to the exponents of w for each of
    the A dimensions that wide items speak of, and to a 1."""
    totals: Array
    """(I, U * A) sum of E over the options of item i whose loadings are row u, shared among the A copies of the row."""
    gains: Array
    """(U * A, I) sum of E times the weight over these options."""


class Readout:
    """Values of a stance, or of logits, on a fixed set of items."""

    def __init__(
        self,
        instrument: Instrument,
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
        self._two_weights = arrays.floats(weights[two, 0] - weights[two, 1])
        self._constant = arrays.floats(weights[two, 1].sum(0))
        rows = loadings[~two].reshape(-1, len(DIMENSIONS))
        self._many_shift = arrays.floats(scale * rows.T.copy())
        self._many_weights = arrays.floats(weights[~two].reshape(-1, len(DIMENSIONS)))
        self._lean = scale * (loadings[two, 0] - loadings[two, 1])
        out = [(weights[two, 0] - weights[two, 1]).T, self._different(scale * rows, weights[~two])]
        self._out = arrays.floats(np.concatenate([*out, weights[two, 1].sum(0)[:, None]], 1))

    def base(self, centred: NDArray[np.float64]) -> Base:
        """Bring base log-odds (..., N, K), such as centred log-probabilities, into the readout's layout."""
        two = centred[..., self.two_items, 0] - centred[..., self.two_items, 1]
        many = np.where(self.many_mask, centred[..., self.many_items, :], FAR)
        return Base(self._arrays.floats(two), self._arrays.floats(many.reshape(*many.shape[:-2], -1)))

    def logits(self, theta: Array, base: Base) -> Base:
        """theta (..., D) -> logits of the answers."""
        affine = self._arrays.affine
        return Base(affine(theta, self._two_shift, base.two), affine(theta, self._many_shift, base.many))

    def score(self, logits: Base) -> Array:
        """Values (..., D) of answers with these logits, 0 on dimensions that are not covered; overwrites the logits."""
        values = self._arrays.affine(self._arrays.sigmoid(logits.two), self._two_weights, self._constant)
        if len(self.many_items):
            chances = self.chances(logits.many)
            values += chances.reshape(*chances.shape[:-2], -1) @ self._many_weights
        return values

    def chances(self, many: Array) -> Array:
        """Choice probabilities (..., I, K) of the wider items; logits are far too small to overflow."""
        weights = self._arrays.xp.exp(many).reshape(*many.shape[:-1], *self.many_mask.shape)
        return weights / weights.sum(-1, keepdims=True)

    def values(self, theta: Array, base: Base) -> Array:
        """theta (..., D) -> values (..., D)."""
        return self.score(self.logits(theta, base))

    def fold(self, base: Base) -> Fold | None:
        """Tables for `folded_values`, or None where the wider items' loadings differ too much to save anything.

        Args:
            base: of one environment, without leading axes.
        """
        items, options = self.many_mask.shape
        if len(self._odds) > items * options:
            return None
        floats, host = self._arrays.floats, self._arrays.host
        chances = np.exp(host(base.many).astype(np.float64)).reshape(items, options)
        copies = max(self._active_weights.shape[-1], 1)
        totals = np.repeat(np.einsum("ik,iku->iu", chances, self._which) / copies, copies, 1)
        gains = np.einsum("ik,iku,ika->uai", chances, self._which, self._active_weights).reshape(-1, items)
        bias = np.concatenate([host(base.two), np.zeros(len(self._odds)), [1.0]])
        slopes = np.concatenate([self._lean, self._odds, np.zeros((1, len(DIMENSIONS)))])
        return Fold(floats(np.concatenate([slopes, bias[:, None]], 1)), floats(totals), floats(gains))

    def folded_values(self, theta: Array, fold: Fold) -> Array:
        """The values of `values`, for theta (B, D) around one base.

        Computed with a column an environment, (D, B): 19 long rows multiply and add up faster than many short ones.
        """
        arrays, rows = self._arrays, len(self.two_items)
        parts = []
        for block in arrays.blocks(len(theta)):
            hidden = fold.into @ arrays.with_ones(theta[block].T)
            arrays.sigmoid(hidden[:rows])
            odds = arrays.exp(hidden[rows:-1])
            odds *= fold.gains @ arrays.xp.reciprocal(fold.totals @ odds)
            parts.append(self._out @ hidden)
        return (parts[0] if len(parts) == 1 else arrays.xp.concatenate(parts, 1)).T

    def _different(self, rows: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Find the different rows of loadings among (I * K, D): (D, U * A) where their shares of values go.

        A row comes once for each of the A dimensions that wide items speak of, by weights (I, K, D).
        """
        different, which = np.unique(rows, axis=0, return_inverse=True)
        self._which = np.eye(len(different))[which.reshape(-1)].reshape(*self.many_mask.shape, len(different))
        self._which[~self.many_mask] = 0.0
        active = np.flatnonzero(np.abs(weights).sum((0, 1)))
        self._active_weights = weights[..., active]
        self._odds = np.repeat(different, len(active), 0)
        return np.tile(np.eye(len(DIMENSIONS))[:, active], (1, len(different)))
