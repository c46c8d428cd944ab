"""Folders for a while in the system's temporary folder, which do not outlive a killed process for long."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "progressgym-"
YOUNG_SECONDS = 60.0
"""Younger folders are left alone: whoever makes one needs a moment to lock it."""


@contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """A folder that goes when the block ends, or when the next one is made after its process was killed.

    Args:
        purpose: a word of its name.
    """
    _clear()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{purpose}-", ignore_cleanup_errors=True) as folder:
        lock = _lock(Path(folder))
        try:
            yield Path(folder)
        finally:
            if lock is not None:
                os.close(lock)


def _clear() -> None:
    """Remove what killed processes of this user left: folders that nobody holds."""
    if sys.platform == "win32":
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            told = folder.lstat()
            if told.st_uid != os.getuid() or time.time() - told.st_mtime < YOUNG_SECONDS or not folder.is_dir():
                continue
            lock = _lock(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _lock(folder: Path) -> int | None:
    """Hold a folder as long as this process lives; None when somebody else does, or where folders have no locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
