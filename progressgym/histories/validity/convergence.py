"""Do independent instruments agree on how the steps of a history differ? The multitrait-multimethod matrix of all of them.

Traits are those of the 19 dimensions that two instruments both measure, methods are instruments, cases are the steps:

    convergent     mean over traits of the correlation over steps of a trait in one instrument with itself in the other
    discriminant   the same with every other trait

Instruments agree where the first is larger than the second more often than when the traits of one are permuted. Those that
share items, such as a questionnaire and its half, are no independent methods; who compares has to leave one out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from progressgym.core.seeding import generator
from progressgym.histories.series import Series
from progressgym.histories.validity.check import share_reached
from progressgym.histories.validity.matrix import correlate, permuted, sides
from progressgym.histories.validity.outside import FEWEST_MODELS

FEWEST_TRAITS = 3
"""Of two traits there is one other permutation."""


@dataclass(kw_only=True, frozen=True)
class Agreement:
    """How far two instruments agree."""

    first: str
    second: str
    traits: int
    """Dimensions that both measure in every step, and that move."""
    convergent: float
    discriminant: float
    p: float
    """Share of permutations of the traits with as large a difference."""


def convergence(series: Sequence[Series]) -> list[Agreement]:
    """Agreement of every pair of instruments that measure enough dimensions in common, in all steps of a history."""
    rows = []
    for one, other in combinations(series, 2):
        if one.labels != other.labels or len(one.labels) < FEWEST_MODELS:
            continue
        table = correlate(one.on19, other.on19)
        both = np.flatnonzero(~np.isnan(np.diagonal(table)))
        if len(both) < FEWEST_TRAITS:
            continue
        same, others = (float(side) for side in sides(table))
        by_chance = permuted(table, generator(0, "convergence", one.instrument, other.instrument))
        rows.append(
            Agreement(
                first=one.instrument,
                second=other.instrument,
                traits=len(both),
                convergent=same,
                discriminant=others,
                p=share_reached(by_chance, same - others),
            )
        )
    return rows
