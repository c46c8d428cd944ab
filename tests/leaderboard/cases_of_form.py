"""Bad inputs whose form is wrong: JSON, archives, files, fields, cells. The others are in `tests.leaderboard.cases`."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from progressgym.leaderboard.manifest import pack
from progressgym.leaderboard.schema import SUBMISSION
from progressgym.leaderboard.submission import CONFIG, STEPS
from tests.leaderboard.builders import (
    archive,
    changed_cells,
    extra,
    field,
    first_key,
    folder_with,
    json_bytes,
    later,
    link_entry,
    named,
    npz,
    overlapping,
    raw,
    replaced,
    sparse,
    steps_bytes,
    tarred,
    understated,
    write_all,
)
from tests.leaderboard.helpers import base_files, edited, manifested, with_file


@dataclass(kw_only=True, frozen=True)
class Case:
    """One hostile submission."""

    number: str
    title: str
    build: Callable[[Path], Path]
    """Writes it under an empty folder and returns its path."""
    codes: tuple[str, ...]
    """The refusal must name one of these; `accepted`: it scores what it deserves."""


DEEP = b"[" * 100_000 + b"]" * 100_000
_TRAVERSALS = {
    "a": ("a path upwards", "../escaped"),
    "b": ("an absolute path", "/etc/escaped"),
    "c": ("a backslash path", "cells\\..\\escaped"),
    "d": ("a device name of Windows", "cells/con/follow/0/config.json"),
    "e": ("a name with a colon", "C:escaped"),
    "f": ("a file of another kind", "cells/a/b/0/run.py"),
}
FORM: tuple[Case, ...] = (
    Case(number="1", title="empty file", build=json_bytes(b""), codes=("json-empty",)),
    Case(number="1b", title="empty upload", build=raw("a.zip", b""), codes=("source",)),
    Case(number="2", title="not JSON: HTML", build=json_bytes(b"<html></html>"), codes=("json-syntax",)),
    Case(number="2b", title="not JSON: binary", build=json_bytes(bytes(range(1, 256))), codes=("json-encoding",)),
    Case(number="2c", title="an upload that is no zip", build=raw("a.zip", b"\x7fELF" * 99), codes=("source",)),
    Case(
        number="3",
        title="UTF-8 byte order mark",
        build=json_bytes(lambda d: b"\xef\xbb\xbf" + d),
        codes=("json-encoding",),
    ),
    Case(number="4", title="UTF-16", build=json_bytes(lambda d: d.decode().encode("utf-16")), codes=("json-encoding",)),
    Case(
        number="5",
        title="invalid UTF-8",
        build=json_bytes(lambda d: d.replace(b"Ada", b"A\xff\xfea")),
        codes=("json-encoding",),
    ),
    Case(
        number="6",
        title="lone surrogate",
        build=json_bytes(lambda d: d.replace(b"Ada", b"\\ud800")),
        codes=("json-text",),
    ),
    Case(
        number="7", title="NUL byte", build=json_bytes(lambda d: d.replace(b"Ada", b"A\0a")), codes=("json-encoding",)
    ),
    Case(
        number="7b",
        title="escaped NUL",
        build=json_bytes(lambda d: d.replace(b"Ada", b"A\\u0000a")),
        codes=("json-text",),
    ),
    Case(number="8", title="truncated JSON", build=json_bytes(lambda d: d[: len(d) // 2]), codes=("json-syntax",)),
    Case(number="9", title="two documents", build=json_bytes(lambda d: d + d), codes=("json-syntax",)),
    Case(
        number="10",
        title="a key twice",
        build=replaced('"licence"', '"licence": "GPL", "licence"'),
        codes=("json-duplicate-key",),
    ),
    Case(number="11", title="100,000 nested arrays", build=json_bytes(DEEP), codes=("json-depth",)),
    Case(
        number="12",
        title="a number of 5,000 digits",
        build=replaced('"schema_version": 1', f'"schema_version": {"9" * 5000}'),
        codes=("json-number",),
    ),
    Case(
        number="13",
        title="1e999",
        build=replaced('"licence"', '"compute_seconds": 1e999, "licence"'),
        codes=("json-number",),
    ),
    Case(
        number="14",
        title="NaN",
        build=replaced('"licence"', '"compute_seconds": NaN, "licence"'),
        codes=("json-number",),
    ),
    Case(
        number="14b",
        title="-Infinity",
        build=replaced('"licence"', '"compute_seconds": -Infinity, "licence"'),
        codes=("json-number",),
    ),
    Case(number="15", title="a number in quotes", build=field("cells", 0, "seed", value="0"), codes=("schema",)),
    Case(number="15b", title="true for a number", build=field("cells", 0, "utility", value=True), codes=("schema",)),
    Case(
        number="16", title="trailing comma", build=json_bytes(lambda d: d.rstrip()[:-1] + b",}"), codes=("json-syntax",)
    ),
    Case(number="16b", title="single quotes", build=json_bytes(b"{'schema_version': 1}"), codes=("json-syntax",)),
    Case(number="17", title="a file of 2 GB", build=folder_with(sparse(SUBMISSION, 2 * 10**9)), codes=("file-size",)),
    Case(
        number="17b", title="10 million lines", build=json_bytes(lambda d: d + b"\n" * 10_000_000), codes=("file-size",)
    ),
    Case(
        number="17c",
        title="one line of 3 MB in JSON",
        build=field("training_data", value="x" * 3_000_000),
        codes=("schema",),
    ),
    Case(
        number="18", title="gzip bomb", build=raw("a.zip", lambda: gzip.compress(bytes(50_000_000))), codes=("source",)
    ),
    Case(
        number="18b",
        title="zip bomb, 200 MB",
        build=archive(lambda z: z.writestr(SUBMISSION, bytes(200_000_000))),
        codes=("file-size", "unpacked-size"),
    ),
    Case(
        number="18c",
        title="zip bomb below the size of one file",
        build=archive(lambda z: write_all(z, [(f"cells/a/b/{n}/steps.npz", bytes(4_000_000)) for n in range(40)])),
        codes=("unpacked-size",),
    ),
    Case(number="18d", title="zip that declares less than it holds", build=understated, codes=("zip",)),
    Case(
        number="18e",
        title="zip bomb in steps.npz",
        build=steps_bytes(lambda: npz({"actions.npy": bytes(6_000_000)})),
        codes=("unpacked-size", "file-size"),
    ),
    Case(number="19", title="zip inside of the zip", build=extra("inner.zip", npz({"a": b"b"})), codes=("path",)),
    Case(
        number="19b",
        title="zip of 13,000 files",
        build=archive(lambda z: write_all(z, [(f"cells/a/b/{n}/steps.npz", b"") for n in range(13_000)])),
        codes=("zip-files",),
    ),
    Case(number="19c", title="overlapping entries", build=overlapping, codes=("zip-overlap", "zip")),
    Case(
        number="19d",
        title="bytes before the archive",
        build=lambda folder: raw("a.zip", b"#!/bin/sh\n" + pack(base_files()))(folder),
        codes=("zip",),
    ),
    *(
        Case(number=f"20{letter}", title=f"zip with {what}", build=named(name), codes=("path",))
        for letter, (what, name) in _TRAVERSALS.items()
    ),
    Case(number="20g", title="zip with a symbolic link", build=archive(link_entry), codes=("path-kind",)),
    Case(number="20h", title="tar with a path upwards", build=tarred, codes=("source",)),
    Case(
        number="20i",
        title="zip with a name twice",
        build=archive(lambda z: write_all(z, [(SUBMISSION, b"{}"), (SUBMISSION, b"[]")])),
        codes=("path-twice", "zip"),
    ),
    Case(
        number="20j",
        title="zip with names that differ in case",
        build=archive(lambda z: write_all(z, [("cells/a/b/0/steps.npz", b""), ("cells/A/b/0/steps.npz", b"")])),
        codes=("path-twice",),
    ),
    Case(
        number="20k",
        title="folder with a hard link",
        build=folder_with(lambda r: os.link(r / SUBMISSION, r.parent / "other")),
        codes=("path-kind",),
    ),
    Case(
        number="20l",
        title="folder with a named pipe",
        build=folder_with(lambda r: os.mkfifo(r / "SIGNATURE.json")),
        codes=("path-kind",),
    ),
    Case(number="21", title="future schema version", build=field("schema_version", value=2), codes=("schema",)),
    Case(number="21b", title="true as schema version", build=field("schema_version", value=True), codes=("schema",)),
    Case(number="21c", title="1.0 as schema version", build=field("schema_version", value=1.0), codes=("schema",)),
    Case(
        number="21d",
        title="true as the schema version of a cell",
        build=later(
            lambda f: with_file(
                f,
                f"{first_key().folder}/{CONFIG}",
                f[f"{first_key().folder}/{CONFIG}"].replace(b'"schema_version": 1', b'"schema_version": true'),
            )
        ),
        codes=("schema",),
    ),
    Case(
        number="22",
        title="a field missing",
        build=later(lambda f: edited(f, lambda r: r.pop("licence"))),
        codes=("schema",),
    ),
    Case(number="22b", title="a field too many", build=field("ranked", value=True), codes=("schema",)),
    Case(
        number="23",
        title="unknown challenge",
        build=field("cells", 0, "challenge", value="folow"),
        codes=("cell-challenge",),
    ),
    Case(
        number="23b", title="unknown board", build=field("board", "name", value="board-v999"), codes=("board-unknown",)
    ),
    Case(
        number="23c",
        title="unknown history",
        build=field("cells", 0, "history", value="histbig-v9"),
        codes=("cell-history",),
    ),
    Case(
        number="24",
        title="a cell twice, to pick the best",
        build=changed_cells(lambda c: c.append(c[0])),
        codes=("cell-twice",),
    ),
    Case(number="25", title="cells left out", build=changed_cells(lambda c: c.pop()), codes=("cell-missing",)),
    Case(
        number="25b",
        title="files of a cell left out",
        build=later(lambda f: manifested({k: v for k, v in f.items() if k != f"{first_key().folder}/{STEPS}"})),
        codes=("cell-file-missing",),
    ),
    Case(
        number="26",
        title="a seed that is not on the list",
        build=field("cells", 0, "seed", value=77),
        codes=("cell-seed",),
    ),
    Case(number="26b", title="negative seed", build=field("cells", 0, "seed", value=-1), codes=("schema",)),
    Case(number="26c", title="true as a seed", build=field("cells", 0, "seed", value=True), codes=("schema",)),
    Case(number="26d", title="seed 2**70", build=field("cells", 0, "seed", value=2**70), codes=("schema",)),
)
