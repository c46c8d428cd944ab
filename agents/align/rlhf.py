"""RLHF of a stance policy: a Bradley-Terry reward model, then the exact optimum of KL-regularised reward.

    reward model   r(i, k) = scale * Phi[i, k] . w,   P(a over b) = sigma(r_a - r_b),   w ~ N(0, I / ridge)
    policy         max over pi of E[r] - beta_kl KL(pi | ref)   =>   pi* ~ ref * exp(r / beta_kl)

On finitely many options the optimum needs no sampling and no policy gradient (Ziegler et al. 2019, arXiv 1909.08593,
equation 3). A stance reward keeps a stance policy in its family: theta = theta_ref + w / beta_kl. As with DPO, the
human's preference is *added* to the reference; a uniform reference with beta_kl = 1 gives the human's own choice model
instead, projected onto the policies that the base answers allow.
"""

from __future__ import annotations

import torch
from torch import Tensor

from progressgym.agents.align.newton import GRID, solve

JITTER = 1e-6
"""Ridge of the projection: the worldview block has a direction that moves no answer."""


def reward_weights(features: Tensor, targets: Tensor, weights: Tensor, *, ridge: float) -> Tensor:
    """w (B, D) of the reward model.

    Args:
        features: (B, Q, D) scale * (Phi_a - Phi_b).
        targets: (B, Q) probability that a is preferred.
        weights: (B, Q) of the comparisons.
        ridge: precision of the Gaussian prior around 0.
    """
    nothing = torch.zeros(len(features), features.shape[-1], dtype=features.dtype, device=features.device)
    return solve(features, torch.zeros_like(targets), targets, weights, nothing, ridge)


def rlhf_update(
    features: Tensor,
    targets: Tensor,
    weights: Tensor,
    start: Tensor,
    *,
    beta_kl: float,
    ridge: float,
    unexplained: Tensor | None = None,
) -> Tensor:
    """The exact optimum.

    Args:
        features: (B, Q, D) scale * (Phi_a - Phi_b).
        targets: y (B, Q).
        weights: u (B, Q).
        start: (B, D) the reference, unless it is uniform.
        beta_kl: price of a nat of KL divergence in units of reward.
        ridge: of the reward model.
        unexplained: (B, D) for a uniform reference: the stance that the base answers express already, see
            `base_stance`; it is taken off, because the policy adds it again.

    Returns:
        theta (B, D).
    """
    reward = reward_weights(features, targets, weights, ridge=ridge) / beta_kl
    return start + reward if unexplained is None else reward - unexplained


def base_stance(design: Tensor, base: Tensor) -> Tensor:
    """Least-squares stance of base log-odds: the projection of the base onto the span of the stances.

    Args:
        design: (N * K, D) scale * Phi, padded options 0.
        base: (B, N * K) centred log-odds, padded options 0.

    Returns:
        (B, D), on the solver's grid.
    """
    identity = torch.eye(design.shape[1], dtype=design.dtype, device=design.device)
    inverse = torch.linalg.inv(design.T @ design + JITTER * identity)
    stance = (base[:, :, None] * design).sum(1) @ inverse
    return torch.round(stance * GRID) / GRID
