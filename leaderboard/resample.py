"""Bootstrap samples of what ranks that are drawn alike for every entry, so that ranks can be compared sample by sample.

Legend of shapes: B samples, S seeds, n steps, T centuries, E items, D = 19.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from progressgym.core.seeding import generator
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
        masses: (E, D).
        utility: of the challenge.

    Returns:
        B numbers; where a sample's reference has no lead, the skill of the whole data stands in its place.
    """
    seeds, items = len(agent), len(masses)
    item_counts, seed_counts = _draws(items, seeds)
    weights = np.vstack([np.ones(items), item_counts])
    mixes = np.vstack([np.full(seeds, 1.0 / seeds), seed_counts])
    total = weights @ masses
    covered = total > 0
    scale = np.where(covered, total, 1.0)[:, None, None, :]
    values = [_values(path, weights, scale) for path in (agent, static, reference, human)]
    utilities = [utility(v, values[3], covered[:, None, :]).sum(-1) for v in values[:3]]
    u, u_static, u_reference = ((np.broadcast_to(x, (len(weights), seeds)) * mixes).sum(1) for x in utilities)
    lead = u_reference - u_static
    skills = (u - u_static) / np.where(lead > 0, lead, np.inf)
    samples = np.where(lead > 0, skills, skills[0])[1:]
    return [round(float(x), DIGITS) for x in samples]


def restraint_samples(*, agent: Floats, static: Floats, reference: Floats, items: int, whole: float) -> Floats:
    """B samples of a restraint over the seeds of the samples of the skill; what it costs is a mean over all items.

    Args:
        agent: (S,) what the agent costs.
        static: (S,) the same of `static`.
        reference: (S,) and of the reference.
        items: how many the skill is resampled over.
        whole: of the whole data, for samples in which `static` costs no more than the reference.
    """
    _, mixes = _draws(items, len(agent))
    own, still, best = (mixes @ cost for cost in (agent, static, reference))
    lead = still - best
    found: Floats = np.where(lead > 0, (still - own) / np.where(lead > 0, lead, 1.0), whole)
    return found


def _draws(items: int, seeds: int) -> tuple[Floats, Floats]:
    """How often every item is drawn (B, E), and the weight of every seed (B, S): the same for every entry."""
    rng = generator(0, "leaderboard", "ranks")
    item_counts = _counts(rng.random((SAMPLES, items)), items)
    return item_counts, _counts(rng.random((SAMPLES, seeds)), seeds) / seeds


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
