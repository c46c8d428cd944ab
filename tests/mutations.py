"""Mutations of files: bytes (flips, cuts, repeats, marks, other encodings), values of JSON (every wrong type, endless
numbers, half surrogates), the layout of an archive (method, encryption flag, header of an array)."""

from __future__ import annotations

import io
import json
import random
import zipfile
from typing import Any

import numpy as np

MARK = "@@ a value of a stranger @@"
ODD = (
    *[
        "null",
        "true",
        "false",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e308",
        "1e308",
        "1e-308",
        "0",
        "-1",
        "0.5",
        "1.5",
        "9223372036854775808",
        "[]",
        "{}",
        "[[]]",
    ],
    *[
        "[{}]",
        '""',
        '"x"',
        '"\\ud83d"',
        '"\\u0000"',
        '"nan"',
        '"1e9"',
        "[null]",
        "[1e308]",
        "[true]",
        '{"a":{}}',
        '["\\udc80"]',
        '"a\\nb"',
    ],
    *("9" * digits for digits in (41, 400, 5000)),
    json.dumps("x" * 3000),
    "[" * 3000 + "]" * 3000,
)
"""What a stranger may put in place of a value, as JSON text."""


HEADERS = [
    (b"(", b"(("),
    (b"'<", b"'>"),
    (b"f4", b"c8"),
    (b"f4", b"O "),
    (b"f4", b"V4"),
    (b"False", b"True "),
    (b"descr", b"dexcr"),
    (b"(2", b"(-"),
    (b"2,", b"9" * 2),
    (b"}", b'"'),
    (b"{", b"0x"),
    (b"\x01\x00", b"\x02\x00"),
    (b"\x01\x00", b"\x09\x00"),
]
"""Changes of an npy header."""
ARRAYS: list[np.ndarray[Any, Any]] = [
    np.zeros((3, 8, 4), np.complex64),
    np.array([["0.5", "0.5"]]),
    np.full((3, 8, 4), 1e308),
    np.full((3, 8, 4), np.nan, np.float32),
    np.zeros((0, 8, 4), np.float32),
    np.zeros(()),
    np.array(["\ud83d"]),
    np.frombuffer(b"\xff\xff\xff\xff" * 3, "<U3"),
    np.array([2**63], np.uint64),
    np.array(["2020-01-01"], "M8[D]"),
    np.array([b"bytes"]),
    np.ones((3, 8, 4), bool),
]


def npy(array: np.ndarray[Any, Any]) -> bytes:
    """An array in npy format."""
    made = io.BytesIO()
    np.lib.format.write_array(made, array, allow_pickle=False)
    return made.getvalue()


def damaged(data: bytes, rng: random.Random) -> bytes:
    """A file with some bytes changed."""
    kind = rng.randrange(9)
    if kind == 0:
        return data[: rng.randrange(len(data) + 1)]
    if kind == 1:
        return b"\xef\xbb\xbf" + data
    if kind == 2:
        return data.decode("latin-1").encode(rng.choice(["utf-16", "utf-32", "utf-7"]))
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        at = rng.randrange(len(changed) + 1)
        if kind in (3, 4, 5) and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 6:
            del changed[at : at + rng.randint(1, 40)]
        elif kind == 7:
            changed[at:at] = changed[at : at + rng.randint(1, 40)]
        else:
            changed[at:at] = rng.choice([b"\0", b"\r", b"\n", b"\xff", b'"', b"{", b"]", b"\\ud800", b"9" * 400, b","])
    return bytes(changed)


def edited(text: str, rng: random.Random) -> str:
    """A JSON document with a value replaced, removed or put under another key."""
    root: dict[str, Any] = {"": json.loads(text)}
    node: Any = root
    while True:
        key = rng.choice(sorted(node)) if isinstance(node, dict) else rng.randrange(len(node))
        child = node[key]
        if not isinstance(child, (dict, list)) or not child or rng.random() < 0.2:
            break
        node = child
    action = rng.randrange(5)
    if action == 0:
        del node[key]
    elif action == 1 and isinstance(node, dict):
        node[rng.choice(["x", "schema", "\ud83d"])] = child
    else:
        node[key] = MARK
    return json.dumps(root.get("", MARK)).replace(json.dumps(MARK), rng.choice(ODD))


def edited_json(data: bytes, rng: random.Random) -> bytes:
    """Bytes or values of a JSON file changed."""
    return damaged(data, rng) if rng.random() < 0.3 else edited(data.decode(), rng).encode()


def edited_lines(data: bytes, rng: random.Random) -> bytes:
    """One line of a JSON Lines file changed."""
    lines = data.splitlines()
    at = rng.randrange(len(lines))
    lines[at] = edited_json(lines[at], rng)
    return b"\n".join(lines)


def edited_npz(data: bytes, rng: random.Random) -> bytes:
    """An archive with damaged bytes, another layout, or other arrays under its names."""
    if rng.random() < 0.4:
        return damaged(data, rng)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(sorted(members))
    kind = rng.randrange(4)
    if kind == 0:
        members[name] = damaged(members[name], rng)
    elif kind == 1:
        members[name] = members[name].replace(*rng.choice(HEADERS), 1)
    elif kind == 2:
        members[name] = npy(rng.choice(ARRAYS))
    else:
        members[name + rng.choice(["", "x", "\n", "/"])] = members.pop(name)
    made = io.BytesIO()
    method = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
    with zipfile.ZipFile(made, "w", method) as archive:
        for key, content in members.items():
            archive.writestr(key, content)
    packed = bytearray(made.getvalue())
    if rng.random() < 0.3:
        at = packed.rindex(b"PK\1\2")
        packed[at + rng.choice([8, 10])] = rng.choice([1, 9, 97, 99])  # encrypted, or packed in an unknown way
    return bytes(packed)
