"""Seals: a weights file carries its sha256 beside it, and is read only when both agree.

`adapter_model.safetensors` has `adapter_model.safetensors.sha256` beside it, one line as `sha256sum` writes it, so that
`sha256sum -c *.sha256` checks a folder without this package. A flipped bit of a weight is a finite number like any
other: nothing but a seal can tell.
"""

from __future__ import annotations

import re
from pathlib import Path

from progressgym.core.errors import UserError
from progressgym.core.files import sha256_bytes, write_bytes, write_text
from progressgym.core.reading import read_bytes, read_text

SUFFIX = ".sha256"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)\n?")


def seal_of(path: Path | str) -> Path:
    """Where the seal of a file lies."""
    return Path(f"{path}{SUFFIX}")


def write_sealed(path: Path | str, data: bytes) -> None:
    """Write a file and its seal; a kill in between leaves no file rather than one that does not match its seal."""
    path = Path(path)
    path.unlink(missing_ok=True)
    write_text(seal_of(path), f"{sha256_bytes(data)}  {path.name}\n")
    write_bytes(path, data)


def read_sealed(path: Path | str, *, foreign: bool = False) -> bytes:
    """All bytes of a file, when they are those that were sealed.

    Args:
        path: of the file.
        foreign: the file may come from other software and then has no seal.

    Raises:
        UserError: no such file, no seal, a damaged one, or another content than was sealed.
    """
    path, seal = Path(path), seal_of(path)
    data = read_bytes(path)
    if not seal.exists():
        if foreign:
            return data
        raise UserError(f"{path} has no {seal.name} beside it, so nothing says whether it is whole")
    line = _LINE.fullmatch(read_text(seal))
    if line is None or line[2] != path.name:
        raise UserError(f"{seal} is damaged: one line is expected, a sha256 and the name {path.name}")
    if sha256_bytes(data) != line[1]:
        raise UserError(f"{path} is damaged: its content is not the one whose sha256 {seal.name} names")
    return data
