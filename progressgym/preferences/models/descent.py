"""One optimiser for all preference models that have no closed form: L-BFGS, a batch of problems at once.

    minimise over theta_b   f_b(theta_b)      for every row b of a batch, each for itself

Two-loop recursion (Nocedal 1980, Mathematics of Computation 35, 773-782) with backtracking line searches, from a metric of the
model's own where it has one: preferences of loadings are ill-conditioned, and with the curvature of the linear part as the
first metric thirty steps do what takes three hundred without. The gradients come from automatic differentiation of the sum,
in which every row has its own parameters. A row that has converged stands still while others go on, so that a row's result
does not depend on what was solved beside it. A step that went too far is cut for the few rows that it concerns, and only
these are asked again: with a thousand rows there is always one.

Legend of shapes: B rows of the batch, P parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from progressgym.core.late import Late

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")


Objective = Callable[["Tensor", "Tensor | None"], "Tensor"]
"""theta (b, P) of some rows, and their indices (b,), or None for all B -> losses (b,)."""
Metric = Callable[["Tensor"], "Tensor"]
"""Gradients (B, P) -> about the inverse Hessian times them (B, P); symmetric and positive definite."""
ROUNDS = 200
MEMORY = 8
SHORTER = 0.2
"""How much a step that did not go down is cut, at most `CUTS` times."""
CUTS = 6
SLACK = 1e-13
"""Of |f|: what rounding hides is no reason to cut a step."""
TOLERANCE = 1e-6
"""A row stops when no component of its gradient is larger, in units of 1 + |f|."""
DECREASE = 1e-4
"""Armijo's share of the expected decrease."""


def gradient(objective: Objective, theta: Tensor, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """f (b,) and its gradient (b, P) of some rows, all of them by default."""
    with torch.enable_grad():
        at = theta.detach().requires_grad_()
        value = objective(at, rows)
        (slope,) = torch.autograd.grad(value.sum(), at)
    return value.detach(), slope


def minimise(
    objective: Objective,
    start: Tensor,
    *,
    metric: Metric | None = None,
    rounds: int = ROUNDS,
    tolerance: float = TOLERANCE,
) -> Tensor:
    """A local minimum of every row.

    Args:
        objective: f.
        start: (B, P) where the search begins.
        metric: the first guess of the inverse Hessian.
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
        along = _direction(slope, steps, metric)
        descent = (along * slope).sum(-1)
        along = torch.where((descent < 0)[:, None], along, -slope)
        descent = (along * slope).sum(-1)
        # Without memory and metric the length of a step is unknown: not further than 1.
        size = torch.ones_like(value) if steps or metric else 1.0 / slope.norm(dim=-1).clamp(min=1.0)
        size = torch.where(active, size, 0.0)
        poor, trial_value, turned = active, value, slope
        for _ in range(CUTS):
            trial = theta + size[:, None] * along
            trial_value, turned = _asked_again(objective, trial, poor, trial_value, turned)
            poor = poor & ~(trial_value <= value + DECREASE * size * descent + SLACK * value.abs())
            if not bool(poor.any()):
                break
            size = torch.where(poor, SHORTER * size, size)
        active = active & ~poor
        moved = torch.where(active[:, None], trial - theta, 0.0)
        change = torch.where(active[:, None], turned - slope, 0.0)
        curvature = (moved * change).sum(-1)
        # A row that stands still, or bends downwards, leaves no trace in its memory.
        sure = curvature > 1e-12 * (change * change).sum(-1)
        steps = [*steps, (moved, change, torch.where(sure, 1.0 / torch.where(sure, curvature, 1.0), 0.0))][-MEMORY:]
        theta = torch.where(active[:, None], trial, theta)
        value, slope = torch.where(active, trial_value, value), torch.where(active[:, None], turned, slope)
    return theta


def _asked_again(
    objective: Objective, theta: Tensor, asked: Tensor, value: Tensor, slope: Tensor
) -> tuple[Tensor, Tensor]:
    """f (B,) and its gradient (B, P), new ones where `asked` (B,) says so."""
    rows = asked.nonzero()[:, 0]
    if 2 * len(rows) > len(theta):  # picking them out would cost more than it saves
        return gradient(objective, theta)
    own, steep = gradient(objective, theta[rows], rows)
    return value.index_copy(0, rows, own), slope.index_copy(0, rows, steep)


def _direction(slope: Tensor, steps: Sequence[tuple[Tensor, Tensor, Tensor]], metric: Metric | None) -> Tensor:
    """Minus the inverse Hessian times the gradient, as far as the last steps tell."""
    along, shares = -slope, []
    for moved, change, rho in reversed(steps):
        share = rho * (moved * along).sum(-1)
        along = along - share[:, None] * change
        shares.append(share)
    if metric is not None:
        along = metric(along)
    elif steps:
        moved, change, rho = steps[-1]
        ratio = (moved * change).sum(-1) / (change * change).sum(-1).clamp(min=1e-300)
        along = torch.where(rho > 0, ratio, 1.0)[:, None] * along
    for (moved, change, rho), share in zip(steps, reversed(shares), strict=True):
        along = along + (share - rho * (change * along).sum(-1))[:, None] * moved
    return along
