"""Which norms of a history drifted: every item's score over its steps, for `progressgym.scores.item_drift`.

An item's score is how far its answers uphold the dimension that it was written for, from -1 to 1. Items about worldviews, and
those that weigh several dimensions, have no such score and are left out.

Legend of shapes: T steps, N items that have a score, K options.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.dimensions import DIMENSIONS, index_of
from progressgym.core.errors import UserError
from progressgym.histories.history import History
from progressgym.scores.item_drift import FEWEST_STEPS, NormDrift, norm_drift

LEAST_ERROR = 1e-3
"""Of a share of people; nobody knows a share better, and shares of 0 and 1 would have none."""


@dataclass(kw_only=True, frozen=True, eq=False)
class NormScores:
    """Scores of a history's items."""

    names: tuple[str, ...]
    """N ids."""
    mains: tuple[str, ...]
    """N dimensions."""
    scores: Floats
    """(T, N), NaN where an item was not asked."""
    errors: Floats | None
    """(T, N) sampling errors; None where the answers are no sample of people."""

    def drift(self) -> NormDrift:
        """What became of the items, step by step evenly."""
        return norm_drift(self.scores, self.names, self.errors)


def norm_scores(history: History) -> NormScores:
    """Scores of every item with one main dimension.

    Raises:
        UserError: there is none, or there are too few steps for a line's error.
    """
    if len(history) < FEWEST_STEPS:
        raise UserError(
            f"history {history.name!r} has {len(history)} steps; a drift needs {FEWEST_STEPS} to be told from chance"
        )
    items = history.instrument.items
    chosen = [n for n, item in enumerate(items) if item.main in DIMENSIONS]
    main = np.array([index_of(items[n].main) for n in chosen], dtype=np.int64)
    if not chosen:
        raise UserError(f"no item of {history.instrument.name!r} has a main dimension of its own")
    worth = history.instrument.loadings[chosen, :, main]
    worth = worth / worth.max(1, keepdims=True)  # (N, K), at most 1
    answers = history.answers[:, chosen].astype(np.float64)
    scores = (answers * worth).sum(-1)
    errors = None
    if history.people is not None:
        variance = (answers * worth**2).sum(-1) - scores**2
        asked = history.asked[:, chosen]
        people = np.where(asked, history.people[:, chosen], 1.0)
        errors = np.maximum(np.sqrt(np.maximum(np.where(asked, variance, 0.0), 0.0) / people), LEAST_ERROR)
    return NormScores(
        names=tuple(items[n].id for n in chosen),
        mains=tuple(items[n].main for n in chosen),
        scores=scores,
        errors=errors,
    )
