"""The timeline of a history: what its answers say in value vectors, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire

Floats = NDArray[np.float64]


@dataclass(kw_only=True, frozen=True, eq=False)
class Timeline:
    """Value vectors of every century on one set of items."""

    labels: tuple[str, ...]
    """T labels, oldest first."""
    values: Floats
    """(T, 19); 0 on dimensions that are not covered."""
    covered: NDArray[np.bool_]
    """(19,) True on dimensions that the items measure."""

    @classmethod
    def of(cls, history: History, items: ArrayLike | None = None) -> Timeline:
        """The timeline of a history on a subset of items, all by default."""
        instrument = history.instrument
        covered = _covered(instrument) if items is instrument.evaluation else instrument.covered(items)
        return cls(labels=history.labels, values=history.values(items), covered=covered)

    @property
    def drift(self) -> Floats:
        """(T, 19) change since the first century."""
        drift: Floats = self.values - self.values[0]
        return drift

    @property
    def total_drift(self) -> float:
        """Root mean square over covered dimensions of the change from the first to the last century."""
        return float(np.sqrt(np.mean(self.drift[-1][self.covered] ** 2))) if self.covered.any() else 0.0


@lru_cache(maxsize=64)
def _covered(instrument: Questionnaire) -> NDArray[np.bool_]:
    """Covered dimensions of the evaluation items: asked at every reset of an environment."""
    covered = instrument.covered(instrument.evaluation)
    covered.setflags(write=False)
    return covered
