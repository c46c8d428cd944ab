"""Synthetic paths to learn from: random dynamics, reduced to the evidence that an agent would have of them.

None of the seven families that agents are benchmarked on is among them. A course is drawn from a random mixture of

    smooth       squared-exponential, with a random length
    wandering    a random walk of the slope
    erratic      Ornstein-Uhlenbeck with a random memory
    ringing      a damped oscillation with a random period and decay
    passing      one S-shaped change, at a random time and of a random duration

and moves stance and items' own parts alike (mostly) or differently. Paths are drawn in the space of `Evidence`:
everything that an agent can use, without the detour over questionnaires.

Legend of shapes: B episodes, T centuries, D directions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from progressgym.agents.filters.directions import Evidence
from progressgym.agents.learned.network import AHEAD, SEEN

CENTURIES = SEEN + 1
KINDS = 5
SAME = 0.8
"""Chance that stance and own parts follow the same mixture."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Lesson:
    """A batch to learn from."""

    evidence: Evidence
    ahead: Tensor
    """(B,) how far ahead."""
    sampled: Tensor
    """(B,) 1 where labels are sampled."""
    target: Tensor
    """(B, D) strength * stance in the target century."""
    own: Tensor
    """(B,) variance of a pair's own part there, never less than a hundredth of its mean over centuries."""
    size: Tensor
    """(B,) mean variance of a direction's signal over centuries: what errors are measured against."""


def covariances(rows: int, random: torch.Generator, time: Tensor | None = None) -> Tensor:
    """(B, T, T) of random dynamics, 0 in century 0, with a mean variance of 1 over the later centuries.

    Args:
        rows: B.
        random: generator on the CPU.
        time: (1 or B, T) when: the centuries 0, 1, ... by default. Begins at 0.
    """
    time = torch.arange(CENTURIES, dtype=torch.float64)[None] if time is None else time
    gap = (time[:, :, None] - time[:, None, :]).abs()

    def even(low: float, high: float) -> Tensor:
        return low * (high / low) ** torch.rand(rows, 1, 1, generator=random, dtype=torch.float64)

    smooth = torch.exp(-0.5 * (gap / even(1.5, 30.0)) ** 2)
    earlier, later = (
        torch.minimum(time[:, :, None], time[:, None, :]),
        torch.maximum(time[:, :, None], time[:, None, :]),
    )
    wandering = earlier**2 * (3 * later - earlier) / 6 + 1e-9 * earlier
    erratic = torch.exp(-gap / even(1.0, 60.0))
    ringing = torch.exp(-gap / even(4.0, 200.0)) * torch.cos(2 * math.pi * gap / even(4.0, 24.0))
    shape = torch.sigmoid((time - even(0.3, 8.0)[..., 0]) / even(0.2, 4.0)[..., 0])
    passing = shape[:, :, None] * shape[:, None, :]
    parts = [_anchored(part.expand(rows, -1, -1)) for part in (smooth, wandering, erratic, ringing, passing)]
    weights = torch.rand(rows, KINDS, generator=random, dtype=torch.float64) ** 8
    one = torch.randint(KINDS, (rows,), generator=random)
    pure = torch.rand(rows, generator=random) < 0.5
    weights = torch.where(pure[:, None], torch.nn.functional.one_hot(one, KINDS).to(torch.float64), weights)
    return _anchored(torch.einsum("bk,kbst->bst", weights, torch.stack(parts)))


def lesson(rows: int, spectrum: Tensor, free: float, random: torch.Generator) -> Lesson:
    """Draw a batch.

    Args:
        rows: B.
        spectrum: (D,) squared strengths of a questionnaire's directions; stretched at random.
        free: residual degrees of freedom.
        random: generator on the CPU.
    """

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=random, dtype=torch.float64)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    directions = len(spectrum)
    sampled = (uniform(rows) < 0.5).to(torch.float64)
    power = spectrum * torch.exp(0.4 * normal(rows, directions)) * torch.where(sampled > 0, 0.16, 1.0)[:, None]
    strength = power.sqrt()
    own_course = covariances(rows, random)
    stance_course = torch.where((uniform(rows) < SAME)[:, None, None], own_course, covariances(rows, random))
    odds = torch.exp(-4.5 + 8.0 * uniform(rows))
    per = power.sum(-1) / (free + directions)
    # In sampled labels' units their noise is 1 and the own part is small beside it.
    size = torch.exp(-6.5 + (6.0 + 1.0 * (1.0 - sampled)) * uniform(rows))
    white = torch.where(uniform(rows) < 0.5, 0.0, torch.exp(-5.0 + 5.0 * uniform(rows))) * size
    noise = white + torch.where(sampled > 0, 1.0, 1e-6 * size)
    own = size[:, None, None] * own_course + noise[:, None, None] * torch.eye(CENTURIES, dtype=torch.float64)
    own_root = root_of(own[:, 1:, 1:])
    stance = torch.matmul(normal(rows, directions, CENTURIES), root_of(stance_course).transpose(1, 2))
    true = strength[..., None] * (odds / per * size).sqrt()[:, None, None] * stance
    seen = 1 + torch.floor(uniform(rows) * SEEN).long()
    ahead = torch.minimum(torch.floor(uniform(rows) * (AHEAD + 1)).long(), SEEN - seen)
    present = (torch.arange(1, CENTURIES)[None] <= seen[:, None]).to(torch.float64)  # (B, SEEN)
    signal = true[..., 1:] + torch.matmul(normal(rows, directions, SEEN), own_root.transpose(1, 2))
    # Bartlett's decomposition of a Wishart matrix, with the normal limit of the chi on its diagonal.
    below = normal(rows, SEEN, SEEN)
    degrees = (free - torch.arange(SEEN, dtype=torch.float64)).clamp(min=1.0).sqrt()
    triangle = below.tril(-1) + torch.diag_embed(degrees + below.diagonal(dim1=1, dim2=2) / math.sqrt(2.0))
    root = torch.matmul(own_root, triangle)
    scatter = torch.matmul(root, root.transpose(1, 2)) * present[:, None] * present[:, :, None]
    at = seen + ahead
    return Lesson(
        evidence=Evidence(
            directions=torch.eye(directions, dtype=torch.float64).expand(rows, -1, -1),
            strength=strength,
            signal=signal * present[:, None],
            scatter=scatter,
            free=torch.full((rows,), free, dtype=torch.float64),
            unit=torch.ones(rows, dtype=torch.float64),
        ),
        ahead=ahead,
        sampled=sampled,
        target=torch.gather(true, 2, at[:, None, None].expand(-1, directions, 1))[..., 0],
        own=size * own_course[torch.arange(rows), at, at].clamp(min=0.01) + white,
        size=odds * size * power.mean(-1) / per + size + white + torch.where(sampled > 0, 0.1, 0.0),
    )


def _anchored(table: Tensor) -> Tensor:
    """Covariance of the path minus its value in century 0, scaled."""
    moved = table - table[:, :1] - table[:, :, :1] + table[:, :1, :1]
    return moved / moved.diagonal(dim1=1, dim2=2)[:, 1:].mean(-1).clamp(min=1e-12)[:, None, None]


def root_of(table: Tensor) -> Tensor:
    """A square root of a covariance that may be singular."""
    values, vectors = torch.linalg.eigh(table)
    root: Tensor = vectors * values.clamp(min=0.0).sqrt()[:, None, :]
    return root
