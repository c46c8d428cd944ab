"""The database behind the store: one writer at a time, migrations, and errors in one line.

SQLite by default, PostgreSQL by URL. On SQLite a writer begins with `BEGIN IMMEDIATE`, on PostgreSQL with a lock on the
log, so that what a writer has checked still holds when it commits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from progressgym.core.errors import UserError
from progressgym.leaderboard.sql import (
    Config,
    DBAPIError,
    MigrationContext,
    ScriptDirectory,
    SQLAlchemyError,
    command,
    sa,
)

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

BUSY_SECONDS = 120
DATABASE, EVIDENCE, PRIVATE, LOCK = "board.sqlite", "evidence", "private", ".migrate.lock"


class Database:
    """Reads and writes as transactions."""

    def __init__(self, url: str | Path, lock: Path, *, create: bool = True) -> None:
        """Connect, and bring the tables up to date.

        Args:
            url: of SQLAlchemy, or the path of an SQLite file, whatever signs it holds.
            lock: file that makes migrations of several processes wait for each other.
            create: make tables where there are none; else that is an error, and nothing is made.

        Raises:
            UserError: not a database, not reachable, not writable, or newer than this program.
        """
        with _one_line():
            place = sa.URL.create("sqlite", database=str(url)) if isinstance(url, Path) else sa.make_url(url)
            self._engine: Engine = sa.create_engine(place, pool_pre_ping=True, **_options(place.drivername))
            if self._engine.dialect.name == "sqlite":
                if not create and not Path(self._engine.url.database or "").is_file():
                    raise self._nothing()
                _prepare_sqlite(self._engine)
            lock.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(lock, timeout=BUSY_SECONDS):
                self._migrate(create)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view."""
        with _one_line(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The only writer, committed when the block ends well."""
        with _one_line(), self._engine.connect() as plain:
            connection = plain.execution_options(writer=True)
            with connection.begin():
                if self._engine.dialect.name != "sqlite":
                    connection.execute(sa.text("LOCK TABLE decisions IN EXCLUSIVE MODE"))
                yield connection

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def _nothing(self) -> UserError:
        url = self._engine.url
        where = (url.database or "").removesuffix(f"/{DATABASE}") if url.get_backend_name() == "sqlite" else str(url)
        return UserError(f"there is no board in {where}; progressgym leaderboard enrol NAME --store {where} makes one")

    def _migrate(self, create: bool) -> None:
        config = Config()
        scripts_at = str(files("progressgym.leaderboard").joinpath("migrations"))
        config.set_main_option("script_location", scripts_at.replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        scripts = ScriptDirectory.from_config(config)
        with self._engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
        if current == scripts.get_current_head():
            return
        if current is None and not create:
            raise self._nothing()
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise UserError(f"the store is at revision {current}, newer than this program; update progress-gym")
        with self._engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _options(driver: str) -> dict[str, Any]:
    return {"connect_args": {"timeout": BUSY_SECONDS}} if driver.startswith("sqlite") else {}


def _prepare_sqlite(engine: Engine) -> None:
    """Hand transactions over to SQLAlchemy, wait for writers, and sync every commit."""

    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS}000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: Connection) -> None:
        writer = connection.get_execution_options().get("writer", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", begun)


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn what a database can complain about into one line."""
    try:
        yield
    except DBAPIError as error:
        raise UserError(f"the store refused: {' '.join(str(error.orig).split())}") from error
    except SQLAlchemyError as error:
        raise UserError(f"the store cannot be used: {' '.join(str(error).split())[:300]}") from error
