"""Random questionnaires to learn from: what asking them tells about each direction of the stance.

Numbers of items (6 to 240) and options (2 to 4), dimensions covered (2 to 19), how often each is tagged, how far items
agree with one axis, how many pairs are asked and the kind of labels are drawn at random. Nothing is read from a shipped
questionnaire. Legend of shapes: P questionnaires, N items, K = 4 options, E = D + 1 = 20 coordinates of the stance, the
last one the common course (`filters.common`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from progressgym.agents.filters.common import course_of
from progressgym.agents.filters.directions import collect
from progressgym.agents.learned.transfer.transfer_agent import COMMON, LEAST
from progressgym.core.dimensions import DIMENSIONS

Floats = NDArray[np.float64]
WIDTH = len(DIMENSIONS) + 1
OPTIONS = 4


@dataclass(kw_only=True, frozen=True, eq=False)
class Questionnaires:
    """What asking P questionnaires tells."""

    directions: Tensor
    """(P, E, E) columns are the directions."""
    strength: Tensor
    """(P, E)."""
    free: Tensor
    """(P,) residual degrees of freedom, `LEAST` or more."""
    sampled: Tensor
    """(P,) 1 where labels are sampled."""

    def rows(self, index: Tensor) -> Questionnaires:
        """Some of them, in any order and as often as asked."""
        return Questionnaires(**{name: getattr(self, name)[index] for name in self.__dataclass_fields__})


def draw_questionnaires(count: int, seed: int) -> Questionnaires:
    """Draw P questionnaires; those that leave no residual are drawn again."""
    rng = np.random.default_rng(seed)
    batches: list[tuple[Tensor, Tensor, Tensor, float]] = []
    while len(batches) < count:
        loadings, mask = _loadings(rng)
        sampled = float(rng.random() < 0.5)
        pairs = _pairs(mask, rng)
        both = np.concatenate([loadings, COMMON * course_of(loadings, mask)[..., None]], -1)
        features = torch.tensor(both[pairs[:, 0], pairs[:, 1]] - both[pairs[:, 0], pairs[:, 2]])[None]
        share = 2.0 / mask.sum(1)[pairs[:, 0]]
        chance = 1.0 / (1.0 + np.exp(-1.5 * rng.standard_normal(len(pairs))))
        weights = torch.tensor(chance * (1.0 - chance) if sampled else share)[None]
        free = weights.new_tensor([len(pairs)]) if sampled else weights.sum(-1)
        evidence = collect(features, features.new_zeros(1, len(pairs), 1), weights, free)
        if float(evidence.free) >= LEAST:
            batches.append((evidence.directions[0], evidence.strength[0], evidence.free[0], sampled))
    directions, strength, left, kinds = zip(*batches, strict=True)
    return Questionnaires(
        directions=torch.stack(directions),
        strength=torch.stack(strength),
        free=torch.stack(left),
        sampled=torch.tensor(kinds, dtype=torch.float64),
    )


def _loadings(rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
    """(N, K, D) and the mask (N, K) of the real options."""
    items = round(float(np.exp(rng.uniform(np.log(6), np.log(240)))))
    covered = rng.choice(WIDTH - 1, rng.integers(2, WIDTH), replace=False)
    popularity = rng.dirichlet(np.full(len(covered), rng.choice([0.5, 2.0, 20.0])))
    ends = rng.choice([-1.0, 1.0], WIDTH - 1)
    agreement, widest = rng.uniform(0.5, 1.0), rng.choice([2, 3, 4])
    loadings, mask = np.zeros((items, OPTIONS, WIDTH - 1)), np.zeros((items, OPTIONS), dtype=np.bool_)
    for item in range(items):
        options = int(rng.integers(2, widest + 1))
        mask[item, :options] = True
        tagged = min(int(rng.choice([1, 2, 3, 4], p=[0.4, 0.3, 0.2, 0.1])), int((popularity > 0).sum()))
        for dimension in rng.choice(covered, tagged, replace=False, p=popularity):
            side = ends[dimension] if rng.random() < agreement else -ends[dimension]
            scale = np.linspace(1.0, -1.0, options)  # one end upholds, the other violates
            if rng.random() < 0.4:
                scale = rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0], options)
            loadings[item, :options, dimension] = side * scale
    return loadings, mask


def _pairs(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """(Q, 3) the pairs asked: all, or in one of four cases a random half to all of them."""
    counts = mask.sum(1).tolist()
    pairs = np.array([(i, a, b) for i, count in enumerate(counts) for a, b in combinations(range(count), 2)])
    if rng.random() < 0.25:
        pairs = pairs[np.sort(rng.choice(len(pairs), rng.integers(len(pairs) // 2, len(pairs) + 1), replace=False))]
    return pairs
