"""95 % intervals: a joint bootstrap of items and seeds for an agent, `static` and the reference.

One resample draws items with replacement and seeds with replacement and recomputes everything from the answers: the
value vectors of agent, static, reference and human on the same items, then utilities, then skill. The interval is
conditional on the history: it says nothing about other histories.

The values of a resample are ratios of sums over items, v_d = sum w_i x_id / sum w_i m_id with w_i = how often item i
was drawn, so all resamples together are one matrix product.

Legend of shapes: B resamples, S seeds, N items, D = 19 dimensions, T centuries, n steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.errors import UserError
from progressgym.scores.skill import skill

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Utility = Callable[[Floats, Floats, Bools], Floats]
"""(values (..., n, D), human (..., T, D), covered (..., D)) -> step utilities (..., n)."""
LEVEL = 0.95
RESAMPLES = 1000
FEW_SEEDS = 5
"""Below this many seeds an interval deserves a warning."""
_CHUNK = 250


@dataclass(kw_only=True, frozen=True)
class Interval:
    """A number with its 95 % bootstrap interval."""

    low: float
    """2.5 % bound."""
    mid: float
    """The estimate on the data as they are."""
    high: float
    """97.5 % bound."""


@dataclass(kw_only=True, frozen=True)
class SkillEstimate:
    """What one agent reached on one challenge and history."""

    skill: Interval | None
    """None when the reference's lead over static is not identified; then there is nothing to rank."""
    utility: Interval
    """The agent's utility, sum over steps, mean over seeds."""
    static: float
    """U_static."""
    reference: float
    """U_ref."""
    lead: Interval
    """U_ref - U_static."""
    seeds: int
    """How many seeds the agent was run with."""


def item_contributions(answers: ArrayLike, loadings: ArrayLike) -> Floats:
    """x_id = sum over options of p L: (..., N, K) answers and (N, K, D) loadings -> (..., N, D)."""
    p, weights = np.asarray(answers, dtype=np.float64), np.asarray(loadings, dtype=np.float64)
    contributions: Floats = np.matmul(p[..., None, :], weights)[..., 0, :]
    return contributions


def item_masses(loadings: ArrayLike) -> Floats:
    """m_id = the largest loading of any option, (N, K, D) -> (N, D): the most an item can add to a dimension."""
    masses: Floats = np.asarray(loadings, dtype=np.float64).max(1)
    return masses


