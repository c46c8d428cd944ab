"""One writer a folder: who works there holds its lock, and clears first what a killed one left."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from progressgym.core.errors import UserError
from progressgym.core.files import sweep

LOCK = ".lock"
_TAKEN = frozenset({errno.EAGAIN, errno.EACCES})
_NO_LOCKS = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL})


@contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Keep others of the same work out of a folder meanwhile.

    A file system without locks is used without one, with a warning; then nothing is cleared, as others may be there.

    Args:
        folder: is made when missing.
        what: the work, for example `benchmark`.

    Raises:
        UserError: another one is running there, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except (OSError, NotImplementedError) as error:  # a timeout is one of them
        if isinstance(error, Timeout) and _is_taken(folder / LOCK):
            raise UserError(f"another {what} is running in {folder}; wait for it or choose another --out") from None
        if isinstance(error, OSError) and not isinstance(error, Timeout) and error.errno not in _NO_LOCKS:
            raise UserError(f"cannot use {folder} as --out: {error.strerror or error}") from None
        warnings.warn(f"{folder} cannot be locked; let no other {what} use it meanwhile", RuntimeWarning, stacklevel=3)
    try:
        if lock.is_locked:
            sweep(folder)
        yield
    finally:
        lock.release()


def _is_taken(path: Path) -> bool:
    """Whether it is somebody else who keeps a lock from being taken, and not the file system."""
    try:
        import fcntl
    except ImportError:  # Windows, where every file system has locks
        return True
    with open(path, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in _TAKEN
    return True  # it was free again a moment later
