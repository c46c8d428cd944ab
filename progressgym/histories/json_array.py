"""JSON arrays record by record, from a moving window, past records that are broken.

The file may be larger than the memory. Where a record does not parse, the next place is sought at which an object
begins that parses and looks like a record; every object that was begun before it counts as one broken record.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any, Protocol

from progressgym.core.reading import LONGEST_WHOLE

MAX_RECORD = 64 << 20
"""A single record longer than this many characters is taken as damage."""
MARKS = ("content", "creation_year")
"""An object with one of these keys is a record; any other one behind a fault may be a part of the broken record."""
MARGIN = 16
"""A complaint so near to the end of the window may be about its end: `tru` may become `true`."""
TAIL = 256
"""Signs of a fruitless window that are kept, in which an object may begin."""
_BEGINS = re.compile(r'\{\s*"')
_BETWEEN = re.compile(r"\}\s*,\s*\{")
_GAP = " \t\r\n,"


def _whole(digits: str) -> int | float:
    """A number of so many digits that it cannot be meant becomes one that no field accepts."""
    return int(digits) if len(digits) <= LONGEST_WHOLE else float("nan")


DECODER = json.JSONDecoder(parse_int=_whole)


class Report(Protocol):
    """Where broken records are told."""

    def fault(self, where: str, reason: str) -> None:
        """Count one and name it."""
        ...


def array_records(stream: io.TextIOBase, name: str, report: Report, chunk: int) -> Iterator[tuple[int, Any]]:
    """Records of a JSON array with their position from 1.

    Args:
        stream: behind the opening bracket.
        name: of the file, for faults.
        report: is told of every record that is broken.
        chunk: characters read at a time.
    """
    window, number, inside = _Window(stream, chunk), 1, True
    while window.fill():
        if window.text[0] == ("]" if inside else "["):  # more arrays, or lines, may follow the end of one
            inside = not inside
            window.drop(1)
            continue
        try:
            record, end = window.decode()
        except (ValueError, RecursionError) as error:
            broken = window.seek()
            lost = "" if window.text else ", or the array breaks off here"
            for one in range(broken):
                report.fault(f"{name}:{number + one}", f"not JSON{lost} ({error})")
            number, inside = number + broken, inside and bool(window.text)
            continue
        window.drop(end)
        yield number, record
        number += 1
    if inside:
        report.fault(f"{name}:{number}", "the array breaks off here")


class _Window:
    """The part of a stream that is looked at."""

    def __init__(self, stream: io.TextIOBase, chunk: int) -> None:
        self.text = ""
        self._stream, self._chunk = stream, chunk

    def fill(self) -> bool:
        """Skip what separates records; False at the end of the stream."""
        self.text = self.text.lstrip(_GAP)
        while not self.text and self._more():
            self.text = self.text.lstrip(_GAP)
        return bool(self.text)

    def drop(self, count: int) -> None:
        """Forget the first signs."""
        self.text = self.text[count:]

    def decode(self, place: int = 0) -> tuple[Any, int]:
        """The value at a place and where it ends; read on while it may only be cut off.

        Raises:
            ValueError: it is broken.
            RecursionError: it is nested too deeply.
        """
        while True:
            try:
                value, end = DECODER.raw_decode(self.text, place)
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self.text) - MARGIN or error.msg.startswith("Unterminated string")
                if not cut or len(self.text) - place > MAX_RECORD or not self._more():
                    raise
                continue
            if end == len(self.text) and isinstance(value, (int, float)) and self._more():
                continue  # a number may go on
            return value, end

    def seek(self) -> int:
        """Go on to the next record that parses, or to the end; returns how many were broken before it, 1 or more."""
        broken, place = 1, 1
        while True:
            begins = _BEGINS.search(self.text, place)
            if begins is None:
                cut = max(len(self.text) - TAIL, 0)
                broken += len(_BETWEEN.findall(self.text[:cut]))
                self.drop(cut)
                place = min(place, 1)
                if not self._more():
                    broken += len(_BETWEEN.findall(self.text))
                    self.text = ""
                    return broken
                continue
            place = begins.start()
            try:
                value, end = self.decode(place)
            except (ValueError, RecursionError):
                place += 1
                continue
            if not set(MARKS).isdisjoint(value):
                broken += len(_BETWEEN.findall(self.text[:place]))
                self.drop(place)
                return broken
            place = end

    def _more(self) -> bool:
        """Read on; False at the end of the stream."""
        part = self._stream.read(self._chunk)
        self.text += part
        return bool(part)
