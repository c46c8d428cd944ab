"""A PostgreSQL server of our own, where the programs are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.leaderboard.serving import free_port


def running_postgres() -> Iterator[str]:
    """Start one and give its address; skip where that cannot be done."""
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
    port = free_port()
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

    for _ in range(600):
        engine = sa.create_engine(url)
        try:
            engine.connect().close()
            return
        except sa.exc.OperationalError:
            time.sleep(0.1)
        finally:
            engine.dispose()
    pytest.skip("PostgreSQL did not come up in time")
