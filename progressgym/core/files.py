"""Files that are either wholly there or not there at all: tmp in the same folder, fsync, rename.

Staging lies beside its target, never in the system's temporary folder, so a rename stays on one file system and a
full disk is met before the old file is touched.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError

STAGING = ".tmp-"


def cache_dir() -> Path:
    """Where downloaded and converted things live: `PROGRESSGYM_CACHE`, else `~/.cache/progressgym`."""
    return Path(os.environ.get("PROGRESSGYM_CACHE") or Path.home() / ".cache" / "progressgym")


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write a file atomically; its folder is made when missing."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f"{STAGING}{os.getpid()}-{path.name}")
    try:
        with open(staged, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(staged, path)
        sync_folder(path.parent)
    finally:
        staged.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path | str, value: Any) -> None:
    """Write indented JSON atomically. NaN and infinities are refused: JSON has none."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_npz(path: Path | str, **arrays: NDArray[Any]) -> None:
    """Write a compressed npz atomically; see `npz_bytes`."""
    write_bytes(path, npz_bytes(**arrays))


def npz_bytes(**arrays: NDArray[Any]) -> bytes:
    """A compressed npz, with the same bytes for the same arrays (no time stamps)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), member.getvalue())
    return buffer.getvalue()


def read_npz(path: Path | str) -> dict[str, NDArray[Any]]:
    """Read all arrays of an npz file.

    Raises:
        UserError: no such file, truncated, not an npz, or pickled objects inside.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no such file: {path}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        reason = "not an npz archive, or pickled objects inside" if "pickle" in str(error) else str(error)
        raise UserError(f"{path} is not a readable npz file (truncated or damaged): {reason}") from None
    except AttributeError:
        raise UserError(f"{path} is a bare npy array; an npz archive with named arrays is expected") from None


def read_json(path: Path | str) -> Any:
    """Read a JSON file.

    Raises:
        UserError: no such file, not UTF-8, not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON: {error}") from None


def canonical_json(value: Any) -> str:
    """One spelling of a JSON value: sorted keys, no spaces, no NaN. Hash this.

    >>> canonical_json({"b": 1, "a": [1.5, None]})
    '{"a":[1.5,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_bytes(data: bytes) -> str:
    """Hexadecimal sha256."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path | str) -> str:
    """Hexadecimal sha256 of a file, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def write_folder(path: Path | str) -> Iterator[Path]:
    """Fill a staging folder that becomes `path` in one rename when the block ends well, and vanishes otherwise.

    An existing folder at `path` is replaced.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f"{STAGING}{os.getpid()}-{path.name}")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    try:
        yield staged
        for file in staged.rglob("*"):
            if file.is_file():
                _sync_file(file)
        sync_folder(staged)
        if path.exists():
            retired = path.with_name(f"{STAGING}{os.getpid()}-old-{path.name}")
            os.replace(path, retired)
            os.replace(staged, path)
            shutil.rmtree(retired, ignore_errors=True)
        else:
            os.replace(staged, path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
