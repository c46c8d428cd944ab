"""What the comparisons of several centuries say about the stance, in 19 independent directions, and how much is noise.

In log-odds a comparison is linear in the stance, y_{q,t} = x_q . theta_t + e_{q,t}, after the first century's log-odds
have been subtracted. e is the pair's own: it persists (the same pairs are asked every century, so it does not average
out over centuries), and sampled labels add noise that does not persist. With weights u_q the weighted least squares
problem has the normal matrix X'UX = V diag(s^2) V', and

    b_{j,t} = (V'X'U y_t)_j / s_j = s_j (V'theta_t)_j + noise of the variance of one pair's

are independent directions; what the stance cannot explain is left in the residual scatter over centuries. These are
sufficient: a model of the paths needs nothing else.

Sampled labels enter through their working response (Laplace): y = m + (label - p(m)) / w with p and w = p (1 - p) at a
guess m of the pair's log-odds, and u = w, so that their noise has variance 1.

Legend of shapes: B episodes, Q comparisons, t centuries seen (century 0 left out), D = 19 directions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

NULL = 1e-7
"""Directions with less than this share of the largest s^2 are not asked about at all."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Evidence:
    """Sufficient statistics of a batch."""

    directions: Tensor
    """V (B, D, D): columns are the directions in stance space."""
    strength: Tensor
    """s (B, D); 0 for a direction that nothing was asked about."""
    signal: Tensor
    """b (B, D, t)."""
    scatter: Tensor
    """(B, t, t) residual scatter."""
    free: Tensor
    """(B,) its degrees of freedom."""
    unit: Tensor
    """(B,) what a pair's variance of 1 in log-odds is in the units of b: its mean weight."""

    def to(self, dtype: torch.dtype) -> Evidence:
        """The same in another precision, for a network."""
        return Evidence(**{name: getattr(self, name).to(dtype) for name in self.__dataclass_fields__})

    def during(self, steps: slice) -> Evidence:
        """What some of the centuries say."""
        return replace(self, signal=self.signal[..., steps], scatter=self.scatter[..., steps, steps])


def collect(features: Tensor, responses: Tensor, weights: Tensor, pairs_free: Tensor) -> Evidence:
    """Reduce weighted responses to their sufficient statistics.

    Args:
        features: x (B, Q, D).
        responses: y (B, Q, t).
        weights: u (B, Q).
        pairs_free: (B,) how many independent numbers the responses of a century hold.
    """
    root = weights.sqrt()[..., None]
    x, y = features * root, responses * root
    values, directions = torch.linalg.eigh(torch.bmm(x.transpose(1, 2), x))
    there = values > NULL * values[:, -1:]
    strength = torch.where(there, values, 0.0).sqrt()
    projected = torch.bmm(directions.transpose(1, 2), torch.bmm(x.transpose(1, 2), y))
    signal = torch.where(there[..., None], projected / torch.where(there, strength, 1.0)[..., None], 0.0)
    scatter = torch.bmm(y.transpose(1, 2), y) - torch.bmm(signal.transpose(1, 2), signal)
    return Evidence(
        directions=directions,
        strength=strength,
        signal=signal,
        scatter=scatter,
        free=(pairs_free - there.sum(-1)).clamp(min=0.0),
        unit=weights.sum(-1) / (weights > 0).sum(-1).clamp(min=1),
    )
