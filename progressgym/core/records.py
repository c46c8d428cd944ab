"""Records on disk: a file with one JSON object a line, each the fields of a frozen dataclass.

Items of our own lie in such files. The annotations of the dataclass say what a line may hold (`str`, `int`, `float`, `bool`,
tuples and string-keyed mappings of them), its `__post_init__` what makes sense; every fault is one line with file and line.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from progressgym.core.errors import UserError
from progressgym.core.reading import parse_json, read_text

T = TypeVar("T")


def read_records(path: Path, kind: type[T], *, unique: str = "id") -> tuple[T, ...]:
    """Every line of a file as one object; empty lines are skipped.

    Args:
        path: of the file, UTF-8.
        kind: a frozen dataclass whose fields are given by keyword; those with a default may be left out.
        unique: the field that no two lines share; "" for none.

    Raises:
        UserError: no such file, not UTF-8, no line, a line that is no such record, or one that occurs twice.
    """
    records: list[T] = []
    lines: dict[Any, int] = {}
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path.name} line {number}"
        records.append(record_of(parse_json(line, where), kind, where))
        key = getattr(records[-1], unique) if unique else number
        if key in lines:
            raise UserError(f"{where}: {unique} {key!r} stands in line {lines[key]}, too")
        lines[key] = number
    if not records:
        raise UserError(f"{path} holds no line")
    return tuple(records)


def record_of(record: Any, kind: type[T], where: str) -> T:
    """One JSON object as a dataclass.

    Args:
        record: what a JSON parser returned.
        kind: as in `read_records`.
        where: file and line, for the error.

    Raises:
        UserError: not an object, a field that is missing, unknown or of the wrong type, or what `kind` itself refuses.
    """
    parts = {part.name: part for part in fields(kind) if part.init}  # type: ignore[arg-type]
    needed = [name for name, part in parts.items() if part.default is MISSING and part.default_factory is MISSING]
    if not isinstance(record, dict):
        raise UserError(f"{where}: an object with {', '.join(parts)} is expected, found {type(record).__name__}")
    odd = [name for name in needed if name not in record] or [name for name in record if name not in parts]
    if odd:
        fault = "is missing" if odd[0] in parts else "is unknown"
        raise UserError(f"{where}: field {odd[0]!r} {fault}; fields are {', '.join(parts)}")
    hints = get_type_hints(kind)
    values = {name: _value(value, hints[name], f"{where}: {name}") for name, value in record.items()}
    try:
        return kind(**values)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _value(value: Any, hint: Any, where: str) -> Any:
    """A JSON value as what an annotation asks for; nothing is converted but lists to tuples and whole numbers to floats."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is tuple and isinstance(value, list):
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_value(part, inner[0], where) for part in value)
        if len(inner) == len(value):
            return tuple(_value(part, each, where) for part, each in zip(value, inner, strict=True))
    if origin in (dict, Mapping) and isinstance(value, dict):
        return {name: _value(part, inner[1], f"{where}.{name}") for name, part in value.items()}
    if hint is float and type(value) in (int, float) and isfinite(value):
        return float(value)
    if hint in (str, int, bool) and type(value) is hint:  # true is no whole number
        return value
    expected = hint.__name__ if isinstance(hint, type) and not isinstance(hint, types.GenericAlias) else hint
    raise UserError(f"{where} must be of type {expected}, found {value!r:.60}")
