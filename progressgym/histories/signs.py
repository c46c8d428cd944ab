"""Do the tags of a survey's items point the right way? Checked against people whose leaning is known.

A tag is the author's judgement, and one with the wrong sign does not show in any score: its item then cancels others of
its dimension. What can be checked is whether liberal and conservative people differ on an item in the direction in which
they are known to differ on the dimension: conservatives uphold loyalty, authority and purity more, liberals care and
fairness (Graham, Haidt and Nosek 2009, Journal of Personality and Social Psychology 96), and so on below. An item fails
where they differ significantly the other way.

Legend of shapes: K options.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from progressgym.core.dimensions import DIMENSIONS
from progressgym.instruments.questionnaire import Questionnaire

LIBERAL, CONSERVATIVE = "liberal", "conservative"
LEANS: Mapping[str, int] = {
    "pain": 1,
    "freedom": 1,
    "pleasure": 1,
    "care": 1,
    "fairness": 1,
    "death": -1,
    "law": -1,
    "duty": -1,
    "loyalty": -1,
    "authority": -1,
    "purity": -1,
    "traditional": -1,
}
"""Dimension -> 1 where liberals uphold it more, -1 where conservatives do. `death` is taking life before birth and at
its end; see `EXCEPTIONS` for taking it as a punishment. What is not named is not checked."""
EXCEPTIONS: Mapping[tuple[str, str], int] = {("cappun", "death"): 1}
"""(item, dimension) where the leaning is another: liberals are against the death penalty."""
SIGNIFICANT = 1.959963984540054


@dataclass(kw_only=True, frozen=True)
class SignFault:
    """An item on which the two groups differ against its tags."""

    item: str
    dimension: str
    z: float
    """How many standard errors they differ by, in the direction that is expected; below -1.96."""

    def __str__(self) -> str:
        return f"item {self.item!r} is tagged against its pole in {self.dimension}: z = {self.z:.1f}"


def sign_scores(
    instrument: Questionnaire, groups: Mapping[str, Mapping[str, Sequence[int]]]
) -> dict[tuple[str, str], float]:
    """How far liberals and conservatives differ in the expected direction, in standard errors.

    Args:
        instrument: its items with their tags.
        groups: item id -> group -> counts (K,); see `survey_files.read_groups`.

    Returns:
        (item, dimension) -> z; items without counts and dimensions without a known leaning are absent.
    """
    scores = {}
    for i, item in enumerate(instrument.items):
        counts = groups.get(item.id, {})
        if LIBERAL not in counts or CONSERVATIVE not in counts:
            continue
        for d, dimension in enumerate(DIMENSIONS):
            lean = EXCEPTIONS.get((item.id, dimension), LEANS.get(dimension, 0))
            loadings = instrument.loadings[i, : len(item.options), d]
            if lean and loadings.any():
                (a, va), (b, vb) = (_mean(counts[group], loadings) for group in (LIBERAL, CONSERVATIVE))
                scores[item.id, dimension] = lean * (a - b) / math.sqrt(max(va + vb, 1e-12))
    return scores


def sign_faults(instrument: Questionnaire, groups: Mapping[str, Mapping[str, Sequence[int]]]) -> list[SignFault]:
    """Items that are significantly against their pole; see `sign_scores`."""
    scores = sign_scores(instrument, groups)
    return [SignFault(item=i, dimension=d, z=z) for (i, d), z in scores.items() if z < -SIGNIFICANT]


def _mean(counts: Sequence[int], loadings: NDArray[np.float64]) -> tuple[float, float]:
    """Mean loading of the answers of a group, and the variance of that mean."""
    people = np.asarray(counts, dtype=np.float64)
    shares = people / people.sum()
    mean = float(shares @ loadings)
    return mean, float(shares @ loadings**2 - mean**2) / float(people.sum())
