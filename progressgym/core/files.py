"""Files that are either wholly there or not there at all: tmp in the same folder, fsync, rename.

Staging lies beside its target, never in the system's temporary folder, so a rename stays on one file system and a
full disk is met before the old file is touched. What is removed is first renamed to a staging name, so that a removal
that was killed leaves nothing that could be taken for whole; `sweep` clears such remains.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.reading import read_json as read_json  # noqa: PLC0414  most who write also read
from progressgym.core.reading import read_npz as read_npz  # noqa: PLC0414

STAGING = ".tmp-"
PROBE_BYTES = 2**20
UNSYNCED = frozenset(
    {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EIO, errno.EBADF, errno.EACCES, errno.EPERM}
)
"""How file systems over a network or in user space, and folders that may not be read, answer a wish to be flushed."""


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
            sync(file.fileno())
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
            _remove(retired)
        else:
            os.replace(staged, path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def discard(path: Path) -> None:
    """Remove a file or folder: it loses its name at once and its content afterwards. What is not there stays so."""
    gone = path.with_name(f"{STAGING}{os.getpid()}-gone-{path.name}")
    _remove(gone)
    try:
        os.replace(path, gone)
    except OSError:  # not there, or a file system that cannot rename it
        gone = path
    _remove(gone)


def sweep(folder: Path) -> None:
    """Remove everywhere below a folder what killed processes left half written or half removed.

    Only while nobody else writes there, see `core.locks`.
    """
    for stale in sorted(folder.rglob(f"{STAGING}*")):
        _remove(stale)


def check_writable(folder: Path | str) -> Path:
    """See that results can be written to a folder, before the long work whose results they are.

    Raises:
        UserError: it cannot be made or written, or its disk is full.
    """
    folder = Path(folder)
    probe = folder / f"{STAGING}{os.getpid()}-probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(bytes(PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}") from None
    return folder


def check_place(folder: Path | str) -> None:
    """As `check_writable`, and make nothing: it is the nearest folder above that is tried where it is not there yet.

    Raises:
        UserError: it cannot be made or written, or its disk is full.
    """
    place = Path(folder).absolute()
    check_writable(next(there for there in (place, *place.parents) if there.exists()))


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename survives a power cut, where the file system can do that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        _forgive(error)
        return
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def sync(descriptor: int) -> None:
    """Flush an open file or folder; a file system that cannot is told of once, and what was written stays.

    Raises:
        OSError: what was written is not there, for example on a full disk.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        _forgive(error)


_told = False


def _forgive(error: OSError) -> None:
    """Let a file system be that cannot flush, and say so once.

    Raises:
        OSError: any other error.
    """
    global _told
    if error.errno not in UNSYNCED:
        raise error
    if not _told:
        _told = True
        reason = error.strerror or str(error)
        warnings.warn(
            f"this file system cannot flush files ({reason}): all is written, but a power cut may lose the newest",
            RuntimeWarning,
            stacklevel=2,
        )


def _sync_file(path: Path) -> None:
    with open(path, "rb") as file:
        sync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
