"""Answers that were measured before: a small SQLite file, so that a model is never measured twice."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.files import cache_dir, canonical_json, sha256_bytes
from progressgym.models.database import Database

FILE = "answers.sqlite"
LIMIT_BYTES = 256 * 2**20
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, rows INTEGER NOT NULL, columns INTEGER NOT NULL, data BLOB NOT NULL, sha256 TEXT NOT NULL,
    used REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_used ON answers (used);
"""


class AnswerCache:
    """A least-recently-used cache of answers (N, K) on disk. Safe for several processes and threads.

    A damaged entry counts as missing; a file that is no database is set aside and begun anew.
    """

    def __init__(self, path: Path | None = None, limit_bytes: int = LIMIT_BYTES) -> None:
        """Open or create the cache.

        Args:
            path: the file; by default `answers.sqlite` in the cache folder.
            limit_bytes: when entries together are larger, those used longest ago go.

        Raises:
            UserError: the folder cannot be written.
        """
        self._database = Database(path or cache_dir() / FILE, _SCHEMA, "answer cache")
        self.path = self._database.path
        self.limit_bytes = limit_bytes

    def get(self, fingerprint: str, instrument_hash: str, mode: str) -> NDArray[np.float64] | None:
        """The answers (N, K) of a measurement, or None. Counts as a use.

        Args:
            fingerprint: of the model; it tells number formats and adapters apart.
            instrument_hash: of the instrument; it tells framings and temperatures apart.
            mode: way of reading, for example `cloze`.
        """
        key = _key(fingerprint, instrument_hash, mode)
        with self._database.transaction() as database:
            row = database.execute("SELECT rows, columns, data, sha256 FROM answers WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            rows, columns, data, digest = row
            if sha256_bytes(data) != digest or len(data) != 8 * rows * columns:
                database.execute("DELETE FROM answers WHERE key = ?", (key,))
                return None
            database.execute("UPDATE answers SET used = ? WHERE key = ?", (time.time(), key))
        return np.frombuffer(data, dtype="<f8").reshape(rows, columns).astype(np.float64)

    def put(self, fingerprint: str, instrument_hash: str, mode: str, answers: NDArray[np.floating[Any]]) -> None:
        """Keep the answers (N, K) of a measurement; those used longest ago make room.

        Raises:
            UserError: the file cannot be written; what it holds stays.
        """
        array = np.ascontiguousarray(answers, dtype="<f8")
        if array.ndim != 2:
            raise ValueError(f"answers of shape {array.shape}; the cache keeps one table (N, K) a measurement")
        data = array.tobytes()
        entry = (_key(fingerprint, instrument_hash, mode), *array.shape, data, sha256_bytes(data), time.time())
        with self._database.transaction() as database:
            database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", entry)
            self._evict(database)

    def clear(self) -> None:
        """Forget everything."""
        with self._database.transaction() as database:
            database.execute("DELETE FROM answers")

    def __len__(self) -> int:
        with self._database.transaction() as database:
            return int(database.execute("SELECT COUNT(*) FROM answers").fetchone()[0])

    def _evict(self, database: sqlite3.Connection) -> None:
        (total,) = database.execute("SELECT COALESCE(SUM(LENGTH(data)), 0) FROM answers").fetchone()
        oldest = database.execute("SELECT key, LENGTH(data) FROM answers ORDER BY used, rowid").fetchall()
        for key, size in oldest[:-1]:  # the newest stays, however large
            if total <= self.limit_bytes:
                return
            database.execute("DELETE FROM answers WHERE key = ?", (key,))
            total -= size


def _key(fingerprint: str, instrument_hash: str, mode: str) -> str:
    return sha256_bytes(canonical_json([fingerprint, instrument_hash, mode]).encode())
