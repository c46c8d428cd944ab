"""One solver for all alignment methods of the stance policy: a convex loss of margins with a ridge, a batch at once.

    minimise over theta   sum_q u_q L(m_q, y_q) + ridge / 2 |theta - centre|^2,   m = X theta + o

L is the cross-entropy of logistic regression or another one of `progressgym.losses`. The problem has 19 unknowns and is
strictly convex, so damped Newton steps reach its only minimum in a handful of
rounds, where gradient descent would need hundreds and a learning rate. Each row of a batch stops for itself: a row's
result does not depend on which other rows were solved beside it.

Legend of shapes: B rows of the batch, Q comparisons, D = 19.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from progressgym.core.errors import UserError
from progressgym.core.late import Late
from progressgym.losses import Loss, derivatives, sigmoid, weighted

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")


ROUNDS = 100
HALVINGS = 40
TOLERANCE = 1e-18
"""A row stops when half its Newton decrement, the expected improvement of the loss, falls below this."""
STUCK = 1e-9
"""A row that has not come as near as this after all rounds is at a corner, not at a minimum."""
GRID = 2.0**20
"""Solutions are rounded to multiples of 1 / GRID, far below what moves a score: the last bits of matrix products
differ between processors and batch sizes, results must not."""


def solve(
    features: Tensor,
    offsets: Tensor,
    targets: Tensor,
    weights: Tensor,
    centre: Tensor,
    ridge: float,
    loss: Loss = sigmoid,
) -> Tensor:
    """The minimum for every row of a batch.

    Args:
        features: X (B, Q, D).
        offsets: o (B, Q).
        targets: y (B, Q) in [0, 1].
        weights: u (B, Q), >= 0.
        centre: (B, D) centre of the Gaussian prior, and where the search begins.
        ridge: its precision, > 0.
        loss: L, convex and without corners.

    Returns:
        theta (B, D), float64, on the grid.

    Raises:
        UserError: a loss with corners, on which Newton's steps do not settle.
    """
    theta = centre.clone()
    identity = ridge * torch.eye(theta.shape[1], dtype=theta.dtype, device=theta.device)
    active = torch.ones(len(theta), dtype=torch.bool, device=theta.device)
    margins = _margins(features, offsets, theta)
    total = _total(loss, margins, targets, weights, theta - centre, ridge)
    for _ in range(ROUNDS):
        slope, curvature = derivatives(loss, margins, targets, weights)
        gradient = _back(features, slope) + ridge * (theta - centre)
        hessian = torch.bmm((features * curvature[..., None]).transpose(1, 2), features) + identity
        step = torch.linalg.solve(hessian, gradient)
        decrement = (gradient * step).sum(-1)
        active = active & (decrement > 2.0 * TOLERANCE)
        if not bool(active.any()):
            break
        size = torch.where(active, 1.0, 0.0).to(theta.dtype)
        for _ in range(HALVINGS):
            trial = theta - size[:, None] * step
            trial_margins = _margins(features, offsets, trial)
            trial_total = _total(loss, trial_margins, targets, weights, trial - centre, ridge)
            # The slack lets the last round pass, whose gain is smaller than the rounding of the loss.
            poor = active & (trial_total > total - 0.25 * size * decrement + 1e-12 * total.abs())
            if not bool(poor.any()):
                break
            size = torch.where(poor, 0.5 * size, size)
        theta = torch.where(active[:, None], trial, theta)
        margins = torch.where(active[:, None], trial_margins, margins)
        total = torch.where(active, trial_total, total)
    else:
        if loss is not sigmoid and bool((active & (decrement > STUCK)).any()):
            raise UserError(
                "this loss has corners, where the stance solver does not settle; use a smooth one: sigmoid, ipo"
            )
    return torch.round(theta * GRID) / GRID


def _margins(features: Tensor, offsets: Tensor, theta: Tensor) -> Tensor:
    return torch.bmm(features, theta[..., None])[..., 0] + offsets


def _back(features: Tensor, residuals: Tensor) -> Tensor:
    return torch.bmm(residuals[:, None, :], features)[:, 0]


def _total(loss: Loss, margins: Tensor, targets: Tensor, weights: Tensor, shift: Tensor, ridge: float) -> Tensor:
    return weighted(loss, margins, targets, weights).sum(-1) + 0.5 * ridge * (shift * shift).sum(-1)
