"""Ranks: per challenge by private skill; over challenges Borda points, mean rank, bootstrap intervals, Pareto front.

Where a challenge is ranked by a pair (`progressgym.envs.challenge.Challenge.cost`), because levelling or steering a
simulated human raises the skill alone, an entry is ranked by how many others have both at least its skill and at most its
cost, which in Coevolve is the displacement of the human.

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
"""Skills that differ less are equal: equal answers differ in the last bits of other machines."""
MOST_PAIRS = 600
"""With more entries than this, pairs are compared on the data as they are and not in every sample."""


def ranks(merit: Floats) -> Floats:
    """Ranks along the first axis, 1 = best; ties share the mean of their places.

    Args:
        merit: (E, ...) finite numbers, more is better.

    >>> ranks(np.array([0.5, 0.9, 0.5])).tolist()
    [2.5, 1.0, 2.5]
    """
    rounded = np.round(merit / TIE).reshape(len(merit), -1)
    order = np.sort(rounded, axis=0)
    found = np.empty_like(rounded)
    for column in range(rounded.shape[1]):
        below = np.searchsorted(order[:, column], rounded[:, column], "left")
        above = len(merit) - np.searchsorted(order[:, column], rounded[:, column], "right")
        found[:, column] = above + (len(merit) - below - above + 1) / 2
    return found.reshape(merit.shape)


def pair_merit(skill: Floats, displacement: Floats) -> Floats:
    """Merit of a pair: minus the number of entries with no less skill and no more displacement, and not both alike.

    Args:
        skill: (E, ...).
        displacement: (E,) of the simulated human by the agent.

    >>> pair_merit(np.array([0.1, 0.8, 0.0]), np.array([0.05, 0.15, 0.06])).tolist()
    [0.0, 0.0, -1.0]
    """
    gain = np.round(skill / TIE)
    cost = np.round(displacement / TIE).reshape(-1, *([1] * (skill.ndim - 1)))
    merit = np.zeros_like(skill)
    for entry in range(len(skill)):
        as_good = (gain >= gain[entry]) & (cost <= cost[entry])
        better = (gain > gain[entry]) | (cost < cost[entry])
        merit[entry] = -(as_good & better).sum(0)
    return merit


def borda(table: Floats) -> Floats:
    """Borda points: how many entries one is ahead of, over all groups; ties count half. (E, G, ...) ranks -> (E, ...).

    >>> borda(np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 3.0]])).tolist()
    [3.0, 3.0, 0.0]
    """
    points: Floats = (len(table) - table).sum(1)
    return points


@dataclass(kw_only=True, frozen=True, eq=False)
class Scored:
    """Private scores of the entries that are ranked."""

    groups: Sequence[str]
    skill: Floats
    """(E, G)."""
    displacement: Floats
    """(E, G) the cost of a pair; NaN where the skill alone ranks."""
    samples: Floats
    """(E, G, B) of the skill, drawn alike for every entry; B may be 0."""

    def pair(self, group: int) -> bool:
        """Whether a group is ranked by skill and displacement together."""
        return bool(np.isfinite(self.displacement[:, group]).all())

    def merit(self) -> Floats:
        """(E, G) what ranks."""
        columns = [
            pair_merit(self.skill[:, g], self.displacement[:, g]) if self.pair(g) else self.skill[:, g]
            for g in range(len(self.groups))
        ]
        return np.stack(columns, axis=1)

    def sampled_merit(self) -> Floats:
        """(E, G, B) the same for every sample."""
        merit = self.samples.copy()
        for group in range(len(self.groups)):
            if self.pair(group):
                cost = self.displacement[:, group]
                few = len(merit) <= MOST_PAIRS
                one = pair_merit(self.samples[:, group] if few else self.skill[:, group], cost)
                merit[:, group] = one if few else one[:, None]
        return merit


@dataclass(kw_only=True, frozen=True, eq=False)
class Overall:
    """Places over all groups, every group counting the same."""

    mean_rank: Floats
    """(E,)."""
    borda: Floats
    """(E,) points."""
    place: Floats
    """(E,) by Borda points, 1 = best."""
    low: Floats
    """(E,) 2.5 % bound of the place over bootstrap samples."""
    high: Floats
    """(E,) 97.5 % bound."""


def overall(scored: Scored) -> Overall:
    """Places over all groups."""
    table = ranks(scored.merit())
    place = ranks(borda(table))
    low, high = place, place
    if scored.samples.shape[-1]:
        drawn = ranks(borda(ranks(scored.sampled_merit())))
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    return Overall(mean_rank=table.mean(1), borda=borda(table), place=place, low=low, high=high)


def pareto_front(scored: Scored) -> list[int]:
    """Entries that no other is as good as everywhere and better than somewhere; displacement counts beside skill."""
    costs = [-scored.displacement[:, [g]] for g in range(len(scored.groups)) if scored.pair(g)]
    table = np.round(np.concatenate([scored.skill, *costs], axis=1) / TIE)
    front = []
    for entry, row in enumerate(table):
        beaten = (table >= row).all(1) & (table > row).any(1)
        if not beaten.any():
            front.append(entry)
    return front


def winners_by_weighting(scored: Scored) -> dict[str, int]:
    """Who wins under different ways of adding up: name of the weighting -> index of the winner.

    Every group alone (pairs excepted: they have no winner), mean skill of these, and Borda points over all. When
    they differ, no single winner is meant.
    """
    single = [g for g in range(len(scored.groups)) if not scored.pair(g)]
    found = {f"only {scored.groups[g]}": int(np.argmax(scored.skill[:, g])) for g in single}
    if single:
        found["mean skill"] = int(np.argmax(scored.skill[:, single].mean(1)))
    found["Borda points"] = int(np.argmax(borda(ranks(scored.merit()))))
    return found
