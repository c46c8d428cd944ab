"""Ranks and places that nobody can turn by entering more: every entry has a score of its own, from its own numbers alone.


A score is the mean over challenges and histories of what an entry deserves there, from -1 to 1: 0 for never learning, 1
for the reference. Because it does not depend on which other entries there are, copies, near copies and decoys change
the order of nobody else. (Borda points and mean ranks over all entries did: two decoys between two others decide which
of these is ahead.)

Where a challenge is ranked by a pair (`progressgym.envs.challenge.Challenge.cost`), because levelling or steering a
simulated human raises the skill alone, an entry deserves the smaller of its skill and its restraint: how much less than
`static` it costs, as a share of how much less the reference does. Both are 0 for `static` and 1 for the reference, so that
no exchange rate between them is needed.

Legend of shapes: E entries, G groups (challenge and history), B bootstrap samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVEL = 0.95
TIE = 1e-9
"""Numbers that differ less are equal: equal answers differ in the last bits of other machines."""
LEAST, MOST = -1.0, 1.0
"""What one group can cost or bring: one failure weighs no more than one success."""


def ranks(merit: Floats) -> Floats:
    """Ranks along the first axis, 1 = best; ties share the mean of their places.

    Args:
        merit: (E, ...) finite numbers, more is better.

    >>> ranks(np.array([0.5, 0.9, 0.5])).tolist()
    [2.5, 1.0, 2.5]
    """
    rounded = np.round(merit / TIE).reshape(len(merit), -1)
    order = np.sort(rounded, axis=0)
    table = np.empty_like(rounded)
    for column in range(rounded.shape[1]):
        below = np.searchsorted(order[:, column], rounded[:, column], "left")
        above = len(merit) - np.searchsorted(order[:, column], rounded[:, column], "right")
        table[:, column] = above + (len(merit) - below - above + 1) / 2
    return table.reshape(merit.shape)


def scores(merit: Floats) -> Floats:
    """The score of every entry: (E, G, ...) merits -> (E, ...) means over groups.

    A merit that is not identified (NaN) counts as 0, as never learning does.

    >>> scores(np.array([[0.5, 0.25], [np.nan, 0.5], [-9.0, 1.0]])).tolist()
    [0.375, 0.25, 0.0]
    """
    mean: Floats = np.clip(np.nan_to_num(merit, nan=0.0), LEAST, MOST).mean(1)
    return mean


@dataclass(kw_only=True, frozen=True, eq=False)
class Scored:
    """Private scores of the entries that are ranked."""

    groups: Sequence[str]
    skill: Floats
    """(E, G); NaN where it is not identified."""
    displacement: Floats
    """(E, G) the cost of a pair; NaN where the skill alone ranks."""
    restraint: Floats
    """(E, G); NaN where the skill alone ranks, and where it is not known."""
    samples: Floats
    """(E, G, B) of what ranks, drawn alike for every entry; B may be 0."""
    of_merit: NDArray[np.bool_]
    """(E, G) whether the samples hold the restraint, too; where not, the restraint of the whole data caps them."""

    def pair(self, group: int) -> bool:
        """Whether a group is ranked by skill and restraint together."""
        return bool(np.isfinite(self.displacement[:, group]).any())

    @property
    def cap(self) -> Floats:
        """(E, G) what a merit is at most: the restraint in Coevolve, NaN where that is not known."""
        pairs = np.array([self.pair(group) for group in range(len(self.groups))], dtype=bool)
        return np.where(pairs, self.restraint, np.inf)

    def merit(self) -> Floats:
        """(E, G) what ranks in a group; NaN where it is not identified."""
        smaller: Floats = np.minimum(self.skill, self.cap)
        return smaller

    def sampled_merit(self) -> Floats:
        """(E, G, B) the same for every sample."""
        smaller: Floats = np.minimum(self.samples, np.where(self.of_merit, np.inf, self.cap)[..., None])
        return smaller


@dataclass(kw_only=True, frozen=True, eq=False)
class Overall:
    """Places over all groups, every group counting the same."""

    score: Floats
    """(E,)."""
    place: Floats
    """(E,) by score, 1 = best."""
    low: Floats
    """(E,) 2.5 % bound of the place over bootstrap samples."""
    high: Floats
    """(E,) 97.5 % bound."""


def overall(scored: Scored) -> Overall:
    """Places over all groups."""
    score = scores(scored.merit())
    place = ranks(score)
    low, high = place, place
    if scored.samples.shape[-1]:
        drawn = ranks(scores(scored.sampled_merit()))
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    return Overall(score=score, place=place, low=low, high=high)


def pareto_front(scored: Scored) -> list[int]:
    """Entries that no other is as good as everywhere and better than somewhere; displacement counts beside skill."""
    costs = [-scored.displacement[:, [g]] for g in range(len(scored.groups)) if scored.pair(g)]
    table = np.round(np.nan_to_num(np.concatenate([scored.skill, *costs], axis=1)) / TIE)
    front = []
    for entry, row in enumerate(table):
        beaten = (table >= row).all(1) & (table > row).any(1)
        if not beaten.any():
            front.append(entry)
    return front


def winners_by_weighting(scored: Scored) -> dict[str, int]:
    """Who wins under different ways of adding up: name of the weighting -> index of the winner.

    Every group alone, the mean skill of those without a pair, and the score over all. When they differ, no single winner
    is meant. Of equals the first is named.
    """
    merit = scored.merit()
    winners = {
        f"only {name}": int(np.nanargmax(merit[:, g]))
        for g, name in enumerate(scored.groups)
        if np.isfinite(merit[:, g]).any()
    }
    single = [g for g in range(len(scored.groups)) if not scored.pair(g)]
    if single:
        winners["mean skill"] = int(np.argmax(np.nan_to_num(scored.skill[:, single]).mean(1)))
    winners["score"] = int(np.argmax(scores(merit)))
    return winners
