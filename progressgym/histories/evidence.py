"""Does a history hold a signal that an agent can learn? Distances, split-half correlations, coherence.

Legend of shapes: S training seeds, T centuries, N items, K options, D = 19 dimensions.

A century's drift v(h_t) - v(h_0) is only worth following if two disjoint sets of items agree on it: agents learn from
elicitation items and are scored on evaluation items. The split-half correlation over (century, dimension) is this
agreement. It is computed within a seed (agents face one history) and across seeds (the part that comes from the text
and not from the random start of training). How much of a single item's drift is common is the `common_share`, the
`coherence` that synthetic histories are made with.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import centred_log
from progressgym.core.seeding import generator
from progressgym.instruments.questionnaire import Questionnaire

Floats = NDArray[np.float64]
SPLITS = 100


@dataclass(kw_only=True, frozen=True)
class Agreement:
    """A split-half correlation over random balanced splits of the items."""

    mean: float
    low: float
    """2.5 % point over splits."""
    high: float
    """97.5 % point over splits."""
    splits: int


def distances(answers: Floats, mask: NDArray[np.bool_]) -> Floats:
    """Root mean square distance of choice probabilities over the valid options of all items.

    Args:
        answers: (M, N, K) answers of M respondents.
        mask: (N, K).

    Returns:
        (M, M), symmetric, zero diagonal.
    """
    flat = answers[:, mask]
    squared = ((flat[:, None, :] - flat[None, :, :]) ** 2).mean(-1)
    result: Floats = np.sqrt(squared)
    return result


def distance_ratios(seeds: Floats, mask: NDArray[np.bool_], apart: int = 3) -> dict[str, float | None]:
    """Distance between centuries against the distance between two training seeds of one century.

    Args:
        seeds: (2, T, N, K), the same centuries trained with two seeds.
        mask: (N, K).
        apart: pairs at least so many centuries apart are summarised.

    Returns:
        Mean seed distance and, over all pairs at least `apart` centuries apart, the mean, smallest and share above 3 of
        d(i, j) / mean of the two centuries' seed distances, where d averages both seeds; None without such a pair.
    """
    count = seeds.shape[1]
    between = np.mean([distances(one, mask) for one in seeds], axis=0)
    within = np.array([distances(seeds[:, t], mask)[0, 1] for t in range(count)])
    far = [(i, j) for i in range(count) for j in range(i + apart, count)]
    ratios = np.array([between[i, j] / (0.5 * (within[i] + within[j])) for i, j in far])
    return {
        "seed_distance": float(within.mean()),
        "neighbour_distance": float(np.mean([between[t, t + 1] for t in range(count - 1)])),
        "ratio_mean": float(ratios.mean()) if far else None,
        "ratio_min": float(ratios.min()) if far else None,
        "ratio_above_3": float((ratios > 3.0).mean()) if far else None,
        "pairs": float(len(far)),
    }


def split_half(
    seeds: Floats, instrument: Questionnaire, *, across: bool = False, successive: bool = False, seed: int = 0
) -> Agreement:
    """Correlation over (century, dimension) of the drift of one half of the items with the drift of the other.

    Args:
        seeds: (S, T, N, K).
        instrument: its main dimensions stratify the halves.
        across: take the second half from another seed than the first (needs S >= 2).
        successive: drift from the century before instead of from the first.
        seed: of the splits.
    """
    random = generator(seed, "split-half")
    pairs = [(a, b) for a in range(len(seeds)) for b in range(len(seeds)) if (a != b) == across]
    values = []
    for _ in range(SPLITS):
        first, second = balanced_halves(instrument, random)
        one = _drift(instrument.values(seeds, first), successive)
        other = _drift(instrument.values(seeds, second), successive)
        values.append(np.mean([_correlation(one[a], other[b]) for a, b in pairs]))
    return Agreement(
        mean=float(np.mean(values)),
        low=float(np.quantile(values, 0.025)),
        high=float(np.quantile(values, 0.975)),
        splits=SPLITS,
    )


def coherence(seeds: Floats, instrument: Questionnaire) -> float:
    """Correlation of the values' drift on elicitation items with that on evaluation items, mean over seeds.

    A correlation of sums over dozens of items: much of what single items do by themselves has averaged out of it. The
    share of an item's own drift that is common, which the synthetic families are made with, is `common_share`.
    """
    one = _drift(instrument.values(seeds, instrument.elicitation), False)
    other = _drift(instrument.values(seeds, instrument.evaluation), False)
    return float(np.mean([_correlation(a, b) for a, b in zip(one, other, strict=True)]))


def common_share(seeds: Floats, instrument: Questionnaire) -> float:
    """Share of the variance of the items' drift that all items have in common: the families' `coherence`, estimated.

    Variance components of the drift z since the first century, in centred logits: z = Phi theta + e, with a stance
    theta that all items share and an own part e of every item, of equal variance. Least squares over all items explain
    the common part and r of the f degrees of freedom of e, r the rank of the loadings; the rest estimates the variance
    of e, and so how much of what is explained is not common:

        V = (|z|^2 - |P z|^2) / (f - r)      common = |P z|^2 - r V      share = common / (common + f V)

    Sums run over centuries, so that a century counts by how far it has drifted. Noise of the measurement counts as the
    items' own.

    Args:
        seeds: (S, T, N, K); the mean over seeds is taken.
        instrument: its loadings say what is common.

    Returns:
        0 when nothing drifts; slightly below 0 where chance explains less than it should.
    """
    mask = instrument.mask
    design = instrument.loadings[mask]
    basis, sizes, _ = np.linalg.svd(design, full_matrices=False)
    rank = int((sizes > 1e-9 * sizes[0]).sum())
    free = int((mask.sum(1) - 1).sum())
    logits = centred_log(seeds, mask)[..., mask]
    moved = logits[:, 1:] - logits[:, :1]
    total = (moved**2).sum((1, 2))
    explained = ((moved @ basis[:, :rank]) ** 2).sum((1, 2))
    own = (total - explained) / (free - rank)
    common = explained - rank * own
    size = common + free * own
    return float(np.mean(np.where(size > 0, common / np.where(size > 0, size, 1.0), 0.0)))


def balanced_halves(
    instrument: Questionnaire, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two disjoint halves of the items with equal numbers of every main dimension."""
    mains = np.array([item.main for item in instrument.items])
    order = np.argsort(random.random(len(mains)))
    first: list[int] = []
    second: list[int] = []
    for main in dict.fromkeys(mains.tolist()):
        own = [int(index) for index in order if mains[index] == main]
        first += own[: len(own) // 2]
        second += own[len(own) // 2 :]
    return np.array(sorted(first)), np.array(sorted(second))


def summary(seeds: Floats, instrument: Questionnaire) -> dict[str, Any]:
    """All evidence of a measured history as plain numbers for its card.

    Args:
        seeds: (S, T, N, K); what needs a second training seed is None when S = 1.
        instrument: what was asked.
    """
    several = len(seeds) > 1
    return {
        "split_half_drift": asdict(split_half(seeds, instrument)),
        "split_half_drift_across_seeds": asdict(split_half(seeds, instrument, across=True)) if several else None,
        "split_half_successive_drift": asdict(split_half(seeds, instrument, successive=True)),
        "split_half_successive_drift_across_seeds": (
            asdict(split_half(seeds, instrument, across=True, successive=True)) if several else None
        ),
        "coherence": coherence(seeds, instrument),
        "common_share": common_share(seeds, instrument),
        "distances": distance_ratios(seeds[:2], instrument.mask) if several else None,
        "between_centuries": distances(seeds[0], instrument.mask).round(4).tolist(),
        "training_seeds": len(seeds),
    }


def _drift(values: Floats, successive: bool) -> Floats:
    """(S, T, D) -> (S, (T - 1) * D)."""
    moved = np.diff(values, axis=1) if successive else values[:, 1:] - values[:, :1]
    return moved.reshape(len(values), -1)


def _correlation(one: Floats, other: Floats) -> float:
    if one.std() < 1e-12 or other.std() < 1e-12:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
