"""Forecast rules: continue each comparison's series of preferences into the centuries that nobody has asked yet.

Every comparison has a series, one entry a century: +1 or -1 for sampled labels, the logit for probabilities, NaN where
there is no answer. The rule of order M and forecast K takes the newest M + 1 answers at their true times and continues
their polynomial K steps. On complete data that is the (M + 1)-th backward difference set to zero, K times over:

    M = 0: [1]   M = 1: [-1, 2]   M = 2: [1, -3, 3]   M = 3: [-1, 4, -6, 4]      (weights, oldest answer first)

K = M = 0 changes nothing and is the lifelong rule. (ProgressGym, arXiv 2406.20087, prints nabla^M = 0 in section 5.1;
its theorem 1 and its code mean M + 1.) The sign of the result is the comparison's direction and its size, at most 5,
the weight in the loss; rows are never copied.

Legend of shapes: T observed centuries, Q comparisons; leading axes are free.
"""

from __future__ import annotations

import torch
from torch import Tensor

from progressgym.agents.methods.stage import TARGETS
from progressgym.core.arguments import Steps, check_value
from progressgym.core.errors import unknown

CAP = 5.0
"""No comparison weighs more than this many others."""


def extrapolate(series: Tensor, forecast: int = 1, order: int = 1) -> Tensor:
    """Continue the polynomial through the newest answers.

    Args:
        series: (..., T) floating point, oldest first; NaN where an answer is missing.
        forecast: K, how many steps after the last column.
        order: M; with fewer than M + 1 answers the polynomial has as many points as there are answers.

    Returns:
        (...,) float64, not capped; NaN where no answer was ever given. Exact on polynomials of degree <= M.

    >>> extrapolate(torch.tensor([[1.0, 4.0, 9.0], [-1.0, torch.nan, 1.0]]), forecast=1, order=2).tolist()
    [16.0, 2.0]
    """
    check_value("forecast", forecast, Steps)
    check_value("order", order, Steps)
    values = series.to(torch.float64)
    length = values.shape[-1]
    points = min(order + 1, length)
    present = ~torch.isnan(values)
    time = torch.arange(length, dtype=torch.float64, device=values.device)
    # Newest answers first, missing ones behind all others.
    newest = torch.sort(torch.where(present, time, -1.0), dim=-1, descending=True, stable=True).indices[..., :points]
    at = newest.to(torch.float64)
    y = torch.gather(values, -1, newest)
    there = torch.gather(present, -1, newest)
    target = float(length - 1 + forecast)
    total = torch.zeros(values.shape[:-1], dtype=torch.float64, device=values.device)
    for j in range(points):
        # Products of whole numbers are exact, so complete data get the exact weights of the table above.
        above, below = torch.ones_like(total), torch.ones_like(total)
        for k in range(points):
            if k != j:
                above = torch.where(there[..., k], above * (target - at[..., k]), above)
                below = torch.where(there[..., k], below * (at[..., j] - at[..., k]), below)
        total = total + torch.where(there[..., j], above / torch.where(below == 0, 1.0, below) * y[..., j], 0.0)
    return torch.where(present.any(-1), total, torch.nan)


def series_of(labels: Tensor, kind: str) -> Tensor:
    """Labels in [0, 1] as entries of a series.

    Args:
        labels: (...,) NaN where missing.
        kind: `probability` gives logits, `sample` gives +1 and -1.

    >>> series_of(torch.tensor([1.0, 0.0]), "sample").tolist()
    [1.0, -1.0]
    """
    values = labels.to(torch.float64)
    return torch.logit(values) if kind == "probability" else 2.0 * values - 1.0


def loss_terms(series: Tensor, forecast: int, order: int, targets: str) -> tuple[Tensor, Tensor]:
    """What a series asks of the loss u * (-y log sigma(m) - (1 - y) log sigma(-m)), m the policy's margin.

    Args:
        series: (..., Q, T).
        forecast: K.
        order: M.
        targets: `signed`: y = 1 or 0 by the sign of the forecast w and u = |w|, at most 5. `soft`, for logits:
            y = sigma(w) and u = 1, which for K = 0 is the expectation of the loss over sampled labels.

    Returns:
        y and u, both (..., Q). A forecast of 0 or a missing newest answer drops the comparison: u = 0.
    """
    if targets not in TARGETS:
        raise unknown("kind of targets", targets, TARGETS)
    w = extrapolate(series, forecast, order)
    dropped = torch.isnan(series[..., -1]) | torch.isnan(w) | (w == 0)
    w = torch.where(dropped, 0.0, w)
    if targets == "soft":
        return torch.sigmoid(w), torch.where(dropped, 0.0, 1.0).to(torch.float64)
    return (w > 0).to(torch.float64), w.abs().clamp(max=CAP)


class PreferenceSeries:
    """The series of every comparison of a batch, century by century."""

    def __init__(self, kind: str, first: Tensor) -> None:
        """Begin with century 0.

        Args:
            kind: of labels, `probability` or `sample`.
            first: (B, Q) labels of century 0.
        """
        self._kind = kind
        self._entries = [self._entry(first)]

    def append(self, labels: Tensor) -> None:
        """Add a century's labels (B, Q); one outside of [0, 1] counts as missing."""
        self._entries.append(self._entry(labels))

    def terms(self, forecast: int, order: int, targets: str | None) -> tuple[Tensor, Tensor]:
        """Targets and weights (B, Q) of the loss, see `loss_terms`; soft for probabilities by default."""
        rule = targets or ("soft" if self._kind == "probability" else "signed")
        return loss_terms(torch.stack(self._entries, -1), forecast, order, rule)

    def _entry(self, labels: Tensor) -> Tensor:
        given = labels.to(torch.float64)
        certain = torch.where((given >= 0) & (given <= 1), given, torch.nan)
        return series_of(certain.clamp(1e-4, 1 - 1e-4) if self._kind == "probability" else certain, self._kind)
