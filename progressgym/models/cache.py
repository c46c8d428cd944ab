"""Answers that were measured before: a small SQLite file, so that a model is never measured twice."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.files import cache_dir, canonical_json, sha256_bytes
from progressgym.models.database import Database

if TYPE_CHECKING:
    from progressgym.models.language_model import LanguageModel, ScoringStats

Floats = NDArray[np.float64]
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
            instrument_hash: of what was asked; that of an instrument tells framings and temperatures apart.
            mode: way of asking, for example `cloze`.
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


class Remembered:
    """A language model that is asked nothing twice: any instrument that reads it finds the numbers of the last time.

    An entry is one call: what was asked together was computed together, so the bits do not depend on what is kept.
    """

    def __init__(self, model: LanguageModel, cache: AnswerCache | None = None) -> None:
        """Stand before a model.

        Args:
            model: who is asked when the answer is not known.
            cache: by default that of the cache folder.
        """
        self._model, self._cache = model, AnswerCache() if cache is None else cache  # an empty one is falsy
        self.name, self.fingerprint = model.name, model.fingerprint
        self.last_stats: ScoringStats | None = None
        """What the last call cost; None where the answers were known."""
        self.computed = 0
        """Calls that the model had to answer."""

    def option_logprobs(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        """See `LanguageModel.option_logprobs`."""
        return [table[0] for table in self.framed_option_logprobs(prompts, [""], options)]

    def framed_option_logprobs(
        self, contexts: Sequence[str], framings: Sequence[str], options: Sequence[Sequence[str]]
    ) -> list[Floats]:
        """See `LanguageModel.framed_option_logprobs`."""
        shapes = [(len(framings), len(texts)) for texts in options]

        def ask() -> Floats:
            scored = self._model.framed_option_logprobs(contexts, framings, options)
            self.last_stats = self._model.last_stats
            return np.concatenate([table.ravel() for table in scored])[None]

        flat = self._answer("options", [contexts, framings, options], ask, (1, sum(f * k for f, k in shapes)))[0]
        ends = np.cumsum([f * k for f, k in shapes])[:-1]
        return [part.reshape(shape) for part, shape in zip(np.split(flat, ends), shapes, strict=True)]

    def embed(self, texts: Sequence[str]) -> Floats:
        """See `LanguageModel.embed`."""
        return self._answer("embedding", list(texts), lambda: self._model.embed(texts), (len(texts), self._model.width))

    def sample(self, prompts: Sequence[str], n: int = 1, **how: Any) -> list[list[str]]:
        """See `LanguageModel.sample`; texts are kept as the numbers of their bytes."""

        def write() -> Floats:
            written = self._model.sample(prompts, n, **how)
            data = canonical_json(written).encode("utf-8", "surrogatepass")
            return np.frombuffer(data, dtype=np.uint8).astype(np.float64)[None]

        numbers = self._answer("sample", [list(prompts), n, how], write, None)
        data = bytes(numbers[0].astype(np.uint8))
        written: list[list[str]] = json.loads(data.decode("utf-8", "surrogatepass"))
        return written

    def _answer(self, mode: str, asked: Any, compute: Callable[[], Floats], shape: tuple[int, int] | None) -> Floats:
        if shape is not None and 0 in shape:
            return compute()
        question = sha256_bytes(canonical_json(asked).encode("utf-8", "surrogatepass"))
        stored = self._cache.get(self.fingerprint, question, mode)
        self.last_stats = None
        if stored is not None and shape in (None, stored.shape):
            return stored
        fresh = compute()
        self.computed += 1
        self._cache.put(self.fingerprint, question, mode, fresh)
        return fresh


def _key(fingerprint: str, instrument_hash: str, mode: str) -> str:
    return sha256_bytes(canonical_json([fingerprint, instrument_hash, mode]).encode())
