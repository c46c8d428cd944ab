"""How people change their minds within four years: counts of a panel, item by item, and the rates made of them.

`shifts.jsonl` counts people of the General Social Survey's panel of 2006 to 2010 who gave one of an item's two poles both in 2006
and in 2010 (`research/shifts.py`; source and licence in `data/surveys/gss/README.md`). Over the 65 items with 200 such people or
more, a mean share of .809 says the same again, .100 has gone over to the plus pole and .091 to the minus pole; whether a
racist may teach (`colrac`) is the least stable, .653.

Shares that changed include answers that were not firm: within two years, 2006 to 2008, hardly fewer changed (same .816) than
within four. Steps of four years in a row, as the environment takes them, so move a person further than steps of two would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.errors import UserError
from progressgym.core.records import read_records

FEWEST = 200
"""People from which on an item's rates are used."""


@dataclass(kw_only=True, frozen=True)
class Shifts:
    """How many people gave which of two poles, then and four years later."""

    variable: str
    stayed_plus: int
    left_plus: int
    joined_plus: int
    stayed_minus: int

    def __post_init__(self) -> None:
        """Check the counts."""
        counts = (self.stayed_plus, self.left_plus, self.joined_plus, self.stayed_minus)
        if min(counts) < 0 or not (self.stayed_plus + self.left_plus and self.joined_plus + self.stayed_minus):
            raise UserError(f"{self.variable}: counts from 0 on are expected, some of them at each pole")

    @property
    def people(self) -> int:
        """Who answered twice."""
        return self.stayed_plus + self.left_plus + self.joined_plus + self.stayed_minus

    @property
    def same(self) -> float:
        """Share that gave the same pole again."""
        return (self.stayed_plus + self.stayed_minus) / self.people


@lru_cache(maxsize=1)
def shipped_shifts() -> tuple[Shifts, ...]:
    """Items with enough people, in the order of the survey's list.

    >>> len(shipped_shifts())
    65
    """
    path = Path(str(files("progressgym.data").joinpath("surveys", "gss", "shifts.jsonl")))
    return tuple(row for row in read_records(path, Shifts, unique="variable") if row.people >= FEWEST)


def summary(records: Sequence[Shifts]) -> tuple[float, float, float]:
    """Means over items of the shares that stayed, went to the plus pole and went to the minus pole.

    >>> [round(share, 3) for share in summary(shipped_shifts())]
    [0.809, 0.1, 0.091]
    """
    rows = np.array([[row.same, row.joined_plus / row.people, row.left_plus / row.people] for row in records])
    same, plus, minus = rows.mean(0).tolist()
    return same, plus, minus


def transitions(records: Sequence[Shifts]) -> Floats:
    """(N, 2, 2) rates from the row's pole to the column's, minus first."""
    table = np.array(
        [[[row.stayed_minus, row.joined_plus], [row.left_plus, row.stayed_plus]] for row in records], dtype=np.float64
    )
    rates: Floats = table / table.sum(-1, keepdims=True)
    return rates


def plus_shares(records: Sequence[Shifts]) -> Floats:
    """(N,) shares at the plus pole in the first year."""
    return np.array([(row.stayed_plus + row.left_plus) / row.people for row in records])
