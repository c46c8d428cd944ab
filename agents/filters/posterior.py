"""Average over models of drift by their evidence, and say where the stance will be.

In the units of `Evidence`, with K the covariance of a model's path over the centuries seen,

    b_j ~ N(0, sigma^2 [ (rho s_j^2 + 1) K + psi I ])        residuals ~ N(0, sigma^2 [ K + psi I ])

The stance (variance rho) and every pair's own part (variance 1) follow the same kind of course; psi is noise that does
not persist. rho and psi run over a grid and sigma is set to its most likely value (for sampled labels sigma^2 psi is 1,
the known noise of the labels), so the process noise is chosen from the labels seen so far and from nothing else.
All matrices of a model share K's eigenvectors, so everything is a sum over eigenvalues. With sampled labels the
residuals are left out: the response to a rare label is far from Gaussian.

Legend of shapes: B episodes, M models, G grid points (psi x rho), D = 19 directions, t centuries seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from progressgym.agents.filters.directions import Evidence

SHARES = (0.02, 0.1, 0.3, 0.6, 0.9, 0.99)
"""Grid of rho for probability labels, as the share of a pair's drift that the stance explains."""
NOISES = (0.0, 0.01, 0.1, 0.5, 2.0)
"""Grid of psi for probability labels, relative to a pair's own drift at the end of the history."""
SAMPLED_SHARES = (0.03, 0.1, 0.3, 0.6, 0.9)
SAMPLED_NOISES = (3.0, 10.0, 30.0, 100.0)
"""The same for sampled labels: the noise of a label is known, so this grid is that of the drift's size."""
FLOOR = 1e-6
"""Smallest variance that is told from 0: labels are rounded, and a smooth model explains them to the last digit."""
TINY = 1e-30


