"""Two hundred submissions at once from several processes against a running server: none lost, none doubled."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import httpx2
import pytest

from progressgym.leaderboard.manifest import pack
from progressgym.leaderboard.store import Store
from tests.leaderboard.helpers import edited, make_files, nudged
from tests.leaderboard.postgres import running_postgres
from tests.leaderboard.server.sender import send_all
from tests.leaderboard.serving import served

pytestmark = pytest.mark.heavy
PROCESSES, EACH = 4, 50


def contents(process: int) -> list[bytes]:
    """What one submitter sends: an agent of their own, and one under a name that all want."""
    files = make_files(lambda truth, key: nudged(truth, key, 0.1 + 0.05 * process))

    def named(name: str) -> bytes:
        return pack(edited(files, lambda record: record["agent"].update(name=name)))

    return [named(f"own-{'abcd'[process]}"), named("wanted")]


def crowd(where: str, evidence: Path, uploads: list[list[bytes]]) -> None:
    store = Store.open(where, evidence)
    tokens = [store.enrol(f"user-{process}") for process in range(PROCESSES)]
    with served(where, evidence, submissions_an_hour=10 * EACH) as server:
        jobs = [(server.url, tokens[n], uploads[n], EACH, n) for n in range(PROCESSES)]
        # Not forked: this process has threads, and a child may inherit a lock that nobody will ever release.
        with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
            answers = [answer for some in pool.map(send_all, *zip(*jobs, strict=True)) for answer in some]
        rows: list[dict[str, str]] = []
        for _ in range(300):  # readers are given older standings while newer ones are made
            rows = httpx2.get(server.url + "/api/v1/standings", timeout=60).json()["rows"]
            if len(rows) == PROCESSES + 1:
                break
            time.sleep(0.1)
    assert len(answers) == PROCESSES * EACH and {status for status, _, _ in answers} <= {200, 201, 422}
    created = Counter(ident for status, new, ident in answers if status == 201 and new)
    assert len(created) == PROCESSES + 1 and set(created.values()) == {1}, "each was new exactly once"
    refused = {ident for status, _, ident in answers if status == 422}
    assert refused == {"name-taken"}
    assert sum(status == 422 for status, _, _ in answers) == (PROCESSES - 1) * EACH // 2
    names = sorted(entry.agent for entry in store.entries())
    assert names == [f"own-{letter}" for letter in "abcd"] + ["wanted"], "none lost, none doubled"
    assert sorted(row["agent"] for row in rows) == names
    assert sum(one.action == "accepted" for one in store.log(limit=10_000)) == len(names)
    assert {entry.digest for entry in store.entries()} == set(store.evidence.digests())
    store.check_log()
    store.close()


@pytest.fixture(scope="module")
def uploads() -> list[list[bytes]]:
    return [contents(process) for process in range(PROCESSES)]


def test_a_crowd(uploads: list[list[bytes]], tmp_path: Path) -> None:
    crowd(str(tmp_path / "board"), tmp_path / "board" / "evidence", uploads)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    yield from running_postgres()


def test_a_crowd_on_postgres(postgres: str, uploads: list[list[bytes]], tmp_path: Path) -> None:
    crowd(postgres, tmp_path, uploads)
