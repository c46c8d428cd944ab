"""Lessons of `attention-v2`: paths of random dynamics on random questionnaires, reduced to the evidence of them.

    stance        every dimension follows one random mixture of courses (`learned.courses`), some dimensions more than others
    common drift  in three of four lessons all items move along the questionnaire's main axis, up to 16 times as much
    own parts     of every pair: the same kind of course (mostly) and noise that does not persist
    labels        sampled ones add noise of variance 1, and scatter around it that no Gaussian has

Histories are up to 34 steps long, of which the newest are seen. None of the benchmark's families and no measured history
is among the paths. Legend of shapes: B lessons, E directions, T = SEEN + AHEAD + 1 times.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from progressgym.agents.filters.directions import Evidence
from progressgym.agents.learned.transfer.network import AHEAD, SEEN
from progressgym.agents.learned.transfer.transfer_agent import COMMON
from research.learning.courses import SAME, covariances, root_of
from research.learning.questionnaires import Questionnaires

LATER = SEEN + AHEAD
MOST_FREE = 256
"""Residual degrees of freedom that are drawn; a scatter of more of them is as good as exact."""
MOST_BEFORE = 20
"""Steps that may lie before the window."""


@dataclass(kw_only=True, frozen=True, eq=False)
class TransferLesson:
    """A batch to learn from."""

    evidence: Evidence
    ahead: Tensor
    """(B,) how far ahead."""
    before: Tensor
    """(B,) steps before the window."""
    sampled: Tensor
    """(B,) 1 where labels are sampled."""
    target: Tensor
    """(B, E) strength * stance in the target step."""
    own: Tensor
    """(B,) variance of a pair's own part there."""
    size: Tensor
    """(B,) mean variance of a direction's signal over steps: what errors are measured against."""


def draw_lesson(rows: int, pool: Questionnaires, random: torch.Generator) -> TransferLesson:
    """Draw a batch on random questionnaires of a pool."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=random, dtype=torch.float64)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    asked = pool.rows(torch.randint(len(pool.free), (rows,), generator=random))
    sampled, strength = asked.sampled, asked.strength
    before = torch.where(uniform(rows) < 0.7, 0.0, 1 + torch.floor(uniform(rows) * MOST_BEFORE))
    time = torch.cat([torch.zeros(rows, 1, dtype=torch.float64), before[:, None] + torch.arange(1.0, LATER + 1)], 1)
    own_course = covariances(rows, random, time)
    stance_course = torch.where((uniform(rows) < SAME)[:, None, None], own_course, covariances(rows, random, time))
    seen = 1 + torch.floor(uniform(rows) * SEEN).long()
    seen = torch.where(before > 0, SEEN, seen)  # a window slides only once it is full
    ahead = torch.floor(uniform(rows) * (AHEAD + 1)).long()
    at = seen + ahead

    spread = _spread(rows, strength.shape[-1], random)
    expected = strength**2 * torch.einsum("bkj,bk->bj", asked.directions**2, spread)  # (B, E), before it is scaled
    odds = torch.exp(-4.5 + 8.0 * uniform(rows))
    # In sampled labels' units their noise is 1 and the own part is small beside it.
    size = torch.exp(-6.5 + (6.0 + (1.0 - sampled)) * uniform(rows))
    white = torch.where(uniform(rows) < 0.4, 0.0, torch.exp(-4.0 + 5.0 * uniform(rows))) * size
    noise = white + torch.where(sampled > 0, 1.0, 1e-6 * size)
    own = size[:, None, None] * own_course + noise[:, None, None] * torch.eye(LATER + 1, dtype=torch.float64)
    root = root_of(own[:, 1:, 1:])
    share = expected.sum(-1) / (
        asked.free + (strength > 0).sum(-1)
    )  # what a unit of the stance adds to a pair's response
    wide = (odds * size / share.clamp(min=1e-12))[:, None] * spread
    stance = wide.sqrt()[..., None] * (
        normal(rows, strength.shape[-1], LATER + 1) @ root_of(stance_course).transpose(1, 2)
    )
    true = strength[..., None] * (asked.directions.transpose(1, 2) @ stance)
    present = (torch.arange(1, LATER + 1)[None] <= seen[:, None]).to(torch.float64)
    there = (strength > 0).to(torch.float64)[..., None]
    signal = true[..., 1:] + there * (normal(rows, strength.shape[-1], LATER) @ root.transpose(1, 2))
    residuals = normal(rows, MOST_FREE, LATER) @ root.transpose(1, 2)
    residuals = residuals * (torch.arange(MOST_FREE)[None] < asked.free.round()[:, None])[..., None]
    rough = torch.exp(0.3 * sampled[:, None] * normal(rows, LATER)) * present
    residuals = (
        residuals * rough[:, None] * (asked.free / asked.free.round().clamp(max=MOST_FREE)).sqrt()[:, None, None]
    )
    window = slice(0, SEEN)
    return TransferLesson(
        evidence=Evidence(
            directions=asked.directions,
            strength=strength,
            signal=(signal * present[:, None])[..., window],
            scatter=(residuals.transpose(1, 2) @ residuals)[:, window, window],
            free=asked.free,
            unit=torch.ones(rows, dtype=torch.float64),
        ),
        ahead=ahead,
        before=before,
        sampled=sampled,
        target=torch.gather(true, 2, at[:, None, None].expand(-1, strength.shape[-1], 1))[..., 0],
        own=size * own_course[torch.arange(rows), at, at].clamp(min=0.01) + white,
        size=(strength**2 * torch.einsum("bkj,bk->bj", asked.directions**2, wide)).sum(-1) / (strength > 0).sum(-1)
        + size
        + white
        + torch.where(sampled > 0, 0.1, 0.0),
    )


def _spread(rows: int, width: int, random: torch.Generator) -> Tensor:
    """(B, E) relative variances of the stance's coordinates; the last one is the common course's."""
    uneven = torch.rand(rows, 1, generator=random, dtype=torch.float64)
    spread = torch.exp(uneven * torch.randn(rows, width, generator=random, dtype=torch.float64))
    drawn = torch.rand(2, rows, generator=random, dtype=torch.float64)
    times = torch.where(drawn[0] < 0.25, 0.0, 0.5 * 32.0 ** drawn[1])
    spread[:, -1] = (times / COMMON) ** 2
    return spread
