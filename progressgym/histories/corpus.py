"""HistText: passages of dated text, streamed from JSON, JSON Lines or either one gzipped.

The published set (PKU-Alignment/ProgressGym-HistText) has 38 GB, so nothing is ever loaded whole: JSON Lines are read
line by line, JSON arrays record by record. A broken record is skipped, counted and named; it never ends a run.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from progressgym.core.dimensions import century, century_label
from progressgym.core.errors import UserError

SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
CHUNK = 1 << 20
"""Characters read at a time from a JSON array."""
MAX_RECORD = 64 << 20
"""A single record longer than this many characters is taken as damage."""
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
    faults: list[str] = field(default_factory=list)
    """The first broken records as `file:record: reason`."""

    def fault(self, where: str, reason: str) -> None:
        """Count a broken record and name it while there are few."""
        self.broken += 1
        if len(self.faults) < NAMED_FAULTS:
            self.faults.append(f"{where}: {reason}")


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
    head = stream.read(1)
    while head and head.isspace():
        head = stream.read(1)
    if head == "[":
        yield from _array_records(stream, name, report)
        return
    rest = head + stream.readline()
    number = 1
    while rest:
        if rest.strip():
            try:
                yield number, json.loads(rest)
            except (ValueError, RecursionError) as error:
                report.fault(f"{name}:{number}", f"not JSON ({error})")
        rest = stream.readline()
        number += 1


def _array_records(stream: io.TextIOBase, name: str, report: ReadReport) -> Iterator[tuple[int, Any]]:
    """Records of a JSON array, decoded one by one from a moving window."""
    decoder = json.JSONDecoder()
    window, number, ended = "", 1, False
    while True:
        window = window.lstrip(" \t\r\n,")
        if window.startswith("]"):
            return
        try:
            record, end = decoder.raw_decode(window)
        except (ValueError, RecursionError) as error:
            chunk = "" if ended or len(window) > MAX_RECORD else stream.read(CHUNK)
            ended = ended or not chunk
            if ended:
                if window:
                    report.fault(f"{name}:{number}", f"the array breaks off here ({error})")
                return
            window += chunk
            continue
        yield number, record
        window, number = window[end:], number + 1


def _passage(record: Any, where: str, report: ReadReport) -> Passage | None:
    if not isinstance(record, dict):
        report.fault(where, "not an object")
        return None
    year, text = record.get("creation_year"), record.get("content")
    if isinstance(year, str) and year.strip().lstrip("-").isdigit():
        year = int(year)
    if not isinstance(year, int) or isinstance(year, bool) or not 1 <= year <= 2100:
        report.fault(where, f"creation_year is {year!r}, expected a year")
        return None
    if not isinstance(text, str) or not text.strip():
        report.fault(where, "content is missing or empty")
        return None
    source = str(record.get("source_dataset") or "unknown")
    named = record.get("title") or record.get("source_document") or record.get("source_dataset_detailed")
    work = str(named) if named else f"{source} {year}"
    return Passage(year, text, source, work, str(record.get("author") or ""), str(record.get("licence") or ""))
