"""JSON that a stranger wrote: UTF-8 only, no key twice, no NaN, no infinity, no abyss of brackets, no endless number.

The standard library's parser takes the last of two equal keys, reads `NaN` and `1e999`, runs out of stack on nested
arrays and out of patience on long integers; here each of these is a problem with its place.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from progressgym.leaderboard.problems import Refused, plain, pointer, refuse

MOST_BYTES = 4 * 2**20
DEEPEST = 16
LONGEST_NUMBER = 40
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)


def parse_json(data: bytes, where: str, most: int = MOST_BYTES) -> Any:
    """Parse one JSON document.

    Args:
        data: the file.
        where: its name in problems.
        most: bytes at most.

    Raises:
        Refused: with one problem.
    """
    _check_bytes(data, where, most)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refuse("json-encoding", where, f"not UTF-8: byte {error.start} cannot be read") from None
    _check_depth(data, where)
    try:
        value = json.loads(
            text,
            object_pairs_hook=lambda pairs: _object(pairs, where),
            parse_constant=lambda name: _number(name, where),
            parse_float=lambda digits: _float(digits, where),
            parse_int=lambda digits: _int(digits, where),
        )
    except Refused:
        raise
    except (ValueError, RecursionError) as error:
        raise refuse("json-syntax", where, f"not JSON: {error}") from None
    for place, string in _strings(value):
        _check_text(string, f"{where}#{place}")
    return value


def _check_bytes(data: bytes, where: str, most: int) -> None:
    if not data.strip():
        raise refuse("json-empty", where, "the file is empty; expected a JSON object")
    if len(data) > most:
        raise refuse("json-size", where, f"{len(data)} bytes; at most {most} are read")
    if data.startswith(b"\xef\xbb\xbf"):
        raise refuse("json-encoding", where, "begins with a byte order mark; write UTF-8 without one")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4]:
        raise refuse("json-encoding", where, "looks like UTF-16 or UTF-32, or is binary; write UTF-8")
    if b"\0" in data:
        raise refuse("json-encoding", where, f"holds a NUL byte at {data.index(0)}")


def _check_depth(data: bytes, where: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(data):
        sign = token.group()[:1]
        depth += 1 if sign in b"[{" else -1 if sign in b"]}" else 0
        if depth > DEEPEST:
            raise refuse("json-depth", where, f"nested deeper than {DEEPEST} levels at byte {token.start()}")


def _object(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise refuse("json-duplicate-key", where, f"key {plain(twice, 80)!r} stands twice in one object")
    return members


def _number(name: str, where: str) -> Any:
    raise refuse("json-number", where, f"{name} is not a JSON number; every number must be finite")


def _float(digits: str, where: str) -> float:
    value = float(digits) if len(digits) <= LONGEST_NUMBER else math.inf
    if not math.isfinite(value):
        raise refuse("json-number", where, f"{plain(digits, 40)} is too large or too long; every number must be finite")
    return value


def _int(digits: str, where: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise refuse("json-number", where, f"a whole number of {len(digits)} digits; at most {LONGEST_NUMBER}")
    return int(digits)


def _strings(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every string with its pointer, keys too; the depth is limited by now."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _strings(part, place + pointer(index))
    elif isinstance(value, dict):
        for key, part in value.items():
            yield place, key
            yield from _strings(part, place + pointer(key))


def _check_text(text: str, where: str) -> None:
    if "\0" in text:
        raise refuse("json-text", where, "holds a NUL sign")
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise refuse("json-text", where, "holds half of a surrogate pair, which is no sign of any text")
