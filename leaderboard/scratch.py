"""Temporary folders of the board: a full or missing one is the board's own fault, and said so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from progressgym.core import scratch as folders
from progressgym.core.errors import UserError


@contextmanager
def scratch(what: str, within: Path | None = None) -> Iterator[Path]:
    """A folder that is gone when the block ends; see `progressgym.core.scratch`.

    Raises:
        UserError: it cannot be made or written.
    """
    with ExitStack() as held:
        with own_disk(within):
            folder = held.enter_context(folders.scratch(f"board-{what}", within))
        yield folder


@contextmanager
def own_disk(folder: Path | None = None) -> Iterator[None]:
    """What goes wrong with the board's own temporary files, in one line.

    Raises:
        UserError: for any error of the system.
    """
    try:
        yield
    except OSError as error:
        where = folder or Path(error.filename or os.environ.get("TMPDIR") or "the temporary folder")
        reason = f"the board's temporary files cannot be written ({where}): {error.strerror or error}"
        raise UserError(f"{reason}; make room, or set TMPDIR to another folder") from error
