"""One check of a validity report, and the resampling that all of them share.

A check has one statistic that is 0 where there is nothing to be found. It **passes** when its whole 95 % interval is above
0 and chance reaches it in fewer than 5 % of permutations; it is **skipped** with a reason where what it needs is absent;
else it **fails**. The rule is the same for every check and every model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import Floats
from progressgym.core.seeding import generator
from progressgym.scores.intervals import tails

RESAMPLES, PERMUTATIONS = 1000, 2000
LEVEL = 0.05
TINY = 1e-12


@dataclass(kw_only=True, frozen=True)
class Check:
    """What one check found."""

    name: str
    question: str
    """What it asks, in words."""
    value: float | None = None
    """The statistic; None where it was skipped."""
    low: float | None = None
    high: float | None = None
    p: float | None = None
    """Share of permutations, the data among them, whose statistic is as large."""
    skipped: str = ""
    """Why it was not made."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Tables behind it, plain numbers."""

    @property
    def status(self) -> str:
        """`pass`, `FAIL` or `skipped`."""
        if self.value is None or self.low is None or self.p is None:
            return "skipped"
        return "pass" if self.low > 0 and self.p < LEVEL else "FAIL"

    def line(self, width: int = 24) -> str:
        """One line for the terminal."""
        if self.status == "skipped":
            return f"{self.status:<8}{self.name:<{width}} {self.skipped}"
        return (
            f"{self.status:<8}{self.name:<{width}} {self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}]  "
            f"p {self.p:.4f}  {self.question}"
        )


def skipped(name: str, question: str, reason: str) -> Check:
    """A check that cannot be made."""
    return Check(name=name, question=question, skipped=reason)


def bootstrap(
    size: int, statistic: Callable[[NDArray[np.int64]], float], *names: str, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """95 % percentile interval of a statistic over units drawn anew.

    Args:
        size: how many units.
        statistic: of the indices (size,) of those drawn.
        names: of the random stream.
        resamples: B.
    """
    rng = generator(0, "bootstrap", *names)
    return tails(np.array([statistic(rng.integers(0, size, size)) for _ in range(resamples)]))


def permutation(
    size: int, statistic: Callable[[NDArray[np.int64]], float], *names: str, permutations: int = PERMUTATIONS
) -> float:
    """p of a statistic under permutations of `size` units, one-sided; the data count as one of them."""
    rng = generator(0, "permutation", *names)
    found = statistic(np.arange(size))
    reached = sum(statistic(rng.permutation(size)) >= found - TINY for _ in range(permutations))
    return (1 + reached) / (1 + permutations)


def correlation(one: Floats, other: Floats) -> float:
    """Pearson's; 0 where either does not vary."""
    if one.std() < TINY or other.std() < TINY:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def spearman(one: Floats, other: Floats) -> float:
    """Of ranks, ties at their mean rank."""
    return correlation(_ranks(one), _ranks(other))


def _ranks(values: Floats) -> Floats:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(count) - (count - 1) / 2.0)[place]
    return ranks
