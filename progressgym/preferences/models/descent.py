"""One optimiser for all preference models that have no closed form: L-BFGS, a batch of problems at once.

    minimise over theta_b   f_b(theta_b)      for every row b of a batch, each for itself

Two-loop recursion (Nocedal 1980, Mathematics of Computation 35, 773-782) with backtracking line searches. The gradients come
from automatic differentiation of the sum, in which every row has its own parameters. A row that has converged stands still
while others go on, so that a row's result does not depend on what was solved beside it.

Legend of shapes: B rows of the batch, P parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Objective = Callable[[Tensor], Tensor]
"""theta (B, P) -> losses (B,)."""
ROUNDS = 200
MEMORY = 8
HALVINGS = 20
TOLERANCE = 1e-6
"""A row stops when no component of its gradient is larger, in units of 1 + |f|."""
DECREASE = 1e-4
"""Armijo's share of the expected decrease."""


def gradient(objective: Objective, theta: Tensor) -> tuple[Tensor, Tensor]:
    """f (B,) and its gradient (B, P)."""
    with torch.enable_grad():
        at = theta.detach().requires_grad_()
        value = objective(at)
        (slope,) = torch.autograd.grad(value.sum(), at)
    return value.detach(), slope


def minimise(objective: Objective, start: Tensor, *, rounds: int = ROUNDS, tolerance: float = TOLERANCE) -> Tensor:
    """A local minimum of every row.

    Args:
        objective: f.
        start: (B, P) where the search begins.
        rounds: at most so many steps.
        tolerance: see `TOLERANCE`.
    """
    theta = start.clone()
    value, slope = gradient(objective, theta)
    steps: list[tuple[Tensor, Tensor, Tensor]] = []
    active = torch.ones(len(theta), dtype=torch.bool, device=theta.device)
    for _ in range(rounds):
        active = active & (slope.abs().amax(-1) > tolerance * (1.0 + value.abs()))
        if not bool(active.any()):
            break
        along = _direction(slope, steps)
        descent = (along * slope).sum(-1)
        along = torch.where((descent < 0)[:, None], along, -slope)
        descent = (along * slope).sum(-1)
        # Without a memory the length of a step is unknown: not further than 1.
        size = torch.ones_like(value) if steps else 1.0 / slope.norm(dim=-1).clamp(min=1.0)
        size = torch.where(active, size, 0.0)
        for _ in range(HALVINGS):
            trial = theta + size[:, None] * along
            found, turned = gradient(objective, trial)
            poor = active & ~(found <= value + DECREASE * size * descent)
            if not bool(poor.any()):
                break
            size = torch.where(poor, 0.5 * size, size)
        active = active & ~poor
        moved = torch.where(active[:, None], trial - theta, 0.0)
        change = torch.where(active[:, None], turned - slope, 0.0)
        curvature = (moved * change).sum(-1)
        # A row that stands still, or bends downwards, leaves no trace in its memory.
        sure = curvature > 1e-12 * (change * change).sum(-1)
        steps = [*steps, (moved, change, torch.where(sure, 1.0 / torch.where(sure, curvature, 1.0), 0.0))][-MEMORY:]
        theta = torch.where(active[:, None], trial, theta)
        value, slope = torch.where(active, found, value), torch.where(active[:, None], turned, slope)
    return theta


def _direction(slope: Tensor, steps: Sequence[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Minus the inverse Hessian times the gradient, as far as the last steps tell."""
    along, shares = -slope, []
    for moved, change, rho in reversed(steps):
        share = rho * (moved * along).sum(-1)
        along = along - share[:, None] * change
        shares.append(share)
    scale = torch.ones_like(slope[:, 0])
    for moved, change, rho in steps:
        ratio = (moved * change).sum(-1) / (change * change).sum(-1).clamp(min=1e-300)
        scale = torch.where(rho > 0, ratio, scale)
    along = scale[:, None] * along
    for (moved, change, rho), share in zip(steps, reversed(shares), strict=True):
        along = along + (share - rho * (change * along).sum(-1))[:, None] * moved
    return along
