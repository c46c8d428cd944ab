"""Several processes submit at once: none lost, none doubled, on SQLite and, where installed, on PostgreSQL."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from progressgym.leaderboard.store import Store
from tests.leaderboard.postgres import running_postgres
from tests.leaderboard.stores import verdict

PROCESSES, EACH = 4, 10


def submit_many(where: str, evidence: str, process: int) -> int:
    """Everybody's own entries, one that all send, and one name that all want."""
    store = Store.open(where, evidence)
    created = 0
    for number in range(EACH):
        created += store.submit(*verdict(f"own-{'abcd'[process]}-{'xyzuvwpqst'[number]}"), f"user-{process}").created
        store.submit(*verdict("common"), "everybody")
        created += store.submit(*verdict("wanted", content=str(process)), f"user-{process}").created
    store.close()
    return created


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Not forked: this process has threads, and a child may inherit a lock that nobody will ever release."""
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as processes:
        yield processes


def race(pool: ProcessPoolExecutor, where: str, evidence: Path) -> None:
    created = sum(pool.map(submit_many, [where] * PROCESSES, [str(evidence)] * PROCESSES, range(PROCESSES)))
    store = Store.open(where, evidence)
    names = sorted(entry.agent for entry in store.entries())
    assert len(names) == PROCESSES * EACH + 2 and len(set(names)) == len(names), "none lost, none doubled"
    assert created == PROCESSES * EACH + 1, "the wanted name went to one of them"
    assert sum(one.action == "accepted" for one in store.log()) == len(names)
    assert {entry.digest for entry in store.entries()} == set(store.evidence.digests())
    store.check_log()
    store.close()


def test_concurrent_submissions(pool: ProcessPoolExecutor, tmp_path: Path) -> None:
    """The tables are made by whoever comes first, so this races migrations too."""
    race(pool, str(tmp_path / "board"), tmp_path / "board" / "evidence")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    yield from running_postgres()


def test_concurrent_submissions_on_postgres(pool: ProcessPoolExecutor, postgres: str, tmp_path: Path) -> None:
    race(pool, postgres, tmp_path)


def test_the_log_only_grows_on_postgres(postgres: str, tmp_path: Path) -> None:
    import sqlalchemy as sa

    store = Store.open(postgres, tmp_path)
    store.note("attempted", "ada")
    engine = sa.create_engine(postgres)
    for statement in ("DELETE FROM decisions", "UPDATE decisions SET actor = 'x'", "TRUNCATE decisions"):
        with pytest.raises(sa.exc.DBAPIError, match="only grows"), engine.begin() as connection:
            connection.execute(sa.text(statement))
    engine.dispose()
    store.close()
