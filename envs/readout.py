"""Readout: from 19 stance numbers straight to 19 values on the scored items, the inner loop of the numeric flavour.

It computes what `StanceModel.answers` and `Instrument.values` compute one after the other, on half the numbers: an
item with two options needs only the difference of its two probabilities, which is a hyperbolic tangent.

Legend of shapes: N items, K options, D = 19; J of the scored items have two options, I have more; leading axes are
free, so one call serves one environment or thousands.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from progressgym.instruments.instrument import Instrument
from progressgym.instruments.stance import DEFAULT_SCALE

Floats = NDArray[np.float64]
FAR = -1e9
"""Base log-odds of an option that does not exist."""


class Base(NamedTuple):
    """Base log-odds in the readout's own layout."""

    two: Floats
    """(..., J) half the difference between first and second option."""
    many: Floats
    """(..., I * K) log-odds, `FAR` on padding."""


class Readout:
    """Values of a stance on a fixed set of items."""

    def __init__(self, instrument: Instrument, items: NDArray[np.int64], scale: float = DEFAULT_SCALE) -> None:
        """Prepare what does not depend on the base.

        Args:
            instrument: whose items.
            items: indices of the scored items.
            scale: of the stance model.
        """
        mask, loadings = instrument.mask[items], instrument.loadings[items]
        most = loadings.max(1).sum(0)
        weights = loadings / np.where(most > 1e-12, most, np.inf)
        two = mask.sum(1) == 2
        self._two_items, self._many_items, self._many_mask = items[two], items[~two], mask[~two]
        self._two_shift = np.ascontiguousarray(0.5 * scale * (loadings[two, 0] - loadings[two, 1]).T)
        self._two_weights = 0.5 * (weights[two, 0] - weights[two, 1])
        self._constant = 0.5 * (weights[two, 0] + weights[two, 1]).sum(0)
        self._many_shift = np.ascontiguousarray(scale * loadings[~two].reshape(-1, loadings.shape[-1]).T)
        self._many_weights = weights[~two].reshape(-1, loadings.shape[-1])

    def base(self, centred: Floats) -> Base:
        """Bring base log-odds (..., N, K), such as centred log-probabilities, into the readout's layout."""
        two = 0.5 * (centred[..., self._two_items, 0] - centred[..., self._two_items, 1])
        many = np.where(self._many_mask, centred[..., self._many_items, :], FAR)
        return Base(two, many.reshape(*many.shape[:-2], -1))

    def values(self, theta: Floats, base: Base) -> Floats:
        """theta (..., D) -> values (..., D), 0 on dimensions that are not covered."""
        lean = np.tanh(theta @ self._two_shift + base.two)
        values: Floats = lean @ self._two_weights + self._constant
        items, options = self._many_mask.shape
        if items:
            logits = (theta @ self._many_shift + base.many).reshape(*theta.shape[:-1], items, options)
            chances = np.exp(logits - logits.max(-1, keepdims=True))
            chances /= chances.sum(-1, keepdims=True)
            values += chances.reshape(*theta.shape[:-1], -1) @ self._many_weights
        return values
