"""Evidence: what comparisons say about each dimension, one number each.

    e_d = sum_q (2 y_q - 1) dPhi_qd / sum_q |dPhi_qd|,     dPhi = loadings of option a minus those of option b

Legend of shapes: Q comparisons, D = 19; leading axes are free.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.arrays import Array

Floats = NDArray[np.float64]


def differences(loadings: Floats, pairs: NDArray[np.int64]) -> Floats:
    """dPhi (..., Q, D) of pairs (..., Q, 3): item, option a, option b."""
    difference: Floats = loadings[pairs[..., 0], pairs[..., 1]] - loadings[pairs[..., 0], pairs[..., 2]]
    return difference


def evidence_weights(difference: Floats) -> Floats:
    """Loading differences (..., Q, D) over their summed sizes; 0 where nothing was asked."""
    total = np.abs(difference).sum(-2, keepdims=True)
    weights: Floats = np.where(total > 0, difference / np.where(total > 0, total, 1.0), 0.0)
    return weights


def evidence(labels: Array, weights: Array) -> Array:
    """Evidence (..., D) of labels (..., Q) with weights (..., Q, D), multiplied as matrices are."""
    return (2.0 * labels - 1.0) @ weights
