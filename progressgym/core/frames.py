"""Frames: messages of one JSON header and some arrays, for two processes of which one is not trusted. No pickle.

    magic b"PGF1" | bytes of the header (uint32) | bytes of the arrays (uint64) | header | arrays

The header is a JSON object with `kind`, `fields` and `arrays`, a list of [name, type, shape]; the arrays follow in that
order, little-endian and without gaps. Whoever reads checks every length before taking memory for it.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

PREFIX = struct.Struct("<4sIQ")
MAGIC = b"PGF1"
TYPES = ("<f4", "<f8", "<i8")
MOST_DIMENSIONS = 4
MOST_ARRAYS = 8


class FrameError(ValueError):
    """What came is no frame."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Frame:
    """One message."""

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON."""
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def encode(frame: Frame) -> bytes:
    """A frame as bytes.

    >>> decode_all(encode(Frame(kind="hello", arrays={"a": np.zeros(2, np.float32)}))).arrays["a"].tolist()
    [0.0, 0.0]
    """
    tables = [(name, _little(array)) for name, array in frame.arrays.items()]
    head = {
        "kind": frame.kind,
        "fields": dict(frame.fields),
        "arrays": [[name, table.dtype.str, list(table.shape)] for name, table in tables],
    }
    header = json.dumps(head, ensure_ascii=False, allow_nan=False).encode()
    body = b"".join(table.tobytes() for _, table in tables)
    return PREFIX.pack(MAGIC, len(header), len(body)) + header + body


def lengths(prefix: bytes, most_header: int, most_body: int) -> tuple[int, int]:
    """Bytes of header and arrays that a prefix announces.

    Raises:
        FrameError: no prefix of a frame, or more than allowed.
    """
    magic, header, body = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise FrameError("it does not begin as a frame")
    if header > most_header or body > most_body:
        raise FrameError(f"it announces {header} + {body} bytes; at most {most_header} + {most_body} are allowed")
    return header, body


def decode(header: bytes, body: bytes) -> Frame:
    """A frame from its two parts.

    Raises:
        FrameError: anything that `encode` would not have written.
    """
    try:
        head = json.loads(header.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"its header is not JSON: {type(error).__name__}") from None
    if not isinstance(head, dict) or set(head) != {"kind", "fields", "arrays"}:
        raise FrameError("its header needs exactly kind, fields and arrays")
    kind, fields, listed = head["kind"], head["fields"], head["arrays"]
    if not isinstance(kind, str) or not isinstance(fields, dict) or not isinstance(listed, list):
        raise FrameError("its header has entries of the wrong type")
    if len(listed) > MOST_ARRAYS:
        raise FrameError(f"it lists {len(listed)} arrays; at most {MOST_ARRAYS} are allowed")
    arrays: dict[str, NDArray[Any]] = {}
    place = 0
    for entry in listed:
        name, kind_of_number, shape = _entry(entry)
        size = math.prod(shape) * np.dtype(kind_of_number).itemsize
        if name in arrays or place + size > len(body):
            raise FrameError(f"array {name[:40]!a} is listed twice or longer than what was sent")
        try:
            arrays[name] = np.frombuffer(body[place : place + size], dtype=kind_of_number).reshape(shape)
        except ValueError as error:  # no numbers at all, but more of them along other axes than an address can hold
            raise FrameError(f"array {name[:40]!a} cannot have its shape: {error}") from None
        place += size
    if place != len(body):
        raise FrameError(f"{len(body) - place} bytes belong to no array")
    return Frame(kind=kind, fields=fields, arrays=arrays)


def decode_all(data: bytes) -> Frame:
    """A frame from all of its bytes.

    Raises:
        FrameError: not exactly one frame.
    """
    if len(data) < PREFIX.size:
        raise FrameError("it ends too early")
    header, body = lengths(data[: PREFIX.size], len(data), len(data))
    if len(data) != PREFIX.size + header + body:
        raise FrameError("its length is not the announced one")
    return decode(data[PREFIX.size : PREFIX.size + header], data[PREFIX.size + header :])


def _entry(entry: Any) -> tuple[str, str, tuple[int, ...]]:
    """Name, type and shape of a listed array."""
    if not isinstance(entry, list) or len(entry) != 3:
        raise FrameError("an array is listed by name, type and shape")
    name, kind, shape = entry
    if not isinstance(name, str) or kind not in TYPES or not isinstance(shape, list):
        raise FrameError(f"an array needs a name, one of the types {', '.join(TYPES)}, and a shape")
    if len(shape) > MOST_DIMENSIONS or not all(type(size) is int and 0 <= size < 2**31 for size in shape):
        raise FrameError("the shape of an array holds up to four whole numbers")
    return name, kind, tuple(shape)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key twice")
    return members


def _constant(name: str) -> float:
    raise ValueError(name)


def _little(array: NDArray[Any]) -> NDArray[Any]:
    kind = array.dtype.newbyteorder("<").str
    if kind not in TYPES:
        raise FrameError(f"{array.dtype} cannot be sent; use one of {', '.join(TYPES)}")
    return np.asarray(array, dtype=kind, order="C")
