"""Several processes submit at once: none lost, none doubled, on SQLite and, where installed, on PostgreSQL."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from progressgym.leaderboard.store import Store
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


def race(where: str, evidence: Path) -> None:
    context = multiprocessing.get_context("fork")
    with context.Pool(PROCESSES) as pool:
        created = sum(pool.starmap(submit_many, [(where, str(evidence), n) for n in range(PROCESSES)]))
    store = Store.open(where, evidence)
    names = sorted(entry.agent for entry in store.entries())
    assert len(names) == PROCESSES * EACH + 2 and len(set(names)) == len(names), "none lost, none doubled"
    assert created == PROCESSES * EACH + 1, "the wanted name went to one of them"
    assert sum(one.action == "accepted" for one in store.log()) == len(names)
    assert {entry.digest for entry in store.entries()} == set(store.evidence.digests())
    store.check_log()
    store.close()


def test_concurrent_submissions(tmp_path: Path) -> None:
    """The tables are made by whoever comes first, so this races migrations too."""
    race(str(tmp_path / "board"), tmp_path / "board" / "evidence")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A server of our own, started where the programs are installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
    if initdb is None:
        pytest.skip("no PostgreSQL server is installed")
    with tempfile.TemporaryDirectory(prefix="progressgym-pg-") as folder:  # pytest's own folders are for root alone
        yield from _serve(Path(initdb), Path(folder))


def _serve(initdb: Path, folder: Path) -> Iterator[str]:
    programs, data = initdb.parent, folder / "data"
    account: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        if shutil.which("setpriv") is None:
            pytest.skip("PostgreSQL does not run as root, and setpriv is missing")
        shutil.chown(folder, "nobody")
        account = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    try:
        subprocess.run(
            [
                *account,
                str(initdb),
                "-D",
                str(data),
                "-U",
                "board",
                "-A",
                "trust",
                "--no-sync",
                "--locale=C",
                "-E",
                "UTF8",
            ],
            check=True,
            capture_output=True,
            timeout=120,
            cwd=folder,
        )
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"PostgreSQL cannot be started here: {error}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [*account, str(programs / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        url = f"postgresql+psycopg://board@127.0.0.1:{port}/postgres"
        _wait_for(url)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(url: str) -> None:
    import sqlalchemy as sa

    for _ in range(200):
        engine = sa.create_engine(url)
        try:
            engine.connect().close()
            return
        except sa.exc.OperationalError:
            time.sleep(0.1)
        finally:
            engine.dispose()
    pytest.skip("PostgreSQL did not come up in time")


def test_concurrent_submissions_on_postgres(postgres: str, tmp_path: Path) -> None:
    race(postgres, tmp_path)


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
