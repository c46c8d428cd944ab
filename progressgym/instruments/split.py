"""Two halves of a questionnaire that measure the same things: one to learn from, one to be scored on.

Halves are first drawn within strata (main dimension, which option upholds it), then improved by swapping items of the
same stratum between them, as long as a swap makes the halves more alike in what they measure: in the summed strengths
of every dimension, in the position of the upholding options, and in the second moments of the loadings (which
dimensions are set against which). The same for the same seed on every machine: with two or four options all
sums are exact in binary.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.seeding import generator
from progressgym.instruments.item import WORLDVIEW, Item
from progressgym.instruments.loadings import Ints, loading_tensor, strengths

STRENGTH_WEIGHT, POSITION_WEIGHT, MOMENT_WEIGHT = 4.0, 2.0, 1.0
MAX_PASSES = 20


def balanced_split(items: Sequence[Item], *, seed: int = 0, starts: int = 4) -> tuple[Ints, Ints]:
    """Split items in two halves of equal size.

    Args:
        items: N items; the number of items of a stratum in the two halves differs by at most one.
        seed: which split.
        starts: random beginnings; the best end is kept.

    Returns:
        Sorted indices of the first (elicitation) and second (evaluation) half.
    """
    features = _features(items)
    best, best_cost = np.zeros(0, dtype=np.float64), np.inf
    for start in range(starts):
        signs = _improve(_draw(items, generator(seed, "split", str(start))), features, _strata(items))
        cost = float(((signs @ features) ** 2).sum())
        if cost < best_cost:
            best, best_cost = signs, cost
    return np.flatnonzero(best > 0).astype(np.int64), np.flatnonzero(best < 0).astype(np.int64)


def imbalance(items: Sequence[Item], elicitation: Ints, evaluation: Ints) -> Floats:
    """Relative difference of the summed strengths of each dimension between two halves, (19,); 0 is perfect."""
    most = strengths(loading_tensor(items))
    first, second = most[elicitation].sum(0), most[evaluation].sum(0)
    difference: Floats = np.abs(first - second) / np.maximum(0.5 * (first + second), 1e-12)
    return difference


def _strata(items: Sequence[Item]) -> list[Ints]:
    """Indices of the items of each (main dimension, upholding option first or not)."""
    groups: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for i, item in enumerate(items):
        groups[item.main, item.main != WORLDVIEW and item.upholding_first].append(i)
    return [np.array(groups[key], dtype=np.int64) for key in sorted(groups)]


def _draw(items: Sequence[Item], rng: np.random.Generator) -> Floats:
    """A random split as signs (N,): +1 first half, -1 second; the odd one of a stratum goes to each half in turn."""
    signs, turn = np.zeros(len(items)), 1.0
    for stratum in _strata(items):
        shuffled = stratum[np.argsort(rng.random(len(stratum)))]
        signs[shuffled[0::2]], signs[shuffled[1::2]] = turn, -turn
        if len(stratum) % 2:
            turn = -turn
    return signs


def _features(items: Sequence[Item]) -> Floats:
    """What both halves should hold equally much of, (N, F)."""
    loadings = loading_tensor(items)
    n, k, d = loadings.shape
    upper = np.triu_indices(d)
    moments = np.einsum("ikd,ike->ide", loadings, loadings)[:, upper[0], upper[1]]
    return np.concatenate(
        [
            STRENGTH_WEIGHT * strengths(loadings),
            POSITION_WEIGHT * loadings.reshape(n, k * d),
            MOMENT_WEIGHT * moments,
        ],
        axis=1,
    )


def _improve(signs: Floats, features: Floats, strata: list[Ints]) -> Floats:
    """Swap pairs within strata while |difference of the halves|^2 falls.

    Swapping i with j moves the difference D by 2 s_i (f_j - f_i); the change of |D|^2 follows from the products
    f_i . f_j, computed once, and f . D, kept up to date.
    """
    products = features @ features.T
    norms = products.diagonal()
    along = products @ signs
    for _ in range(MAX_PASSES):
        swapped = False
        for stratum in strata:
            for i in stratum:
                others = stratum[signs[stratum] == -signs[i]]
                if not len(others):
                    continue
                change = signs[i] * (along[others] - along[i]) + norms[others] + norms[i] - 2 * products[i, others]
                best = int(change.argmin())
                if change[best] < -1e-9:
                    j = others[best]
                    along = along + 2 * signs[i] * (products[j] - products[i])
                    signs[i], signs[j] = signs[j], signs[i]
                    swapped = True
        if not swapped:
            break
    return signs
