"""A submission's files, from a folder or a .zip, without trusting either.

Nothing is unpacked to disk. Declared sizes are summed before the first byte is read, every name has to be one that a
submission can have, and links, devices, doubled and overlapping entries are refused.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from progressgym.leaderboard.names import RESERVED
from progressgym.leaderboard.problems import plain, refuse

Files = dict[str, bytes]
MOST_FILES = 12_000
MOST_TOTAL = 128 * 2**20
MOST_FILE = 4 * 2**20
MOST_ZIP = 64 * 2**20
MOST_DIRECTORY = 4 * 2**20
"""Bytes of a zip's table of contents."""
MOST_RATIO = 200
"""Unpacked over packed size of one file; float32 answers reach about 15, a constant one more."""
SMALL = 4 * 2**10
"""Packed below this, a high ratio harms nobody."""
PATH = re.compile(
    r"submission\.json|MANIFEST\.sha256|SIGNATURE\.json|cells/[\w+=,@.-]+/[\w+=,@.-]+/\d{1,10}/(config\.json|steps\.npz)",
    re.ASCII,
)
_END = struct.Struct("<4s4H2LH")


def read_submission(path: Path) -> Files:
    """All files of a submission: path inside of it -> content.

    Args:
        path: a folder or a .zip file.

    Raises:
        Refused: not a submission that can be read safely.
    """
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISDIR(mode):
            return _read_folder(path)
        if not stat.S_ISREG(mode):
            raise refuse("source", path.name, "is neither a folder nor a file; links and devices are not followed")
        with open(path, "rb") as file:
            return read_zip(file, PATH)
    except OSError as error:
        raise refuse("source", path.name, f"cannot be read: {error.strerror or error}") from None


def read_zip(file: IO[bytes], allowed: re.Pattern[str], where: str = "", most_total: int = MOST_TOTAL) -> Files:
    """All files of a zip archive, none of them before all are checked.

    Args:
        file: a seekable stream.
        allowed: what a name must match as a whole.
        where: name of the archive in problems.
        most_total: bytes of all files together.

    Raises:
        Refused: not a plain archive, or anything odd about it.
    """
    size = _check_end(file, where)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not _is_plain_folder(entry)]
            _check_names((entry.filename for entry in entries), allowed, where)
            _check_entries(entries, size, most_total, where)
            return {entry.filename: _read_entry(archive, entry, where) for entry in entries}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, struct.error, NotImplementedError) as error:
        raise refuse("zip", where, f"the archive is damaged or odd: {error}") from None
    except (RuntimeError, ValueError, OverflowError) as error:
        raise refuse("zip", where, f"the archive cannot be read: {error}") from None


def _check_end(file: IO[bytes], where: str) -> int:
    """The end of an archive says how large its table of contents is: know it before it is loaded."""
    size = file.seek(0, os.SEEK_END)
    if size > MOST_ZIP:
        raise refuse("zip-size", where, f"the archive has {size} bytes; at most {MOST_ZIP}")
    tail_at = max(size - 2**16 - _END.size, 0)
    file.seek(tail_at)
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise refuse("source", where, "is not a zip archive; submit a folder or a .zip")
    _, disk, first, here, total, length, offset, comment = _END.unpack_from(tail, at)
    if disk or first or here != total or 0xFFFF in (here, total) or 0xFFFFFFFF in (length, offset):
        raise refuse("zip", where, "is split or in zip64 form; a submission needs neither")
    if total > MOST_FILES or length > MOST_DIRECTORY:
        raise refuse("zip-files", where, f"lists {total} files; at most {MOST_FILES}")
    if tail_at + at + _END.size + comment != size or offset + length != tail_at + at:
        raise refuse("zip", where, "holds bytes before or behind the archive")
    file.seek(0)
    return size


def _is_plain_folder(entry: zipfile.ZipInfo) -> bool:
    return (
        entry.filename.endswith("/")
        and entry.file_size == 0
        and re.fullmatch(r"[\w+=,@./-]+", entry.filename) is not None
        and ".." not in entry.filename
        and not entry.filename.startswith("/")
    )


