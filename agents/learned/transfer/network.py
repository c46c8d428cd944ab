"""The network of `attention-v2`: as `learned.network`, with inputs that mean the same on every questionnaire.

For each direction of the stance it gives one signed weight a step; the forecast is the weighted sum of the direction's own
signals. Every input is even in the signals and free of their unit, so the forecast is odd and homogeneous in them:

    shape      how residuals, all signals, all signals in units of what they should be if no dimension stood out, and the
               direction's own signals vary together over steps; each table in units of its own mean
    size       the logarithm of that mean, relative to the residuals'
    questions  how strongly the direction was asked about, how much of it is the common course, how many directions and
               residual degrees of freedom there are, the kind of labels
    time       how many steps were seen, how many of them lie before the window, how far ahead to look

Legend of shapes: B episodes, E directions, t steps seen (at most SEEN), F inputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from progressgym.agents.filters.directions import Evidence

SEEN = 10
"""Steps that the network can look back; of a longer history it sees the newest."""
AHEAD = 4
"""Furthest horizon that it was trained for."""
HIDDEN = 96
TINY = 1e-12
_UPPER = SEEN * (SEEN + 1) // 2
INPUTS = 4 * (_UPPER + 1) + SEEN + (AHEAD + 1) + 5 + 2


class TransferAttention(nn.Module):
    """Weights over steps, and how much a pair's own part will vary."""

    def __init__(self) -> None:
        """Make the layers; before training the forecast is that nothing moves."""
        super().__init__()
        last = nn.Linear(HIDDEN, SEEN + 1)
        self.body = nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU(), last)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, evidence: Evidence, ahead: Tensor, before: Tensor, sampled: Tensor) -> tuple[Tensor, Tensor]:
        """Forecast.

        Args:
            evidence: of the window; signals and scatter are 0 in steps that a row has not seen.
            ahead: (B,) how many steps after the last one seen, 0 to AHEAD.
            before: (B,) how many steps lie between step 0 and the window.
            sampled: (B,) 1 where labels are sampled.

        Returns:
            (B, E) forecast of strength * stance along the directions, and (B,) log variance of a pair's own part, in
            the units of the evidence.
        """
        window = evidence.signal[..., -SEEN:]
        seen, scale = inputs(evidence, ahead, before, sampled)
        out = self.body(seen)
        mean = (out[..., : window.shape[-1]] * window).sum(-1)
        asked = (evidence.strength > 0).to(out.dtype)
        own = (out[..., SEEN] * asked).sum(-1) / asked.sum(-1).clamp(min=1.0)
        return mean, own + scale.log()


def inputs(evidence: Evidence, ahead: Tensor, before: Tensor, sampled: Tensor) -> tuple[Tensor, Tensor]:
    """What the network sees: (B, E, F), and the mean residual variance (B,) that sizes are measured against."""
    signal, scatter = evidence.signal[..., -SEEN:], evidence.scatter[..., -SEEN:, -SEEN:]
    kind, directions = signal.dtype, signal.shape[1]
    residual = scatter / evidence.free.clamp(min=1.0)[:, None, None]
    count = (scatter.diagonal(dim1=1, dim2=2) > 0).sum(-1).clamp(min=1)
    scale = (residual.diagonal(dim1=1, dim2=2).sum(-1) / count).clamp(min=TINY)
    asked = (evidence.strength > 0).sum(-1).clamp(min=1)
    power = evidence.strength**2
    mean_power = power.sum(-1) / (evidence.free + asked).clamp(min=1.0)
    relative = power / mean_power.clamp(min=TINY)[:, None]
    even = signal / (1.0 + relative).sqrt()[..., None]
    tables = [
        _table(residual, scale, count),
        _table(signal.transpose(1, 2) @ signal / asked[:, None, None], scale, count),
        _table(even.transpose(1, 2) @ even / asked[:, None, None], scale, count),
    ]
    steps = nn.functional.one_hot(count - 1, SEEN).to(kind)
    horizon = nn.functional.one_hot(ahead.clamp(0, AHEAD), AHEAD + 1).to(kind)
    features = torch.stack(
        [
            sampled.to(kind),
            sampled.to(kind) * scale.log().clamp(-3, 3),
            evidence.free.clamp(min=1.0).log() / 3.0,
            asked.to(kind) / 10.0,
            before.to(kind).log1p(),
        ],
        -1,
    )
    row = torch.cat([*tables, steps, horizon, features], -1)
    own = _table(
        (signal[..., :, None] * signal[..., None, :]).flatten(0, 1),
        scale.repeat_interleave(directions),
        count.repeat_interleave(directions),
    ).reshape(len(signal), directions, -1)
    common = evidence.directions[:, -1, :] ** 2
    alone = torch.stack([relative.clamp(min=TINY).log().clamp(-6, 8) / 3.0, common], -1)
    return torch.cat([row[:, None].expand(-1, directions, -1), own, alone], -1), scale


def _table(matrix: Tensor, scale: Tensor, count: Tensor) -> Tensor:
    """(R, SEEN (SEEN + 1) / 2 + 1) a symmetric matrix in units of its mean variance, padded, and the log of that."""
    mean = matrix.diagonal(dim1=1, dim2=2).sum(-1) / count
    shape = (matrix / mean.clamp(min=TINY)[:, None, None]).clamp(-SEEN, SEEN)
    missing = SEEN - matrix.shape[-1]
    row, column = torch.triu_indices(SEEN, SEEN, device=matrix.device)
    size = (mean / scale).clamp(min=TINY).log().clamp(-8, 8) / 3.0
    return torch.cat([nn.functional.pad(shape, (0, missing, 0, missing))[:, row, column], size[:, None]], -1)
