"""Everything that all agents on one challenge and history share in a joint bootstrap of items and seeds.

One resample draws items with replacement and seeds with replacement and recomputes everything from the answers: the
values of agent, static, reference and human on the same items, then utilities. The values of a resample are ratios of
sums over items, v_d = sum w_i x_id / sum w_i m_id with w_i = how often item i was drawn, so all resamples together are
one matrix product. The human, `static` and the reference are resampled once (`Panel.draw`), every agent then costs one
more product (`Panel.utilities`).

Items and seeds are crossed: every seed answers every item. Drawing both independently is the pigeonhole bootstrap
(Owen 2007, arXiv 0712.1111): no bootstrap of a crossed array has the exact variance (McCullagh 2000, Bernoulli 6), this
one errs on the wide side.

Legend of shapes: B resamples, R = 1 + B rows of which row 0 is the data as they are, S seeds, N items, D = 19
dimensions, T centuries, n steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.errors import UserError
from progressgym.scores.utilities import Utility

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
RESAMPLES = 1000
_CHUNK = 128
"""Rows at a time: what they need fits a processor's cache."""


def item_contributions(answers: ArrayLike, loadings: ArrayLike) -> Floats:
    """x_id = sum over options of p L: (..., N, K) answers and (N, K, D) loadings -> (..., N, D)."""
    p, weights = np.asarray(answers, dtype=np.float64), np.asarray(loadings, dtype=np.float64)
    contributions: Floats = np.matmul(p[..., None, :], weights)[..., 0, :]
    return contributions


def item_masses(loadings: ArrayLike) -> Floats:
    """m_id = the largest loading of any option, (N, K, D) -> (N, D): the most an item can add to a dimension."""
    masses: Floats = np.asarray(loadings, dtype=np.float64).max(1)
    return masses