def _check_names(names: Iterable[str], allowed: re.Pattern[str], where: str) -> None:
    seen: dict[str, str] = {}
    for name in names:
        label = plain(name, 80)
        if not allowed.fullmatch(name) or any(_odd(part) for part in name.split("/")):
            raise refuse("path", where, f"{label!r} is no file of a submission; see docs/leaderboard.md for the layout")
        if name.lower() in seen:
            raise refuse("path-twice", where, f"{label!r} is there twice (names that differ in case only count as one)")
        seen[name.lower()] = name


def _odd(part: str) -> bool:
    return part.startswith(".") or part.endswith(".") or part.lower().split(".")[0] in RESERVED


def _check_entries(entries: list[zipfile.ZipInfo], size: int, most_total: int, where: str) -> None:
    if len(entries) > MOST_FILES:
        raise refuse("zip-files", where, f"{len(entries)} files; at most {MOST_FILES}")
    total = sum(entry.file_size for entry in entries)
    if total > most_total:
        raise refuse("unpacked-size", where, f"unpacks to {total} bytes; at most {most_total}")
    end = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        label = plain(entry.filename, 80)
        mode = entry.external_attr >> 16
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise refuse("path-kind", where, f"{label!r} is a link or a device")
        if entry.flag_bits & 0x1:
            raise refuse("zip", where, f"{label!r} is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refuse("zip", where, f"{label!r} is packed by a method other than deflate")
        if entry.file_size > MOST_FILE:
            raise refuse("file-size", where, f"{label!r} has {entry.file_size} bytes; at most {MOST_FILE}")
        if entry.compress_size > SMALL and entry.file_size > MOST_RATIO * entry.compress_size:
            raise refuse(
                "zip-bomb", where, f"{label!r} unpacks to {entry.file_size // entry.compress_size} times its size"
            )
        if entry.header_offset < end or entry.header_offset + entry.compress_size > size:
            raise refuse("zip-overlap", where, f"{label!r} overlaps another entry")
        end = entry.header_offset + 30 + len(entry.filename.encode()) + entry.compress_size


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, where: str) -> bytes:
    with archive.open(entry) as stream:
        data = stream.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise refuse("zip", where, f"{plain(entry.filename, 80)!r} is not as long as the archive declares")
    return data


def _read_folder(root: Path) -> Files:
    files: dict[str, tuple[Path, int]] = {}
    total = 0
    for path, info in _walk(root, depth=0):
        name = path.relative_to(root).as_posix()
        label = plain(name, 80)
        if not stat.S_ISREG(info.st_mode):
            raise refuse("path-kind", label, "is a link, a device or a pipe; a submission holds plain files")
        if info.st_nlink > 1:
            raise refuse("path-kind", label, "has a second name (hard link); copy it")
        if info.st_size > MOST_FILE:
            raise refuse("file-size", label, f"has {info.st_size} bytes; at most {MOST_FILE}")
        total += info.st_size
        files[name] = (path, info.st_size)
        if len(files) > MOST_FILES or total > MOST_TOTAL:
            raise refuse("unpacked-size", "", f"more than {MOST_FILES} files or {MOST_TOTAL} bytes")
    _check_names(files, PATH, "")
    return {name: _read_plain(path, size, name) for name, (path, size) in files.items()}


def _walk(folder: Path, depth: int) -> Iterable[tuple[Path, os.stat_result]]:
    if depth > 5:
        raise refuse("path", plain(folder.name, 80), "lies deeper than any file of a submission")
    with os.scandir(folder) as entries:
        for count, entry in enumerate(sorted(entries, key=lambda one: one.name)):
            if count > MOST_FILES:
                raise refuse("unpacked-size", "", f"more than {MOST_FILES} files in one folder")
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), depth + 1)
            else:
                yield Path(entry.path), entry.stat(follow_symlinks=False)


def _read_plain(path: Path, size: int, name: str) -> bytes:
    # Opened without following a link that may have taken the file's place since it was looked at.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        data = file.read(size + 1)
    if len(data) != size:
        raise refuse("source", plain(name, 80), "changed while it was read")
    return data
