"""Practices whose praise is known to have risen or fallen, and deeds that were praised or blamed in every age.

A deed stands in the infinitive without "to" (`whip a child`). Its direction comes from a law or a judgement that the
record names; it says which way the public verdict of the English-speaking world turned, not what is right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from progressgym.core.errors import UserError
from progressgym.core.records import read_records

NAME = "practices-v1"
KINDS = ("rose", "fell", "praised", "blamed")
SIGNS = {"rose": 1, "fell": -1, "praised": 1, "blamed": -1}
_CENTURY = re.compile(r"C0(\d\d)")


@dataclass(kw_only=True, frozen=True)
class Practice:
    """A deed and what is known of its praise."""

    id: str
    deed: str
    """In the infinitive, without "to"."""
    kind: str
    """`rose`, `fell`; or a control: `praised` or `blamed` in every age."""
    since: int = 0
    """Century before the turn (17: the 17th); 0 for a control."""
    until: int = 0
    """Century by which it had turned; 0 for a control."""
    source: str = ""
    """Law or judgement that shows the turn; empty for a control."""

    def __post_init__(self) -> None:
        """Check kind and turn."""
        if self.kind not in KINDS:
            raise UserError(f"kind is {self.kind!r}; use {', '.join(KINDS)}")
        if not self.control and not (0 < self.since < self.until and self.source):
            raise UserError("a turn needs since, a later until and its source")

    @property
    def sign(self) -> int:
        """+1 rose or always praised, -1 fell or always blamed."""
        return SIGNS[self.kind]

    @property
    def control(self) -> bool:
        """Whether its verdict is known not to have turned."""
        return self.kind in KINDS[2:]


@lru_cache(maxsize=1)
def shipped_practices() -> tuple[Practice, ...]:
    """The list of the package, in its order.

    >>> len([practice for practice in shipped_practices() if not practice.control]) >= 40
    True
    """
    return read_practices(Path(str(files("progressgym.data").joinpath("practices", f"{NAME}.jsonl"))))


def read_practices(path: Path) -> tuple[Practice, ...]:
    """A file of practices, one JSON object a line.

    Raises:
        UserError: a line that is no practice, or an id that occurs twice.
    """
    return read_records(path, Practice)


def century_number(label: str) -> int | None:
    """The century that a label names, None where it names none.

    >>> century_number("C019"), century_number("1972-76")
    (19, None)
    """
    match = _CENTURY.fullmatch(label)
    return int(match[1]) if match else None
