"""Direct Preference Optimisation of a stance policy (Rafailov et al. 2023, arXiv 2305.18290, equation 7).

    loss = sum_q u_q [ -y_q log sigma(m_q) - (1 - y_q) log sigma(-m_q) ] + ridge / 2 |theta - theta_ref|^2
    m_q  = beta_dpo * [ log pi(a)/ref(a) - log pi(b)/ref(b) ]

In a comparison of two options of one item the normalisers cancel, so the margin is a difference of logits. With the
stage's own first policy as reference the margin is 0 before the first step and its minimum *adds* the human's
preference, divided by beta_dpo, to what the reference prefers: nothing drifts and the policy still moves, every
century again. With a uniform reference and beta_dpo = 1 the minimum is the human's own choice model.
"""

from __future__ import annotations

import torch
from torch import Tensor

from progressgym.agents.align.newton import solve


def dpo_margins(features: Tensor, offsets: Tensor, theta: Tensor, reference: Tensor | None, beta_dpo: float) -> Tensor:
    """m (B, Q): the scaled difference between what the policy and what the reference prefers.

    Args:
        features: (B, Q, D) scale * (Phi_a - Phi_b).
        offsets: (B, Q) c_a - c_b.
        theta: (B, D) of the policy.
        reference: (B, D) of the reference policy; None for the uniform one.
        beta_dpo: how strongly the policy is held to the reference.
    """
    if reference is not None:
        return beta_dpo * torch.bmm(features, (theta - reference)[..., None])[..., 0]
    return beta_dpo * (torch.bmm(features, theta[..., None])[..., 0] + offsets)


def dpo_update(
    features: Tensor,
    offsets: Tensor,
    targets: Tensor,
    weights: Tensor,
    start: Tensor,
    *,
    beta_dpo: float,
    ridge: float,
    uniform: bool,
) -> Tensor:
    """The minimum of the loss.

    Args:
        features: (B, Q, D) scale * (Phi_a - Phi_b).
        offsets: (B, Q) c_a - c_b.
        targets: y (B, Q).
        weights: u (B, Q).
        start: (B, D) the policy that the stage begins with; the reference unless `uniform`.
        beta_dpo: see `dpo_margins`.
        ridge: precision of a weak Gaussian prior around `start`; separable preferences have no finite optimum else.
        uniform: use the uniform policy as reference.

    Returns:
        theta (B, D).
    """
    slopes = beta_dpo * features
    if uniform:
        return solve(slopes, beta_dpo * offsets, targets, weights, start, ridge)
    shift = solve(slopes, torch.zeros_like(offsets), targets, weights, torch.zeros_like(start), ridge)
    return start + shift
