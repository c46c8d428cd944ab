"""A linear head over vectors of texts: logistic regression with a ridge, on standardised features.

    z = (x - mean) / sd,   p = softmax(W z + b) over classes, or sigma(W z + b) for labels that do not exclude each other,
    minimise mean -log p(y | x) + ridge / 2 |W|^2

Legend of shapes: n texts, d features, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import Floats
from progressgym.core.errors import UserError
from progressgym.core.fits import lowest

RIDGES = (1.0, 0.3, 0.1)
"""Strengths that are tried, strongest first."""
ROUNDS = 100


@dataclass(kw_only=True, frozen=True, eq=False)
class LinearHead:
    """A fitted head."""

    mean: Floats
    """(d,)."""
    scale: Floats
    """(d,) standard deviations, 1 where a feature is the same for all."""
    weights: Floats
    """(d + 1, K); the last row is b."""
    exclusive: bool = True
    """Whether the K are classes of which one applies, or labels each of which may."""

    @classmethod
    def fit(cls, vectors: Floats, targets: Floats, ridge: float, *, exclusive: bool = True) -> LinearHead:
        """Fit to shares.

        Args:
            vectors: (n, d).
            targets: (n, K) shares of the classes, each row summing to 1; of labels, each from 0 to 1.
            ridge: strength.
            exclusive: see the field.

        Raises:
            UserError: shapes that do not fit, numbers that are not finite.

        Warns:
            FitWarning: `ROUNDS` were too few.
        """
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
            p = _shares(logits, exclusive)
            cost = -(y * _log(p)).sum() if exclusive else -(y * _log(p) + (1.0 - y) * _log(1.0 - p)).sum()
            slope = z.T @ (p - y) / len(z)
            slope[:-1] += ridge * w[:-1]
            return float(cost / len(z) + 0.5 * ridge * (w[:-1] ** 2).sum()), slope.ravel()

        start = np.zeros(shape)
        base = np.clip(y.mean(0), 1e-3, 1 - 1e-3)
        start[-1] = np.log(base) if exclusive else np.log(base / (1.0 - base))
        best = lowest(loss, start.ravel(), what=f"a head over vectors of {x.shape[1]} numbers", rounds=ROUNDS)
        return cls(mean=mean, scale=scale, weights=best.reshape(shape), exclusive=exclusive)

    def probabilities(self, vectors: Floats) -> Floats:
        """(n, K)."""
        z = (np.asarray(vectors, dtype=np.float64) - self.mean) / self.scale
        return _shares(z @ self.weights[:-1] + self.weights[-1], self.exclusive)


def held_out(vectors: Floats, targets: Floats, parts: Sequence[int], ridge: float, *, exclusive: bool = True) -> Floats:
    """(n, K) probabilities of each part by a head that was fitted to the others."""
    part = np.asarray(parts)
    shares = np.empty_like(targets, dtype=np.float64)
    for one in np.unique(part):
        rest = part != one
        head = LinearHead.fit(vectors[rest], targets[rest], ridge, exclusive=exclusive)
        shares[~rest] = head.probabilities(vectors[~rest])
    return shares


def best_ridge(vectors: Floats, targets: Floats, parts: Sequence[int]) -> tuple[float, Floats]:
    """The ridge that predicts held-out parts best, and its probabilities (n, K) of them."""
    tried = {ridge: held_out(vectors, targets, parts, ridge) for ridge in RIDGES}
    scores = {ridge: float((targets * np.log(np.maximum(p, 1e-12))).sum(1).mean()) for ridge, p in tried.items()}
    best = max(scores, key=scores.__getitem__)
    return best, tried[best]


def _shares(logits: Floats, exclusive: bool) -> Floats:
    if not exclusive:
        single: Floats = 1.0 / (1.0 + np.exp(-np.clip(logits, -500.0, 500.0)))
        return single
    odds: Floats = np.exp(logits - logits.max(1, keepdims=True))
    shares: Floats = odds / odds.sum(1, keepdims=True)
    return shares


def _log(shares: Floats) -> Floats:
    logs: Floats = np.log(np.maximum(shares, 1e-300))
    return logs
