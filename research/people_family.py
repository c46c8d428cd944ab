"""The numbers of the family `synthetic:people-v1`: how people's answers move, estimated from a recorded history.

    python -m research.people_family            # of gss-v1

Everything is in centred logits, as the families are made (`progressgym.histories.synthetic`). The mean squared change
over k steps, less the sampling errors of both ends, is taken apart by what every course leaves there,

    V(k) = 2 level + walk k + trend k^2

independent noise around a level, independent steps, a constant speed; none of them below 0, least squares of relative errors,
lags weighted by how many pairs of steps they have. This is done for the part that all items of a dimension have in
common and for each item's own, which `evidence.common_share` tells apart.

Legend of shapes: T steps, N items, K options, M valid options of all items, r rank of the loadings.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from progressgym.core.answers import centred_log
from progressgym.histories.evidence import common_share
from progressgym.histories.history import History

Floats = NDArray[np.float64]
SMALL = 1e-4
"""Of a mean squared change: relative errors of smaller ones do not count more."""


@dataclass(kw_only=True, frozen=True)
class Regime:
    """What is said about a history's movement."""

    steps: int
    items: int
    dimensions: int
    amplitude: float
    """Root mean square drift since the first step, in the step where it is largest."""
    coherence: float
    """Share of the drift that items of a dimension have in common."""
    common_trend: float
    """Share of a constant speed in the variance of the common drift at the end; the rest are independent steps."""
    own_trend: float
    """The same of the items' own part."""
    level: float
    """Standard deviation of what neither is: independent noise around a level, beyond sampling."""
    sampling: float
    """Root mean square sampling error of a logit before centring, from the numbers of people asked."""
    base_mean: float
    """Mean over dimensions of the first step's stance."""
    base_spread: float
    """Its standard deviation."""
    base_items: float
    """Standard deviation between items of the first step's logits before centring, beside the stance."""


def estimate(history: History) -> Regime:
    """The regime of a complete history of people."""
    mask, design = history.instrument.mask, history.instrument.loadings[history.instrument.mask]
    logits = centred_log(history.answers, mask)[:, mask]
    sampling = sampling_variances(history)[:, mask]
    basis = np.linalg.svd(design, full_matrices=False)
    sizes = basis.S
    rank = int((sizes > 1e-9 * sizes[0]).sum())
    free = int((mask.sum(1) - 1).sum())
    lags = np.arange(1, len(logits))
    common, own = np.array([_changes(logits, sampling, int(k), basis.U[:, :rank], free) for k in lags]).T
    parts = {"common": _courses(common), "own": _courses(own)}
    drift = ((logits - logits[0]) ** 2 - sampling - sampling[0]).mean(1)
    stance, rest = _base(logits[0], design, free - rank)
    return Regime(
        steps=len(logits),
        items=len(mask),
        dimensions=int((np.abs(design).sum(0) > 0).sum()),
        amplitude=float(np.sqrt(drift.max())),
        coherence=common_share(history.answers[None].astype(np.float64), history.instrument),
        common_trend=_trend_share(parts["common"], len(lags)),
        own_trend=_trend_share(parts["own"], len(lags)),
        level=float(np.sqrt(parts["common"][0] + parts["own"][0])),
        sampling=float(np.sqrt(sampling.sum(1).mean() / free)),
        base_mean=float(stance.mean()),
        base_spread=float(stance.std()),
        base_items=rest,
    )


def sampling_variances(history: History) -> Floats:
    """(T, N, K) variances of the centred logits, to first order; 0 on padding and where nobody was sampled.

    var log p_k = 1 / (n p_k), all covariances -1 / n; centring takes the constant out.
    """
    mask = history.instrument.mask
    if history.people is None:
        return np.zeros(history.answers.shape)
    count = mask.sum(1)[:, None]
    inverse = np.where(mask, 1.0 / np.maximum(history.answers.astype(np.float64), 1e-4), 0.0)
    centred = inverse * (1.0 - 2.0 / count) + inverse.sum(-1, keepdims=True) / count**2
    return np.where(mask, centred, 0.0) / history.people.astype(np.float64)[..., None]


def _changes(logits: Floats, sampling: Floats, k: int, basis: Floats, free: int) -> tuple[float, float]:
    """Mean squared change over k steps, an option: the common part and the items' own."""
    moved, noise = logits[k:] - logits[:-k], (sampling[k:] + sampling[:-k]).sum(1)
    rank, options = basis.shape[1], moved.shape[1]
    explained = ((moved @ basis) ** 2).sum(1)
    own = ((moved**2).sum(1) - explained) / (free - rank)
    return float((explained - rank * own).mean() / options), float((free * own - noise).mean() / options)


def _courses(changes: Floats) -> Floats:
    """(3,) level, walk and trend behind the mean squared changes over 1, 2, ... steps."""
    lags = np.arange(1, len(changes) + 1, dtype=np.float64)
    table = np.stack([np.full_like(lags, 2.0), lags, lags**2], axis=1)
    weights = np.sqrt(len(lags) + 1 - lags) / np.maximum(changes, SMALL)
    courses: Floats = nnls(table * weights[:, None], changes * weights)[0]
    return courses


def _trend_share(courses: Floats, span: int) -> float:
    """Of a constant speed in what moves over the whole span."""
    trend, walk = float(courses[2]) * span**2, float(courses[1]) * span
    return trend / (trend + walk) if trend + walk > 0 else 0.0


def _base(logits: Floats, design: Floats, free: int) -> tuple[Floats, float]:
    """The stance behind the first step's logits (ridge of 1), and the standard deviation of what it leaves."""
    covered = design[:, np.abs(design).sum(0) > 0]
    ridge = covered.T @ covered + np.eye(covered.shape[1])
    stance: Floats = np.asarray(np.linalg.solve(ridge, covered.T @ logits), dtype=np.float64)
    return stance, float(np.sqrt(((logits - covered @ stance) ** 2).sum() / free))


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("history", nargs="?", default="gss-v1", help="a complete history; gss-v1 by default")
    for name, value in asdict(estimate(History.load(parser.parse_args().history))).items():
        print(f"{name:<14} {value:.3f}")


if __name__ == "__main__":
    main()
