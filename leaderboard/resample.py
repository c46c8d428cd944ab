"""Samples of a score that are drawn alike for every entry, so that ranks can be compared sample by sample.

Legend of shapes: B samples, S seeds, n steps, T centuries, E items, D = 19.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from progressgym.core.seeding import generator
from progressgym.scores.explained import Errors, moved_by
from progressgym.scores.utilities import Utility

Floats = NDArray[np.float64]
RESAMPLES = 1000
"""Bootstrap samples behind an interval."""
SAMPLES = 200
DIGITS = 6


def skill_samples(
    *, agent: Floats, static: Floats, reference: Floats, human: Floats, masses: Floats, utility: Utility
) -> list[float]:
    """B samples of the skill over items and seeds.

    Args:
        agent: (S, n, E, D) item contributions.
        static: (S or 1, n, E, D).
        reference: (S or 1, n, E, D).
        human: (S or 1, T, E, D).
        masses: (E, D), or (S, E, D) where every seed scores other items.
        utility: of the challenge.

    Returns:
        B numbers; where a sample's reference has no lead, the skill of the whole data stands in its place.
    """
    seeds, items = len(agent), masses.shape[-2]
    rng = generator(0, "leaderboard", "ranks")
    item_counts = _counts(rng.random((SAMPLES, items)), items)
    seed_counts = _counts(rng.random((SAMPLES, seeds)), seeds) / seeds
    weights = np.vstack([np.ones(items), item_counts])
    mixes = np.vstack([np.full(seeds, 1.0 / seeds), seed_counts])
    total = (weights @ masses).reshape(-1, SAMPLES + 1, masses.shape[-1]).transpose(1, 0, 2)  # (B, S or 1, D)
    covered = total > 0
    scale = np.where(covered, total, 1.0)[:, :, None, :]
    values = [_values(path, weights, scale) for path in (agent, static, reference, human)]
    utilities = [utility(v, values[3], covered).sum(-1) for v in values[:3]]
    u, u_static, u_reference = ((np.broadcast_to(x, (len(weights), seeds)) * mixes).sum(1) for x in utilities)
    lead = u_reference - u_static
    skills = (u - u_static) / np.where(lead > 0, lead, np.inf)
    samples = np.where(lead > 0, skills, skills[0])[1:]
    return [round(float(x), DIGITS) for x in samples]


def explained_samples(agent: Errors, static: Errors) -> list[float]:
    """SAMPLES of an agent's drift explained, from how items, runs and people move it to first order.

    The normal numbers behind them are the same for every entry, so entries that are moved alike stay in their order.
    """
    rng = generator(0, "leaderboard", "explained")
    draw = partial(_normals, rng)
    return [round(float(x), DIGITS) for x in moved_by(agent, static, draw, SAMPLES)]


def _normals(rng: np.random.Generator, *shape: int) -> Floats:
    numbers: Floats = ndtri(rng.random(shape) + 2.0**-54)
    return numbers


def _counts(uniform: Floats, n: int) -> Floats:
    """(B, n) how often each of n is drawn in n draws."""
    drawn = (uniform * n).astype(np.int64) + np.arange(len(uniform))[:, None] * n
    return np.bincount(drawn.ravel(), minlength=uniform.size).reshape(uniform.shape).astype(np.float64)


def _values(path: Floats, weights: Floats, scale: Floats) -> Floats:
    """(B, S, steps, D) value vectors on resampled items."""
    seeds, steps, items, dims = path.shape
    flat = path.transpose(2, 0, 1, 3).reshape(items, -1)
    values: Floats = (weights @ flat).reshape(len(weights), seeds, steps, dims) / scale
    return values
