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
from scipy.stats import rankdata

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


Statistic = Callable[[NDArray[np.int64]], Floats]
"""Of rows of indices (B, n), a number each: (B,)."""


def examined(
    name: str,
    question: str,
    statistic: Statistic,
    units: int,
    permuted: Statistic,
    *,
    permutable: int | None = None,
    detail: Mapping[str, Any],
) -> Check:
    """A check whose units are drawn anew for the interval and permuted for p.

    Args:
        name: of the check, and of its random streams.
        question: what it asks.
        statistic: of the units drawn (B, units).
        units: how many there are.
        permuted: the same statistic where what must fit is in another order (B, permutable).
        permutable: how many things are permuted, where they are not the units.
        detail: tables behind it.
    """
    low, high = bootstrap(units, statistic, name)
    value = float(statistic(np.arange(units)[None])[0])
    p = permutation(units if permutable is None else permutable, permuted, name)
    return Check(name=name, question=question, value=value, low=low, high=high, p=p, detail=detail)


def bootstrap(size: int, statistic: Statistic, *names: str, resamples: int = RESAMPLES) -> tuple[float, float]:
    """95 % percentile interval of a statistic over units drawn anew.

    Args:
        size: how many units.
        statistic: of the units drawn.
        names: of the random stream.
        resamples: B.
    """
    return tails(statistic(drawn(size, *names, resamples=resamples)))


def drawn(size: int, *names: str, resamples: int = RESAMPLES) -> NDArray[np.int64]:
    """(B, size) units drawn with replacement."""
    return generator(0, "bootstrap", *names).integers(0, size, (resamples, size))


def permutation(size: int, statistic: Statistic, *names: str) -> float:
    """p of a statistic under permutations of `size` units, one-sided; the data count as one of them."""
    return share_reached(statistic(orders(size, *names)), float(statistic(np.arange(size)[None])[0]))


def orders(size: int, *names: str) -> NDArray[np.int64]:
    """(PERMUTATIONS, size)."""
    rows = np.tile(np.arange(size), (PERMUTATIONS, 1))
    shuffled: NDArray[np.int64] = generator(0, "permutation", *names).permuted(rows, axis=1)
    return shuffled


def share_reached(permuted: Floats, value: float) -> float:
    """p: how many permutations reach what was value, the data among them."""
    return (1 + int((permuted >= value - TINY).sum())) / (1 + len(permuted))


def correlation(one: Floats, other: Floats) -> Floats:
    """Pearson's over the last axis, the others broadcast; 0 where either does not vary.

    >>> correlation(np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]]), np.array([3.0, 2.0, 1.0])).round(9).tolist()
    [-1.0, 0.0]
    """
    a, b = one - one.mean(-1, keepdims=True), other - other.mean(-1, keepdims=True)
    size = np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    varies = size > TINY
    coefficients: Floats = np.where(varies, (a * b).sum(-1) / np.where(varies, size, 1.0), 0.0)
    return coefficients


def spearman(one: Floats, other: Floats) -> Floats:
    """Of ranks over the last axis, ties at their mean rank."""
    return correlation(rankdata(one, axis=-1), rankdata(other, axis=-1))
