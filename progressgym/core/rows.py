"""Rows of comma-separated files and of files of JSON lines, packed or not, with the line of every mistake."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from progressgym.core.errors import UserError
from progressgym.core.reading import parse_json, read_bytes


def packed_text(path: Path) -> str:
    """UTF-8 text, packed or not.

    Raises:
        UserError: no file, no whole gzip file, no UTF-8.
    """
    data = read_bytes(path)
    try:
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path.name} is no whole gzip file: {error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not UTF-8 (byte {error.start})") from None


def csv_rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with their lines.

    Args:
        path: the file; its first line names the columns.
        needed: columns that it must have.

    Raises:
        UserError: a column that is missing, a row with another number of fields, no rows.
    """
    reader = csv.DictReader(io.StringIO(packed_text(path), newline=""))
    missing = [column for column in needed if column not in (reader.fieldnames or ())]
    if missing:
        raise UserError(f"{path.name} has no column {missing[0]!r}; {', '.join(needed)} are expected")
    empty = True
    for row in reader:
        if None in row or None in row.values():
            raise UserError(f"{path.name}, line {reader.line_num} has not as many fields as the header")
        empty = False
        yield reader.line_num, row
    if empty:
        raise UserError(f"{path.name} has no rows")


def json_rows(path: Path, expected: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """JSON objects, one a line, with file and line; empty lines are skipped.

    Lines end with a line feed and nothing else: a text may hold other separators as they are.

    Args:
        path: the file.
        expected: what an object has, for the error.

    Raises:
        UserError: what is no JSON, or no object, no lines.
    """
    empty = True
    for number, line in enumerate(packed_text(path).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        given = parse_json(line, where)
        if not isinstance(given, dict):
            raise UserError(f"{where} is no JSON object; one with {expected} is expected")
        empty = False
        yield where, given
    if empty:
        raise UserError(f"{path.name} has no lines")


def finite_number(text: str, where: str) -> float:
    """A number of a field.

    Raises:
        UserError: none, or none that is finite.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{where} is {text!r}; a finite number is expected")
    return value
