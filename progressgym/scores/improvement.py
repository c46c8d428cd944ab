"""Agents across histories: interquartile mean, and the probability that one agent improves on another.

The definitions of Agarwal et al. 2021 (arXiv 2108.13264) and their library `rliable`, with which the tests compare: the
interquartile mean over all runs and histories together, and the chance that a run of one agent beats a run of another on
the same history (Mann-Whitney U over S S', ties half), mean over histories. Their intervals come from runs drawn anew
within each history; ours draw the items anew as well, the same ones for all agents and histories, because on a recorded
history with exact labels every seed of a deterministic agent does the same, and runs alone would claim certainty.

Legend of shapes: R = 1 + B rows, row 0 the data as they are; S runs; H histories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.errors import UserError
from progressgym.scores.intervals import Interval, centred_interval, tails

Floats = NDArray[np.float64]
_CHUNK = 64


@dataclass(kw_only=True, frozen=True, eq=False)
class RunDraws:
    """The runs of one agent on one history, as skills, on the data and on every resample of the items."""

    scores: Floats
    """(R, S) (U - U_static) / lead, the lead that of the data; the lead's own spread is in the skill's interval."""


def interquartile_mean(scores: ArrayLike) -> float | None:
    """Mean of the middle half of all scores.

    Args:
        scores: any shape; the lowest and the highest quarter (rounded down) are left out. NaN stands for a score
            that is not identified and is left out first.

    Returns:
        None when no score is left.

    >>> interquartile_mean([0.0, 1.0, 2.0, 100.0])
    1.5
    """
    flat = np.asarray(scores, dtype=np.float64).ravel()
    flat = flat[np.isfinite(flat)]
    return float(_middle(flat[None])[0]) if flat.size else None


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
    return float(_share_of_wins(x[None], y[None])[0])


def interquartile_interval(histories: Sequence[RunDraws], seed: int = 0) -> Interval:
    """Interquartile mean over histories and runs with its 95 % interval, centred as in `intervals`.

    Args:
        histories: H of them, at least one.
        seed: of drawing runs.

    Raises:
        UserError: no history, or different numbers of resamples.
    """
    drawn = _drawn(histories, seed)
    plain = np.concatenate([draws.scores[0] for draws in histories])
    return centred_interval(float(_middle(plain[None])[0]), _middle(np.concatenate(drawn, axis=1)))


def improvement_interval(ours: Sequence[RunDraws], theirs: Sequence[RunDraws], seed: int = 0) -> Interval:
    """Probability of improvement, mean over the histories, with percentiles of centred runs as its interval.

    The probability itself is not centred: it has no room beyond 0 and 1. Its interval is widened to hold the estimate.

    Args:
        ours: H histories.
        theirs: the same histories.
        seed: of drawing runs.

    Raises:
        UserError: different histories, or different numbers of resamples.
    """
    if len(ours) != len(theirs):
        raise UserError(f"{len(ours)} histories of one agent against {len(theirs)} of the other")
    mid = np.mean([_share_of_wins(a.scores[:1], b.scores[:1])[0] for a, b in zip(ours, theirs, strict=True)])
    mine, other = _drawn(ours, seed), _drawn(theirs, seed + 1)
    draws = np.mean([_share_of_wins(a, b) for a, b in zip(mine, other, strict=True)], axis=0)
    low, high = tails(draws)
    return Interval(low=min(low, float(mid)), mid=float(mid), high=max(high, float(mid)))


def _drawn(histories: Sequence[RunDraws], seed: int) -> list[Floats]:
    """Runs drawn with replacement within each history, on every resample of the items: H arrays (B, S).

    Every run's resamples are centred on the run first: resampled items shift agents by different amounts (see
    `progressgym.scores.intervals`), which would decide who beats whom.
    """
    counts = {len(draws.scores) for draws in histories}
    if len(counts) != 1 or counts == {1}:
        raise UserError("an interval across histories needs at least one history, with equally many resamples of each")
    rng = np.random.default_rng(seed)
    drawn = []
    for draws in histories:
        resamples, runs = len(draws.scores) - 1, draws.scores.shape[1]
        chosen = (rng.random((resamples, runs)) * runs).astype(np.int64)
        moved = draws.scores[1:] - draws.scores[1:].mean(0) + draws.scores[0]
        drawn.append(np.take_along_axis(moved, chosen, axis=1))
    return drawn


def _middle(rows: Floats) -> Floats:
    """(R, M) -> (R,) means without the lowest and the highest quarter."""
    ordered = np.sort(rows, axis=1)
    cut = rows.shape[1] // 4
    means: Floats = ordered[:, cut : rows.shape[1] - cut].mean(1)
    return means


def _share_of_wins(x: Floats, y: Floats) -> Floats:
    """(R, S) and (R, S') -> (R,) share of pairs in which x is larger, ties half."""
    parts = []
    for start in range(0, len(x), _CHUNK):
        a, b = x[start : start + _CHUNK, :, None], y[start : start + _CHUNK, None, :]
        parts.append(((a > b).mean((1, 2)) + (a >= b).mean((1, 2))) / 2)
    return np.concatenate(parts)
