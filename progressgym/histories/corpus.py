"""HistText: passages of dated text, streamed from JSON, JSON Lines or either one gzipped.

The published set (PKU-Alignment/ProgressGym-HistText) has 38 GB, so nothing is ever loaded whole: JSON Lines are read
line by line, JSON arrays record by record (`json_array`). A broken record costs itself: it is skipped, counted and
named, and what stands behind it is read. Half of a surrogate pair becomes U+FFFD, and that is counted too.
"""

from __future__ import annotations

import gzip
import io
import re
import reprlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from progressgym.core.dimensions import century, century_label
from progressgym.core.errors import UserError
from progressgym.core.text import mend, one_line, well_formed
from progressgym.histories.json_array import DECODER, MAX_RECORD, array_records

SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
CHUNK = 1 << 20
MOST_BLANKS = 1 << 16
"""Before the first record of a file."""
"""Characters read at a time from a JSON array."""
LONGEST_REASON = 200
_YEAR = re.compile("[0-9]{1,9}")
"""ASCII digits only: other signs that Python takes for digits are damage."""
NAMED_FAULTS = 20
"""So many broken records are named one by one; the rest is only counted."""


@dataclass(frozen=True)
class Passage:
    """One record of a HistText corpus."""

    year: int
    """Year of writing."""
    text: str
    source: str
    """`source_dataset` of the record."""
    work: str
    """Title of the work, or what stands for it; whole works are held out, not passages."""
    author: str = ""
    licence: str = ""
    """Rights as the record states them; the card of a history repeats them."""

    @property
    def century(self) -> str:
        """Label of the century, for example `C013`."""
        return century_label(century(self.year))


@dataclass
class ReadReport:
    """What was read and what was not."""

    files: int = 0
    passages: int = 0
    broken: int = 0
    mended: int = 0
    """Passages in which half a surrogate pair (an emoji cut in two) became U+FFFD."""
    faults: list[str] = field(default_factory=list)
    """The first broken records as `file:record: reason`."""

    def fault(self, where: str, reason: str) -> None:
        """Count a broken record and name it while there are few."""
        self.broken += 1
        if len(self.faults) < NAMED_FAULTS:
            self.faults.append(one_line(mend(f"{where}: {reason[:LONGEST_REASON]}")))


def corpus_files(path: Path | str) -> list[Path]:
    """The HistText files of a folder (any depth) or a single file.

    Raises:
        UserError: nothing there, or no file of a known kind.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"no such corpus: {path}; give a HistText file or a folder of {', '.join(SUFFIXES)} files")
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.name.endswith(SUFFIXES))
    if not files:
        raise UserError(f"{path} holds no HistText file ({', '.join(SUFFIXES)})")
    return files


def stream_passages(path: Path | str, report: ReadReport | None = None) -> Iterator[Passage]:
    """Yield the passages of a corpus in file order.

    Args:
        path: a file or a folder.
        report: filled with counts and faults while reading.
    """
    report = report if report is not None else ReadReport()
    for file in corpus_files(path):
        report.files += 1
        try:
            with _open(file) as stream:
                for number, record in _records(stream, file.name, report):
                    passage = _passage(record, f"{file.name}:{number}", report)
                    if passage is not None:
                        report.passages += 1
                        yield passage
        except (OSError, EOFError, zlib.error) as error:
            report.fault(file.name, f"the file ends early or is damaged ({error})")


def _open(file: Path) -> io.TextIOBase:
    raw = gzip.open(file, "rb") if file.name.endswith(".gz") else open(file, "rb")  # noqa: SIM115 (closed by the caller)
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace")


def _records(stream: io.TextIOBase, name: str, report: ReadReport) -> Iterator[tuple[int, Any]]:
    """Records with their line number (JSON Lines) or position from 1 (JSON array)."""
    head, blanks = stream.read(1), 0
    while head and head.isspace() and blanks < MOST_BLANKS:
        head, blanks = stream.read(1), blanks + 1
    if blanks == MOST_BLANKS:
        report.fault(name, f"begins with {MOST_BLANKS} blanks or more")
        return
    if head == "[":
        yield from array_records(stream, name, report, CHUNK)
        return
    rest = head + stream.readline(MAX_RECORD)
    number = 1
    while rest:
        if len(rest) >= MAX_RECORD:
            report.fault(f"{name}:{number}", f"longer than {MAX_RECORD} characters")
            while rest and not rest.endswith("\n"):  # of a packed file that may unpack to any size
                rest = stream.readline(CHUNK)
        elif rest.strip():
            try:
                yield number, DECODER.decode(rest)
            except (ValueError, RecursionError) as error:
                report.fault(f"{name}:{number}", f"not JSON ({error})")
        rest = stream.readline(MAX_RECORD)
        number += 1


def _passage(record: Any, where: str, report: ReadReport) -> Passage | None:
    if not isinstance(record, dict):
        report.fault(where, "not an object")
        return None
    year, text = record.get("creation_year"), record.get("content")
    if isinstance(year, str) and _YEAR.fullmatch(year.strip()):
        year = int(year)
    if not isinstance(year, int) or isinstance(year, bool) or not 1 <= year <= 2100:
        report.fault(where, f"creation_year is {reprlib.repr(year)}, expected a year")
        return None
    if not isinstance(text, str) or not text.strip():
        report.fault(where, "content is missing or empty")
        return None
    source = str(record.get("source_dataset") or "unknown")
    named = record.get("title") or record.get("source_document") or record.get("source_dataset_detailed")
    work = str(named) if named else f"{source} {year}"
    given = (text, source, work, str(record.get("author") or ""), str(record.get("licence") or ""))
    report.mended += not all(map(well_formed, given))
    return Passage(year, *map(mend, given))
