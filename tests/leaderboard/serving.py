"""A real server on the loopback address, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from progressgym.leaderboard.store import Store
from tests.leaderboard.stores import reproduction, verdict

PROGRAM = """
import json, sys
from progressgym.leaderboard.server.run import serve
from progressgym.leaderboard.server.settings import Settings
from progressgym.leaderboard.store import Store
where, evidence, port, settings = json.loads(sys.argv[1])
store = Store.open(where, evidence)
serve(store, Settings(**settings), host="127.0.0.1", port=port, quiet=True)
"""


PORTS = random.SystemRandom()


@dataclass(frozen=True)
class Server:
    """Where it is."""

    url: str
    port: int
    process: subprocess.Popen[bytes]

    def client(self, token: str = "", timeout: float = 120.0) -> httpx2.Client:
        """A client, with a token if there is one."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=timeout)


def free_port() -> int:
    """Below those that the system gives to connections: none of them takes it before the server does."""
    while True:
        port = PORTS.randrange(12_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def served(
    where: Path | str,
    evidence: Path | str,
    *,
    before: Sequence[str] = (),
    temporary: Path | None = None,
    **settings: float,
) -> Iterator[Server]:
    """Serve a store until the block ends.

    Args:
        where: the store.
        evidence: its evidence.
        before: a command line that runs the server's.
        temporary: its temporary folder.
        settings: its limits.
    """
    port = free_port()
    request = json.dumps([str(where), str(evidence), port, {"resamples": 20, "requests_a_minute": 100_000, **settings}])
    environment = {**os.environ, **({} if temporary is None else {"TMPDIR": str(temporary)})}
    line = [*before, sys.executable, "-c", PROGRAM, request]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, env=environment)
    server = Server(f"http://127.0.0.1:{port}", port, process)
    try:
        _wait(server)
        yield server
    finally:
        process.terminate()
        _, told = process.communicate(timeout=60)
    assert b"Traceback" not in told, told.decode()


def _wait(server: Server) -> None:
    for _ in range(600):
        if server.process.poll() is not None:
            raise RuntimeError(f"the server ended: {server.process.communicate()[1].decode()}")
        try:
            httpx2.get(server.url + "/api/v1/health", timeout=5).raise_for_status()
            return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the server did not come up")


def fill(store: Store, ranked: int = 3, still_open: int = 3) -> None:
    """Rows that are made up, some of them ranked."""
    letters = "abcdefghijkmnpqrstuvwxyz"
    for number in range(ranked + still_open):
        name = "row-" + letters[number // len(letters)] + "-" + letters[number % len(letters)]
        skill = number / (ranked + still_open)
        told, evidence = verdict(name, skill=skill)
        receipt = store.submit(told, evidence, "team-" + "xyz"[number % 3])
        if number < ranked:
            store.record_reproduction(str(receipt.id), reproduction(skill - 0.05, displacement=0.1 + skill / 4))
