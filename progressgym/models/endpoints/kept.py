"""Answers of endpoints that have been paid for once: every one is written down as it comes, so nothing is asked twice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from progressgym.core.files import cache_dir, canonical_json, sha256_bytes
from progressgym.models.database import Database

FILE = "endpoints.sqlite"
SAME_MODEL = 0.25
"""Nats by which a token of the canary may differ between two visits. Servers batch in half precision, which moves it by
hundredths; another checkpoint under the same name moves it by more."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS models (
    id INTEGER PRIMARY KEY, url TEXT NOT NULL, model TEXT NOT NULL, way TEXT NOT NULL, canary TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class KeptAnswers:
    """Answers on disk, one transaction each. Safe for several processes and threads; holds hashes, never a prompt."""

    def __init__(self, path: Path | None = None) -> None:
        """Open or create the file; by default `endpoints.sqlite` in the cache folder.

        Raises:
            UserError: the folder cannot be written.
        """
        self._database = Database(path or cache_dir() / FILE, _SCHEMA, "cache of endpoints")

    def identify(self, url: str, model: str, way: str, canary: Sequence[float]) -> str:
        """Name of the model that answers there now: a new one when the canary's log-probabilities have moved.

        Sampling has no canary, so there a changed model cannot be told.
        """
        with self._database.transaction() as database:
            rows = database.execute(
                "SELECT canary FROM models WHERE url = ? AND model = ? AND way = ? ORDER BY id", (url, model, way)
            ).fetchall()
            for (text,) in rows:
                before = json.loads(text)
                if len(before) == len(canary) and all(
                    abs(a - b) <= SAME_MODEL for a, b in zip(before, canary, strict=True)
                ):
                    return _identity(url, model, way, before)
            database.execute(
                "INSERT INTO models (url, model, way, canary) VALUES (?, ?, ?, ?)",
                (url, model, way, json.dumps(list(canary))),
            )
        return _identity(url, model, way, list(canary))

    def get_many(self, keys: Sequence[str]) -> dict[str, Any]:
        """What is there of the answers with these keys."""
        values: dict[str, Any] = {}
        with self._database.transaction() as database:
            for key in keys:
                value = _load(database, key)
                if value is not None:
                    values[key] = value
        return values

    def put(self, key: str, value: Any) -> None:
        """Keep an answer, a JSON value."""
        with self._database.transaction() as database:
            database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, json.dumps(value, allow_nan=False)))


def answer_key(identity: str, prompt: str, options: Sequence[str], samples: int) -> str:
    """Key of an answer: who was asked, what, and how often (0: not by sampling)."""
    return sha256_bytes(canonical_json([identity, prompt, list(options), samples]).encode("utf-8", "surrogatepass"))


def _load(database: sqlite3.Connection, key: str) -> Any:
    row = database.execute("SELECT value FROM answers WHERE key = ?", (key,)).fetchone()
    try:
        return None if row is None else json.loads(row[0])
    except ValueError:  # a damaged entry counts as missing
        return None


def _identity(url: str, model: str, way: str, canary: list[float]) -> str:
    return sha256_bytes(canonical_json([url, model, way, canary]).encode())
