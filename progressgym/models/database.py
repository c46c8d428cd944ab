"""A small SQLite file that several processes and threads write to, and that a damaged disk cannot make useless."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from progressgym.core.errors import UserError

WAIT_SECONDS = 30.0


class Database:
    """Opens a connection for every transaction: SQLite's are not to be shared by threads or across a fork.

    A file that is no database is set aside and begun anew.
    """

    def __init__(self, path: Path, schema: str, kind: str) -> None:
        """Open or create the file.

        Args:
            path: the file; its folder is made when missing.
            schema: statements that create what is not there yet.
            kind: what to call it in errors, for example `answer cache`.

        Raises:
            UserError: the folder cannot be written.
        """
        self.path, self.kind, self._schema = path, kind, schema
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._create()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                path.replace(path.with_name(path.name + ".damaged"))
                self._create()
        except (OSError, sqlite3.OperationalError) as error:
            raise UserError(f"cannot open the {kind} {path}: {error}") from None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection that commits when the block ends well.

        Raises:
            UserError: the file cannot be read or written; what it holds stays.
        """
        try:
            with self._lock, closing(sqlite3.connect(self.path, timeout=WAIT_SECONDS)) as database, database:
                yield database
        except sqlite3.Error as error:
            raise UserError(f"the {self.kind} {self.path} failed ({error}); remove the file to begin anew") from None

    def _create(self) -> None:
        with closing(sqlite3.connect(self.path, timeout=WAIT_SECONDS)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(self._schema)