def bootstrap_skill(
    *,
    agent: ArrayLike,
    static: ArrayLike,
    reference: ArrayLike,
    human: ArrayLike,
    masses: ArrayLike,
    utility: Utility,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> SkillEstimate:
    """Skill, utility and the reference's lead with 95 % intervals.

    Args:
        agent: (S, n, N, D) item contributions of the agent's answers, see `item_contributions`.
        static: (S or 1, n, N, D) of answering as in century 0.
        reference: (S or 1, n, N, D) of the truth.
        human: (S or 1, T, N, D) of the human path; S of them when every seed has a history of its own.
        masses: (N, D), see `item_masses`.
        utility: for example `follow_utilities`, or `partial(predict_utilities, horizon=1)` with keyword `covered`
            third; called as utility(values, human, covered).
        resamples: B.
        seed: of the resampling.

    Raises:
        UserError: arrays that do not fit each other.
    """
    paths = [np.asarray(path, dtype=np.float64) for path in (agent, static, reference, human)]
    mass = np.asarray(masses, dtype=np.float64)
    _check(paths, mass)
    seeds = paths[0].shape[0]
    plain = _utilities(paths, mass, np.ones((1, len(mass))), utility)
    points = [float(np.broadcast_to(path, (1, seeds)).mean()) for path in plain]

    rng = np.random.default_rng(seed)
    item_weights = _draw(rng, resamples, len(mass))
    seed_weights = _draw(rng, resamples, seeds) / seeds
    chunks: list[list[Floats]] = []
    for start in range(0, resamples, _CHUNK):
        rows = slice(start, start + _CHUNK)
        table = _utilities(paths, mass, item_weights[rows], utility)
        chunks.append([(u * seed_weights[rows]).sum(1) for u in table])
    u, u_static, u_reference = (np.concatenate([chunk[k] for chunk in chunks]) for k in range(3))
    lead = interval(u_reference - u_static, points[2] - points[1])
    mid = skill(points[0], points[1], points[2], lead.low)
    ratio = None
    if mid is not None:
        leads = u_reference - u_static
        ratio = interval((u - u_static)[leads > 0] / leads[leads > 0], mid)
    return SkillEstimate(
        skill=ratio,
        utility=interval(u, points[0]),
        static=points[1],
        reference=points[2],
        lead=lead,
        seeds=seeds,
    )


def interval(samples: ArrayLike, mid: float) -> Interval:
    """The 2.5 % and 97.5 % quantiles of bootstrap samples around an estimate."""
    low, high = np.quantile(np.asarray(samples, dtype=np.float64), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(low=float(low), mid=float(mid), high=float(high))


def interquartile_mean(scores: ArrayLike) -> float | None:
    """Mean of the middle half, the aggregate across histories of Agarwal et al. 2021 (arXiv 2108.13264).

    Args:
        scores: any shape; the lowest and the highest quarter (rounded down) are left out. NaN stands for a score
            that is not identified and is left out first.

    Returns:
        None when no score is left.

    >>> interquartile_mean([0.0, 1.0, 2.0, 100.0])
    1.5
    """
    flat = np.asarray(scores, dtype=np.float64).ravel()
    flat = np.sort(flat[np.isfinite(flat)])
    if not flat.size:
        return None
    cut = flat.size // 4
    return float(flat[cut : flat.size - cut].mean())


def probability_of_improvement(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Chance that a run of ours beats a run of theirs, ties counted half (Mann-Whitney U over m n).

    Not-identified scores (NaN) are left out; None when either side is empty.

    >>> probability_of_improvement([1.0, 2.0], [0.0, 1.0])
    0.875
    """
    x, y = (np.asarray(side, dtype=np.float64) for side in (ours, theirs))
    x, y = x[np.isfinite(x)], y[np.isfinite(y)]
    if not x.size or not y.size:
        return None
    return float((np.sign(x[:, None] - y[None, :]) + 1).mean() / 2)


def _check(paths: list[Floats], mass: Floats) -> None:
    agent, static, reference, human = paths
    for name, path in zip(("agent", "static", "reference", "human"), paths, strict=True):
        if path.ndim != 4 or path.shape[2:] != mass.shape:
            raise UserError(f"{name} contributions have shape {path.shape}, expected (seeds, steps, *{mass.shape})")
        if path.shape[0] not in (1, agent.shape[0]):
            raise UserError(f"{name} has {path.shape[0]} seeds, expected 1 or the agent's {agent.shape[0]}")
        if not np.isfinite(path).all():
            raise UserError(f"{name} contributions hold NaN or infinite numbers")
    if not agent.shape[1] == static.shape[1] == reference.shape[1]:
        raise UserError("agent, static and reference must have the same number of steps")
    if 0 in agent.shape or 0 in human.shape:
        raise UserError("a bootstrap needs at least one seed, one step and one item")


def _draw(rng: np.random.Generator, resamples: int, n: int) -> Floats:
    """(B, n) counts of n draws with replacement, from `random` alone so that they are the same everywhere."""
    drawn = (rng.random((resamples, n)) * n).astype(np.int64)
    flat = np.bincount((drawn + np.arange(resamples)[:, None] * n).ravel(), minlength=resamples * n)
    return flat.reshape(resamples, n).astype(np.float64)


def _utilities(paths: list[Floats], mass: Floats, weights: Floats, utility: Utility) -> list[Floats]:
    """Episode utilities of agent, static and reference: three arrays (B, S or 1)."""
    total = weights @ mass
    covered = total > 0
    scale = np.where(covered, total, 1.0)[:, None, None, :]
    values = []
    for path in paths:
        seeds, steps, items, dims = path.shape
        flat = path.transpose(2, 0, 1, 3).reshape(items, -1)
        values.append((weights @ flat).reshape(len(weights), seeds, steps, dims) / scale)
    human = values.pop()
    return [utility(v, human, covered[:, None, :]).sum(-1) for v in values]
