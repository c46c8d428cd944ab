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


def vote_evidence(votes: NDArray[np.float32], differences: NDArray[np.float32]) -> Floats:
    """Evidence (..., D) of votes (..., Q) of 0 and 1, with loading differences (Q, D) that are whole numbers.

    Sums of whole numbers below 2**24 are exact in 32 bits, in which products cost half.
    """
    sums = (votes.reshape(-1, votes.shape[-1]) @ differences).astype(np.float64)
    size = np.abs(differences).sum(0).astype(np.float64)
    shares: Floats = np.where(size > 0, (2.0 * sums - differences.sum(0)) / np.where(size > 0, size, 1.0), 0.0)
    return shares.reshape(*votes.shape[:-1], differences.shape[-1])
