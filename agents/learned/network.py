"""A small network that says how much every century seen counts for a forecast.

All 19 directions of the evidence share it. For a direction it gives one signed weight a century; the forecast is the
weighted sum of the direction's own signals, so it is odd and homogeneous in them by construction: what is learned is
how paths move and how noisy they are, never which way. The weights are read off

    * how residuals and signals vary together over centuries (the shape of the dynamics)
    * how strongly the direction was asked about
    * how many centuries were seen, how far ahead to look and what kind of labels there are

Legend of shapes: B episodes, D = 19 directions, t centuries seen (at most SEEN), F features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from progressgym.agents.filters.directions import Evidence

SEEN = 8
"""Centuries that the network can look back; of a longer history it sees the newest."""
AHEAD = 3
"""Furthest horizon that it was trained for."""
HIDDEN = 96
TINY = 1e-12
_UPPER = SEEN * (SEEN + 1) // 2
FEATURES = 2 * _UPPER + 3 + SEEN + (AHEAD + 1) + 1


class Attention(nn.Module):
    """Weights over centuries, and how much a pair's own part will vary."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(FEATURES, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, SEEN + 1)
        )
        nn.init.zeros_(self.body[-1].weight)  # type: ignore[arg-type]  # Sequential does not tell its layers' types
        nn.init.zeros_(self.body[-1].bias)  # type: ignore[arg-type]

    def forward(self, evidence: Evidence, ahead: int | Tensor, sampled: Tensor) -> tuple[Tensor, Tensor]:
        """Forecast.

        Args:
            evidence: of t centuries; its signals may be padded with zeros beyond `seen` of a row, see `features`.
            ahead: how many centuries after the last one seen, 0 to AHEAD; one a row (B,) or one for all.
            sampled: (B,) 1 where labels are sampled.

        Returns:
            (B, D) forecast of strength * stance along the directions, and (B,) log variance of a pair's own part, in
            the units of the evidence.
        """
        inputs, signal, scale = features(evidence, ahead, sampled)
        out = self.body(inputs)
        last = signal.shape[-1]
        mean = (out[..., :last] * signal).sum(-1)
        asked = (evidence.strength > 0).to(out.dtype)
        own = (out[..., SEEN] * asked).sum(-1) / asked.sum(-1).clamp(min=1.0)
        return mean, own + 2.0 * scale.log()


def features(evidence: Evidence, ahead: int | Tensor, sampled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the network sees.

    Rows of a training batch may have seen different numbers of centuries: those that a row has not seen are zero in
    signal and scatter.

    Returns:
        (B, D, F) features, the signals (B, D, t) that are weighed, and the scale (B,) that they are measured against.
    """
    signal, scatter = evidence.signal[..., -SEEN:], evidence.scatter[..., -SEEN:, -SEEN:]
    rows, directions = signal.shape[:2]
    count = (scatter.diagonal(dim1=1, dim2=2) > 0).sum(-1).clamp(min=1)  # (B,)
    residual = scatter / evidence.free.clamp(min=1.0)[:, None, None]
    variance = residual.diagonal(dim1=1, dim2=2).sum(-1) / count
    scale = variance.clamp(min=TINY).sqrt()
    asked = (evidence.strength > 0).sum(-1).clamp(min=1)
    together = torch.bmm(signal.transpose(1, 2), signal) / asked[:, None, None]
    shared = torch.cat([_table(residual, scale), _table(together, scale)], -1)
    steps = nn.functional.one_hot(count - 1, SEEN).to(signal.dtype)
    lead = torch.as_tensor(ahead, device=signal.device).expand(rows).clamp(0, AHEAD)
    horizon = nn.functional.one_hot(lead, AHEAD + 1).to(signal.dtype)
    noise = torch.stack([sampled.to(signal.dtype), scale.log().clamp(-8, 3)], -1)
    per_row = torch.cat([shared, steps, horizon, noise], -1)
    power = evidence.strength**2
    mean_power = power.sum(-1, keepdim=True) / (evidence.free + asked)[:, None].clamp(min=1.0)
    relative = (power / mean_power.clamp(min=TINY)).clamp(min=TINY).log().clamp(-3, 8)[..., None]
    root = relative.mul(0.5).exp()
    return torch.cat([per_row[:, None].expand(-1, directions, -1), relative, 0.1 * root], -1), signal, scale


def _table(matrix: Tensor, scale: Tensor) -> Tensor:
    """(B, SEEN (SEEN + 1) / 2) signed square roots of a symmetric matrix in units of the scale, padded with zeros."""
    seen = matrix.shape[-1]
    relative = matrix / (scale**2)[:, None, None]
    rooted = relative.sign() * relative.abs().sqrt().clamp(max=10.0)
    full = nn.functional.pad(rooted, (0, SEEN - seen, 0, SEEN - seen))
    row, column = torch.triu_indices(SEEN, SEEN, device=matrix.device)
    return full[:, row, column]
