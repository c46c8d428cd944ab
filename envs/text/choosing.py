"""Chooses which items an episode asks in text, and which preferences are told for each: those on the same main dimension.

Legend of shapes: Q comparisons of the episode, B questions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from progressgym.instruments.questionnaire import Questionnaire

Ints = NDArray[np.int64]


@dataclass(kw_only=True, frozen=True, eq=False)
class Chosen:
    """What an episode asks."""

    items: Ints
    """Indices of the items, in the order in which they are asked."""
    comparisons: tuple[Ints, ...]
    """For every item, which of the Q comparisons are told."""

    def pairs_for(self, start: int, count: int) -> Ints:
        """Which comparisons are told with some of the questions, each once."""
        parts = self.comparisons[start : start + count]
        return np.array(list(dict.fromkeys(int(pair) for part in parts for pair in part)), dtype=np.int64)


def choose(
    instrument: Questionnaire,
    candidates: Ints,
    questions: int,
    pairs: Ints,
    preferences: int,
    rng: np.random.Generator,
    *,
    own: bool,
) -> Chosen:
    """Draw the items of an episode.

    Args:
        instrument: whose items.
        candidates: indices of the items that may be asked.
        questions: how many are.
        pairs: (Q, 3) the episode's comparisons.
        preferences: comparisons told for every question.
        rng: only its `random` is used.
        own: whether comparisons on asked items may be told. Where the human goes its own way they would hold the answer.
    """
    items = np.sort(candidates[np.argsort(rng.random(len(candidates)), kind="stable")[:questions]])
    order = np.argsort(rng.random(len(pairs)), kind="stable")
    if not own:
        order = order[~np.isin(pairs[order, 0], items)]
    mains = np.array([instrument.items[i].main for i in pairs[order, 0].tolist()])
    comparisons = []
    for item in items.tolist():
        near = mains == instrument.items[item].main
        comparisons.append(np.concatenate([order[near], order[~near]])[:preferences])
    return Chosen(items=items, comparisons=tuple(comparisons))
