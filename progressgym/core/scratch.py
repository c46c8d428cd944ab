"""Folders for a while in the system's temporary folder, which do not outlive a killed process.

Each holds a file that its process keeps locked. Whoever needs a folder next removes those whose lock nobody holds.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "progressgym-"
LOCK, UNLOCKED = ".lock", ".unlocked"
YOUNG_SECONDS = 60.0
"""A folder without a lock may be one that is just being made."""


@contextmanager
def scratch(purpose: str, within: Path | None = None) -> Iterator[Path]:
    """A folder that is gone when the block ends, and at the latest when the next one is made.

    Args:
        purpose: part of its name, for people.
        within: a folder that is swept as a whole; by default the system's temporary folder.

    Raises:
        OSError: it cannot be made.
    """
    if within is None:
        sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-", dir=within))
    lock: int | None = None
    try:
        lock = _lock(folder) if within is None else None
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def sweep() -> int:
    """Remove folders of this user whose owners are gone; returns how many."""
    count = 0
    with suppress(OSError):
        for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            with suppress(OSError):
                count += _remove_if_dead(path)
    return count


def _lock(folder: Path) -> int | None:
    """A file that stays locked as long as this process lives; it gets its name when it is locked."""
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = os.open(folder / UNLOCKED, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.rename(folder / UNLOCKED, folder / LOCK)
    return descriptor


def _remove_if_dead(path: Path) -> bool:
    if sys.platform == "win32":
        return False
    import fcntl

    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return False
    try:
        descriptor = os.open(path / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        dead = time.time() - status.st_mtime > YOUNG_SECONDS
    else:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            dead = True
        except BlockingIOError:
            dead = False
        finally:
            os.close(descriptor)
    if dead:
        shutil.rmtree(path, ignore_errors=True)
    return dead
