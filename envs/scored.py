"""Which items episodes are scored on, what their answers add to scores, and the truth that drift explained compares with.

Legend of shapes: S episodes, n steps, T steps of a history, N items, E scored items, K options, D = 19.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import keep_items
from progressgym.envs.challenge import Challenge
from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.scores.explained import Truth
from progressgym.scores.resampling import item_contributions, item_masses

Floats = NDArray[np.float64]


@dataclass(kw_only=True, frozen=True, eq=False)
class ScoredItems:
    """The items that episodes are scored on; where each has a split of its own, every item with a mask."""

    items: NDArray[np.int64]
    """(E,) indices."""
    used: NDArray[np.bool_] | None
    """(S, E) which of them an episode is scored on; None: all."""
    loadings: Floats
    """(E, K, D)."""

    @classmethod
    def of(cls, instruments: Sequence[Questionnaire]) -> ScoredItems:
        """Of the questionnaires of S episodes, which ask the same items."""
        first = instruments[0]
        if all(np.array_equal(one.evaluation, first.evaluation) for one in instruments):
            return cls(items=first.evaluation, used=None, loadings=first.loadings[first.evaluation])
        every = np.arange(len(first))
        used = np.stack([np.isin(every, one.evaluation) for one in instruments])
        return cls(items=every, used=used, loadings=first.loadings)

    @property
    def masses(self) -> Floats:
        """(E, D) the most that an item can add to a value."""
        return item_masses(self.loadings)

    def masses_of(self, challenge: Challenge) -> Floats:
        """(E, D) or (S, E, D) the most that an item can add to what a challenge's utility reads."""
        masses = challenge.masses(self.loadings)
        return masses if self.used is None else self.used[..., None] * masses

    def contributions(self, challenge: Challenge, answers: Sequence[tuple[History, NDArray[Any]]]) -> Floats:
        """(S, n, E, D) of S times (n, N, K) answers, 0 for items that an episode is not scored on."""
        return self._used([challenge.parts(history, one, self.items) for history, one in answers])

    def human(self, challenge: Challenge, histories: Sequence[History]) -> Floats:
        """(S, T, E, D) the same of the truth."""
        return self._used(
            [challenge.human_parts(history, comparable_truth(history), self.items) for history in histories]
        )

    def _used(self, parts: Sequence[Floats]) -> Floats:
        stacked = np.stack(parts)
        return stacked if self.used is None else stacked * self.used[:, None, :, None]


def truth_of(histories: Sequence[History], compared: NDArray[np.int64]) -> Truth:
    """What drift explained compares the answers of S episodes with.

    Histories that differ in nothing but their split are one human, whose sampling errors all episodes share.

    Args:
        histories: of S episodes.
        compared: (n,) step of the history that each step's answers are compared with.
    """
    scored = ScoredItems.of([history.instrument for history in histories])
    one = all(np.array_equal(history.answers, histories[0].answers, equal_nan=True) for history in histories)
    distinct = histories[:1] if one else histories
    answers = np.stack([history.last_known[compared][:, scored.items] for history in distinct]).astype(np.float64)
    asked = np.stack([history.scored[compared][:, scored.items] for history in distinct])
    used = np.ones((1, len(scored.items)), dtype=bool) if scored.used is None else scored.used
    masks = used[:, None] & asked
    people = histories[0].people
    sampled = one and people is not None
    return Truth(
        contributions=item_contributions(answers, scored.loadings),
        scored=np.broadcast_to(masks, (len(histories), *masks.shape[1:])),
        masses=scored.masses,
        answers=answers if sampled else None,
        loadings=scored.loadings if sampled else None,
        respondents=_respondents(people[compared][:, scored.items], asked[0])[None]
        if sampled and people is not None
        else None,
    )


def _respondents(people: NDArray[Any], asked: NDArray[np.bool_]) -> Floats:
    """Numbers of people behind answers; endless, for an error of 0, where nothing is scored."""
    return np.where(asked, people, np.inf).astype(np.float64)


def comparable_truth(history: History) -> NDArray[Any]:
    """(T, N, K) the human's answers, made comparable in the same way."""
    if history.complete:
        return history.answers
    return keep_items(history.last_known, history.scored, history.instrument.mask)
