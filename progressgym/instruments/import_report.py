"""What was read of a published battery, and what was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(kw_only=True, frozen=True)
class RowNote:
    """What happened to one row."""

    file: str
    line: int
    """Line of the file on which the row ends, from 1."""
    id: str
    """The row's own id."""
    reason: str
    """Why it was dropped, or what was changed."""


@dataclass(kw_only=True, frozen=True)
class ImportReport:
    """What was read and what was not."""

    kept: Mapping[str, int]
    """File name -> usable rows."""
    dropped: tuple[RowNote, ...]
    """Rows that could not be used."""
    changed: tuple[RowNote, ...]
    """Rows kept under another id or with options put right, and rows that are usable but odd."""

    def summary(self) -> str:
        """One line a file and one a dropped row."""
        lines = [f"{name}: {count} rows kept" for name, count in self.kept.items()]
        lines += [f"dropped {note.file} line {note.line} ({note.id}): {note.reason}" for note in self.dropped]
        return "\n".join(lines)