@dataclass(kw_only=True, frozen=True, eq=False)
class Expectation:
    """What is expected of the target century."""

    stance: Tensor
    """(B, D) mean of the coordinates along `Evidence.directions`."""
    stance_variance: Tensor
    """(B, D)."""
    own_variance: Tensor
    """(B,) variance of a pair's own part, in log-odds."""
    smoothed: Tensor
    """(B, D, t) means in the centuries seen."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Forecast(Expectation):
    """The same by an average over models."""

    weights: Tensor
    """(B, M) posterior of the models."""


def forecast(evidence: Evidence, covariances: Tensor, prior: Tensor, target: int, *, sampled: bool) -> Forecast:
    """Posterior of the stance in a century, averaged over models.

    Args:
        evidence: of centuries 1 to t.
        covariances: (M, T, T) of the models' paths, century 0 included.
        prior: (M,) log prior of the models.
        target: index of the century to forecast; beyond the history it is an error.
        sampled: whether the noise of the labels is known to be 1.
    """
    seen = evidence.signal.shape[-1]
    values, vectors = torch.linalg.eigh(covariances[:, 1 : seen + 1, 1 : seen + 1])  # (M, t), (M, t, t)
    values = values.clamp(min=0.0)
    psi, rho = _grid(evidence, sampled)  # (G,), (B, G)
    signal = torch.einsum("bdt,mta->bmda", evidence.signal, vectors)  # (B, M, D, t)
    rest = torch.einsum("mta,btu,mua->bma", vectors, evidence.scatter, vectors).clamp(min=0.0)  # (B, M, t)
    gain = rho[:, :, None] * (evidence.strength**2)[:, None, :] + 1.0  # (B, G, D)
    spread = gain[:, None, :, :, None] * values[None, :, None, None, :] + psi[None, None, :, None, None]
    spread = spread.clamp(min=FLOOR)  # (B, M, G, D, t): variance of a direction in an eigendirection of time
    own = (values[:, None, :] + psi[None, :, None]).clamp(min=FLOOR)[None]  # (1, M, G, t): that of a pair's own part
    fit, size = _evidence(evidence, signal, rest, spread, own, psi if sampled else None)
    joint = torch.softmax((fit + prior[None, :, None]).flatten(1), -1).reshape(fit.shape)  # (B, M, G)

    cross = torch.einsum("mt,mta->ma", covariances[:, target, 1 : seen + 1], vectors)  # (M, t)
    ahead = covariances[:, target, target]  # (M,)
    slope = rho[:, None, :, None] * evidence.strength[:, None, None, :]  # (B, 1, G, D)
    pull = (joint[..., None, None] * slope[..., None] / spread).sum(2) * signal  # (B, M, D, t)
    explained = slope**2 * torch.matmul(1.0 / spread, (cross**2)[None, :, None, :, None])[..., 0]
    left = (rho[:, None, :, None] * ahead[None, :, None, None] - explained).clamp(min=0.0)  # (B, M, G, D)
    own_part = ahead[None, :, None] + (0.0 if sampled else psi[None, None, :])
    return Forecast(
        stance=torch.einsum("bmda,ma->bd", pull, cross),
        stance_variance=((joint * size)[..., None] * left).sum((1, 2)),
        own_variance=(joint * size * own_part).sum((1, 2)) / evidence.unit.clamp(min=TINY),
        weights=joint.sum(-1),
        smoothed=torch.einsum("bmda,ma,mta->bdt", pull, values, vectors),
    )


def _evidence(
    evidence: Evidence, signal: Tensor, rest: Tensor, spread: Tensor, own: Tensor, own_prior: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Log evidence and sigma^2, both (B, M, G).

    Args:
        evidence: for strengths and degrees of freedom.
        signal: (B, M, D, t) along the eigendirections of time.
        rest: (B, M, t) residual scatter along them.
        spread: (B, M, G, D, t) variances of the signal.
        own: (1, M, G, t) variances of the residuals.
        own_prior: psi (G,) when sigma^2 is 1 / psi: sampled labels. Their residuals are left out of the evidence, because
            a rare label's response is far from Gaussian.
    """
    asked = (evidence.strength > 0).to(spread.dtype)
    power = signal**2
    logdet = (spread.log().sum(-1) * asked[:, None, None, :]).sum(-1)
    count = asked.sum(-1)[:, None, None]
    if own_prior is not None:
        size = (1.0 / own_prior)[None, None, :].expand(logdet.shape)
        terms = torch.einsum("bmda,bmgda->bmg", power, 1.0 / spread)
        return -0.5 * (logdet + count * signal.shape[-1] * size.log() + terms / size), size
    free = evidence.free[:, None, None]
    # Moments of all centuries together: a variance fitted to each model would fall with every direction that a smooth
    # path leaves empty.
    size = rest.sum(-1)[:, :, None] / (free * own.sum(-1)).clamp(min=TINY)
    total = (spread * asked[:, None, None, :, None]).sum((-1, -2))
    size = torch.where(free > 0, size, power.sum((-1, -2))[:, :, None] / total.clamp(min=TINY)).clamp(min=TINY)
    residuals = free * (own.log().sum(-1) + signal.shape[-1] * size.log())
    residuals = residuals + torch.matmul(1.0 / own, rest[:, :, :, None])[..., 0] / size
    # The residuals choose K and psi. The signals choose rho, and are held against what the residuals really are: a
    # model that is wrong about the path shall not be wrong about how much of it is common.
    real = torch.where(free[..., None] > 0, rest[:, :, None] / free[..., None].clamp(min=1.0), size[..., None] * own)
    real = real.clamp(min=TINY).maximum(FLOOR * real.amax(-1, keepdim=True))  # (B, M, G, t)
    ratio = own[:, :, :, None] / spread  # 1 / (1 + the share of the stance in a direction)
    terms = torch.einsum("bmda,bmgda->bmg", power, ratio / real[:, :, :, None])
    return -0.5 * (residuals + logdet - count * own.log().sum(-1) + terms), size


def _grid(evidence: Evidence, sampled: bool) -> tuple[Tensor, Tensor]:
    """psi (G,) and rho (B, G)."""
    dtype, device = evidence.signal.dtype, evidence.signal.device
    psi = torch.tensor(SAMPLED_NOISES if sampled else NOISES, dtype=dtype, device=device)
    share = torch.tensor(SAMPLED_SHARES if sampled else SHARES, dtype=dtype, device=device)
    odds = share / (1.0 - share)
    # A share of c means that the stance adds c / (1 - c) times the own variance to the average response.
    per = (evidence.strength**2).sum(-1) / (evidence.free + (evidence.strength > 0).sum(-1)).clamp(min=1.0)
    rho = odds[None] / per.clamp(min=TINY)[:, None]
    return psi.repeat_interleave(len(odds)), rho.repeat(1, len(psi))
