"""A linear head over vectors of texts: multinomial logistic regression with a ridge, on standardised features.

    p(k | x) = softmax_k(W z + b),   z = (x - mean) / sd,   minimise mean -log p(y | x) + ridge / 2 |W|^2

Legend of shapes: n texts, d features, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import Floats
from progressgym.core.errors import UserError

RIDGES = (1.0, 0.3, 0.1, 0.03)
"""Strengths that are tried, strongest first."""
ROUNDS = 200


@dataclass(kw_only=True, frozen=True, eq=False)
class LinearHead:
    """A fitted head."""

    mean: Floats
    """(d,)."""
    scale: Floats
    """(d,) standard deviations, 1 where a feature is the same for all."""
    weights: Floats
    """(d + 1, K); the last row is b."""

    @classmethod
    def fit(cls, vectors: Floats, targets: Floats, ridge: float) -> LinearHead:
        """Fit to shares.

        Args:
            vectors: (n, d).
            targets: (n, K) shares of the classes, each row summing to 1.
            ridge: strength.

        Raises:
            UserError: shapes that do not fit, numbers that are not finite.
        """
        from scipy.optimize import minimize

        x, y = np.asarray(vectors, dtype=np.float64), np.asarray(targets, dtype=np.float64)
        if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or not len(x):
            raise UserError(f"vectors {x.shape} and targets {y.shape} do not fit")
        if not np.isfinite(x).all() or not np.isfinite(y).all():
            raise UserError("a vector or a target is NaN or infinite")
        mean, sd = x.mean(0), x.std(0)
        scale = np.where(sd > 1e-12, sd, 1.0)
        z = np.hstack([(x - mean) / scale, np.ones((len(x), 1))])
        shape = (z.shape[1], y.shape[1])

        def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            w = flat.reshape(shape)
            logits = z @ w
            top = logits.max(1, keepdims=True)
            log_p = logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))
            slope = z.T @ (np.exp(log_p) - y) / len(z)
            slope[:-1] += ridge * w[:-1]
            return float(-(y * log_p).sum() / len(z) + 0.5 * ridge * (w[:-1] ** 2).sum()), slope.ravel()

        start = np.zeros(shape)
        start[-1] = np.log(np.maximum(y.mean(0), 1e-3))
        result = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": ROUNDS})
        return cls(mean=mean, scale=scale, weights=result.x.reshape(shape))

    def probabilities(self, vectors: Floats) -> Floats:
        """(n, K)."""
        z = (np.asarray(vectors, dtype=np.float64) - self.mean) / self.scale
        logits = z @ self.weights[:-1] + self.weights[-1]
        shares: Floats = np.exp(logits - logits.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True)


def held_out(vectors: Floats, targets: Floats, parts: Sequence[int], ridge: float) -> Floats:
    """(n, K) probabilities of each part by a head that was fitted to the others."""
    part = np.asarray(parts)
    shares = np.empty_like(targets, dtype=np.float64)
    for one in np.unique(part):
        rest = part != one
        shares[~rest] = LinearHead.fit(vectors[rest], targets[rest], ridge).probabilities(vectors[~rest])
    return shares


def best_ridge(vectors: Floats, targets: Floats, parts: Sequence[int]) -> tuple[float, Floats]:
    """The ridge that predicts held-out parts best, and its probabilities (n, K) of them."""
    tried = {ridge: held_out(vectors, targets, parts, ridge) for ridge in RIDGES}
    scores = {ridge: float((targets * np.log(np.maximum(p, 1e-12))).sum(1).mean()) for ridge, p in tried.items()}
    best = max(scores, key=scores.__getitem__)
    return best, tried[best]
