"""Our everyday dilemmas, the values that their deeds serve, and principles that decide some of them.

`progressgym/data/instruments/daily-dilemmas-v1` holds `items.jsonl`, `values.jsonl` and `principles.jsonl`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.errors import UserError, unknown
from progressgym.core.records import read_records
from progressgym.instruments.measures.bank import shipped_bank
from progressgym.instruments.storage import shipped_folder

NAME = "daily-dilemmas-v1"
THEORIES: Mapping[str, str] = {
    "foundations": "foundation",
    "survey": "wvs",
    "virtues": "virtue",
    "emotions": "emotion",
    "needs": "need",
}
"""Theory -> the field of a value: moral foundations (Haidt), the axes of the World Values Survey (Inglehart and Welzel),
Aristotle's virtues, Plutchik's emotions, Maslow's needs."""


@dataclass(kw_only=True, frozen=True)
class Value:
    """A value that a deed may serve, and its class in every theory ("" for none)."""

    name: str
    wvs: str = ""
    foundation: str = ""
    virtue: str = ""
    emotion: str = ""
    need: str = ""


@lru_cache(maxsize=1)
def shipped_values() -> Mapping[str, Value]:
    """The values by name, in the order of their file."""
    rows = read_records(shipped_folder() / NAME / "values.jsonl", Value, unique="name")
    return {row.name: row for row in rows}


@dataclass(kw_only=True, frozen=True)
class Dilemma:
    """A situation with two deeds."""

    id: str
    text: str
    options: tuple[str, str]
    values: tuple[tuple[str, ...], tuple[str, ...]]
    """What each deed serves."""

    def __post_init__(self) -> None:
        """Check what a file can get wrong."""
        if not (self.id and self.text.strip() and all(option.strip() for option in self.options)):
            raise UserError("a dilemma needs an id, a text and two deeds, none of them empty")
        if self.options[0] == self.options[1] or not (self.values[0] and self.values[1]):
            raise UserError("the two deeds must differ, and each must serve a value")
        _check_values((*self.values[0], *self.values[1]))
        if set(self.values[0]) & set(self.values[1]):
            raise UserError(
                f"both deeds serve {min(set(self.values[0]) & set(self.values[1]))!r}, which decides nothing"
            )


@dataclass(kw_only=True, frozen=True)
class Principle:
    """A sentence to live by, its contrary, and the values at stake."""

    id: str
    text: str
    against: str
    supports: tuple[str, ...]
    opposes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check what a file can get wrong."""
        if not (self.id and self.text.strip() and self.against.strip() and self.supports and self.opposes):
            raise UserError("a principle needs an id, a text, its contrary, and values that it supports and opposes")
        _check_values((*self.supports, *self.opposes))
        if set(self.supports) & set(self.opposes):
            raise UserError(f"{min(set(self.supports) & set(self.opposes))!r} is supported and opposed")

    def side(self, item: Dilemma) -> int | None:
        """The deed that the principle supports; None where it does not decide: the values that it supports must be all on
        one side, and those that it opposes not on that side."""
        sides = [k for k in (0, 1) if set(item.values[k]) & set(self.supports)]
        return sides[0] if len(sides) == 1 and not set(item.values[sides[0]]) & set(self.opposes) else None


def shipped_dilemmas() -> tuple[Dilemma, ...]:
    """N, in the order of their file."""
    return shipped_bank(NAME, Dilemma)


@lru_cache(maxsize=1)
def shipped_principles() -> tuple[Principle, ...]:
    """In the order of their file."""
    return read_records(shipped_folder() / NAME / "principles.jsonl", Principle)


def classes(theory: str) -> tuple[str, ...]:
    """Classes of a theory, in the order in which the values name them."""
    names = (getattr(value, THEORIES[theory]) for value in shipped_values().values())
    return tuple(dict.fromkeys(name for name in names if name))


def tags(theory: str) -> Floats:
    """(N, 2, D) how many values of each class of a theory each deed serves."""
    sides = [
        [[getattr(shipped_values()[name], THEORIES[theory]) for name in side] for side in item.values]
        for item in shipped_dilemmas()
    ]
    return np.array([[[side.count(name) for name in classes(theory)] for side in both] for both in sides], dtype=float)


def _check_values(names: tuple[str, ...]) -> None:
    for name in names:
        if name not in shipped_values():
            raise unknown("value", name, list(shipped_values()))
