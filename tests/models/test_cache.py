"""The cache of answers on disk."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.models.cache import AnswerCache

TABLE = np.array([[0.25, 0.75], [1.0, 0.0]])


def test_answers_come_back_and_keys_are_told_apart(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "a.sqlite")
    assert cache.get("model", "instrument", "cloze") is None
    cache.put("model", "instrument", "cloze", TABLE)
    found = AnswerCache(tmp_path / "a.sqlite").get("model", "instrument", "cloze")
    assert found is not None
    np.testing.assert_array_equal(found, TABLE)
    found[0, 0] = 9  # ours to change
    assert cache.get("model2", "instrument", "cloze") is None
    assert cache.get("model", "instrument2", "cloze") is None
    assert cache.get("model", "instrument", "letter") is None
    assert cache.get("modelinstrument", "", "cloze") is None
    assert len(cache) == 1


def test_it_lies_in_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROGRESSGYM_CACHE", str(tmp_path / "here"))
    AnswerCache().put("m", "i", "cloze", TABLE)
    assert (tmp_path / "here" / "answers.sqlite").is_file()


def test_the_least_recently_used_go(tmp_path: Path) -> None:
    """Room for two tables of 32 bytes: a third pushes out the one not used lately."""
    cache = AnswerCache(tmp_path / "a.sqlite", limit_bytes=2 * TABLE.nbytes)
    cache.put("first", "i", "cloze", TABLE)
    cache.put("second", "i", "cloze", TABLE)
    assert cache.get("first", "i", "cloze") is not None
    cache.put("third", "i", "cloze", TABLE)
    assert [cache.get(name, "i", "cloze") is not None for name in ("first", "second", "third")] == [True, False, True]


def test_an_entry_larger_than_the_limit_stays_until_the_next(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "a.sqlite", limit_bytes=1)
    cache.put("first", "i", "cloze", TABLE)
    assert len(cache) == 1
    cache.put("second", "i", "cloze", TABLE)
    assert cache.get("first", "i", "cloze") is None
    assert cache.get("second", "i", "cloze") is not None


def test_a_damaged_entry_counts_as_missing(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "a.sqlite")
    cache.put("m", "i", "cloze", TABLE)
    with sqlite3.connect(cache.path) as database:
        database.execute("UPDATE answers SET data = ?", (b"\0" * TABLE.nbytes,))
    database.close()
    assert cache.get("m", "i", "cloze") is None
    assert len(cache) == 0


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").write_bytes(b"not a database at all" * 100)
    cache = AnswerCache(tmp_path / "a.sqlite")
    cache.put("m", "i", "cloze", TABLE)
    assert cache.get("m", "i", "cloze") is not None
    assert (tmp_path / "a.sqlite.damaged").is_file()


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot open the answer cache"):
        AnswerCache(tmp_path / "file" / "a.sqlite")


def test_only_tables_are_kept(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one table"):
        AnswerCache(tmp_path / "a.sqlite").put("m", "i", "cloze", np.zeros(3))


def test_threads_share_it(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "a.sqlite")

    def work(name: str) -> None:
        for number in range(10):
            cache.put(f"{name}{number}", "i", "cloze", TABLE)
            assert cache.get(f"{name}{number}", "i", "cloze") is not None

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cache) == 30