@dataclass(kw_only=True, frozen=True, eq=False)
class Panel:
    """The resamples of one challenge and history, with the utilities of `static` and the reference on each."""

    utility: Utility
    """Step utilities of the challenge."""
    masses: Floats
    """(R, S or 1, D) sum over the drawn items of m_id; S of them when every seed scores other items."""
    item_weights: Floats
    """(R, N) how often each item was drawn."""
    seed_weights: Floats
    """(B, S) see `draw_shares`."""
    human: Floats
    """(R, S or 1, T, D) values of the human path."""
    static: Floats
    """(R, S or 1) episode utilities."""
    reference: Floats
    """(R, S or 1) episode utilities."""
    steps: int
    """n; the best possible episode utility."""

    @classmethod
    def draw(
        cls,
        *,
        static: ArrayLike,
        reference: ArrayLike,
        human: ArrayLike,
        masses: ArrayLike,
        utility: Utility,
        seeds: int,
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> Panel:
        """Draw items and seeds, and compute what all agents are compared with.

        Args:
            static: (S or 1, n, N, D) item contributions of answering as in century 0, see `item_contributions`.
            reference: (S or 1, n, N, D) of the truth.
            human: (S or 1, T, N, D) of the human path; S of them when every seed has a history of its own.
            masses: (N, D), see `item_masses`; (S, N, D) when every seed scores other items, 0 for those it does not.
            utility: for example `follow_utilities`.
            seeds: S.
            resamples: B.
            seed: of the resampling; equal for all agents, so that they meet the same draws.

        Raises:
            UserError: arrays that do not fit each other.
        """
        mass = np.asarray(masses, dtype=np.float64)
        paths = {"static": static, "reference": reference, "human": human}
        arrays = {name: _checked(name, path, mass, seeds) for name, path in paths.items()}
        steps = arrays["static"].shape[1]
        if steps != arrays["reference"].shape[1]:
            raise UserError("agent, static and reference must have the same number of steps")
        if resamples < 1:
            raise UserError(f"resamples is {resamples}; use 1 or more (default {RESAMPLES})")
        rng = np.random.default_rng(seed)
        count = mass.shape[-2]
        items = np.concatenate([np.ones((1, count)), draw_counts(rng, resamples, count)])
        shares = draw_shares(rng, resamples, seeds)
        total = np.matmul(items, mass) if mass.ndim == 2 else np.matmul(items, mass).transpose(1, 0, 2)
        total = total.reshape(len(items), -1, mass.shape[-1])
        human_values = np.concatenate([_values(arrays["human"], items[r], total[r]) for r in _rows(len(items))])
        lines = [_utilities(arrays[name], items, total, human_values, utility) for name in ("static", "reference")]
        return cls(
            utility=utility,
            masses=total,
            item_weights=items,
            seed_weights=shares,
            human=human_values,
            static=lines[0],
            reference=lines[1],
            steps=steps,
        )

    @property
    def seeds(self) -> int:
        """S."""
        return int(self.seed_weights.shape[1])

    def utilities(self, contributions: ArrayLike) -> Floats:
        """(R, S or 1) episode utilities of a path on every resample.

        Args:
            contributions: (S or 1, n, N, D).

        Raises:
            UserError: they do not fit the panel.
        """
        shape = (self.item_weights.shape[1], self.masses.shape[-1])
        path = _checked("agent", contributions, np.empty(shape), self.seeds)
        if path.shape[1] != self.steps:
            raise UserError("agent, static and reference must have the same number of steps")
        if len(path) > 1 and self.human.shape[1] == 1 and (path == path[:1]).all():
            return np.repeat(self.utilities(path[:1]), len(path), axis=1)  # every seed did the same
        return _utilities(path, self.item_weights, self.masses, self.human, self.utility)

    def mean(self, utilities: Floats) -> tuple[float, Floats]:
        """Mean over seeds of (R, S or 1) numbers: on the data, and on every resample (B,)."""
        if utilities.shape[1] == 1:
            return float(utilities[0, 0]), utilities[1:, 0]
        return float(utilities[0].mean()), np.einsum("bs,bs->b", utilities[1:], self.seed_weights)


def draw_counts(rng: np.random.Generator, resamples: int, n: int) -> Floats:
    """(B, n) counts of n draws with replacement, from `random` alone so that they are the same everywhere."""
    drawn = (rng.random((resamples, n)) * n).astype(np.int64)
    flat = np.bincount((drawn + np.arange(resamples)[:, None] * n).ravel(), minlength=resamples * n)
    return flat.reshape(resamples, n).astype(np.float64)


def draw_shares(rng: np.random.Generator, resamples: int, seeds: int) -> Floats:
    """(B, S) weights of seeds drawn with replacement; rows sum to 1.

    They are spread by sqrt(S / (S - 1)), which makes the variance of a resampled mean over seeds the unbiased one
    (Hesterberg 2015, arXiv 1411.5279, section 4). A single seed has no spread.
    """
    shares = draw_counts(rng, resamples, seeds) / seeds
    return shares if seeds == 1 else 1 / seeds + (shares - 1 / seeds) * math.sqrt(seeds / (seeds - 1))


def _rows(count: int) -> list[slice]:
    return [slice(start, start + _CHUNK) for start in range(0, count, _CHUNK)]


def _utilities(path: Floats, weights: Floats, masses: Floats, human: Floats, utility: Utility) -> Floats:
    """(R, S or 1) episode utilities of a path."""
    chunks = []
    for rows in _rows(len(weights)):
        total = masses[rows]
        covered = None if (total > 0).all() else total > 0
        chunks.append(utility(_values(path, weights[rows], total), human[rows], covered).sum(-1))
    return np.concatenate(chunks)


def _values(path: Floats, weights: Floats, total: Floats) -> Floats:
    """(r, S, n, D) value vectors on r resamples of items; 0 on a dimension that none of the drawn items measures."""
    seeds, steps, items, dims = path.shape
    flat = path.transpose(2, 0, 1, 3).reshape(items, -1)
    scale = np.where(total > 0, total, 1.0)[:, :, None, :]
    values: Floats = (weights @ flat).reshape(len(weights), seeds, steps, dims)
    values /= scale
    return values


def _checked(name: str, path: ArrayLike, mass: Floats, seeds: int) -> Floats:
    array = np.asarray(path, dtype=np.float64)
    if array.ndim != 4 or array.shape[2:] != mass.shape[-2:]:
        raise UserError(f"{name} contributions have shape {array.shape}, expected (seeds, steps, *{mass.shape[-2:]})")
    if 0 in array.shape or seeds < 1:
        raise UserError("a bootstrap needs at least one seed, one step and one item")
    if array.shape[0] not in (1, seeds):
        raise UserError(f"{name} has {array.shape[0]} seeds, expected 1 or the agent's {seeds}")
    if not np.isfinite(array).all():
        raise UserError(f"{name} contributions hold NaN or infinite numbers")
    return array
