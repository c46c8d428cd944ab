"""How long the board needs: recomputing all shipped entries on two cores, and standings of many entries.

    python benchmarks/leaderboard.py                     # every entry, two processes at a time
    python benchmarks/leaderboard.py --rows 10000        # and a server with ten thousand rows, loaded by ab
    python benchmarks/leaderboard.py --submissions 200   # and so many different submissions at once, from four processes

The load is made by `ab` (Debian: apache2-utils) against the real server on this machine.

Unpacking, hashes, replayed comparisons, scores, intervals with 1,000 resamples and the checks against truth included:
first as one submitter's, several in a limited child process (the bar), then as strangers', each in a child of its own.
The verdicts must be the same bits. Beside it, the same cells scored by stepping the environments one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import http.client
import json
import multiprocessing
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2

import progressgym.leaderboard
from progressgym.bench.episodes import replay
from progressgym.core.files import sha256_bytes
from progressgym.leaderboard.board import load_board
from progressgym.leaderboard.folder import AT_ONCE, submissions_in, verify_together
from progressgym.leaderboard.limited import verify_apart
from progressgym.leaderboard.manifest import MANIFEST, pack, write_manifest
from progressgym.leaderboard.recompute import follow_paths
from progressgym.leaderboard.records import Reproduction, Verdict
from progressgym.leaderboard.schema import SUBMISSION
from progressgym.leaderboard.standings import make_standings
from progressgym.leaderboard.store import Store
from progressgym.leaderboard.submission import load_submission
from progressgym.leaderboard.unpack import read_submission

BAR_SECONDS = 20.0
BAR_MILLISECONDS = 200.0
REQUESTS, AT_A_TIME, SENDERS = 300, 8, 4
DIGITS = str.maketrans("015", "xyz")
"""Names that differ only in digits that look like letters would be taken for one another."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    entries = Path(progressgym.leaderboard.__file__).parent / "entries"
    parser.add_argument("--entries", type=Path, default=entries, help="folder of submissions")
    parser.add_argument("--rows", type=int, default=0, help="also time the standings and the server of so many entries")
    parser.add_argument("--submissions", type=int, default=0, help="also send so many submissions at once")
    options = parser.parse_args()
    paths = submissions_in(options.entries)

    together = timed("one submitter's, several a child", lambda: [v for v, _ in verify_together(paths)])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = timed("strangers', a child each", lambda: [v for v, _ in pool.map(verify_apart, paths)])
    assert all(verdict.accepted for verdict in verdicts), [verdict.problems for verdict in verdicts]
    assert verdicts == together, "the same bits"
    print(f"{len(paths)} submissions, {sum(len(verdict.cells) for verdict in verdicts)} cells, bar {BAR_SECONDS:g} s")
    compare(paths[0])
    if options.rows:
        standings(verdicts[0], options.rows)
    if options.submissions:
        crowd(paths[0], options.submissions)


def timed(name: str, work: Callable[[], list[Verdict]]) -> list[Verdict]:
    """Run something and print wall and processor time of its child processes."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = work()
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{name}, {AT_ONCE} at a time: {seconds:.1f} s, processor time {used:.1f} s")
    print(f"peak memory of a child so far {after.ru_maxrss / 1e3:.0f} MB")
    return done


def compare(path: Path) -> None:
    """Array code against stepping, one submission's cells, everything else left out."""
    submission = load_submission(path)
    board = submission.board
    follow_paths(board, submission.actions)  # what a seed decides is replayed once for all submissions
    start = time.perf_counter()
    follow_paths(board, submission.actions)
    arrays = time.perf_counter() - start
    envs = {key: board.make(key) for key in submission.actions}  # a split of the items each, where the board has these
    start = time.perf_counter()
    for key, actions in submission.actions.items():
        replay(envs[key], key.seed, actions)
    steps = time.perf_counter() - start
    print(f"{path.name}: arrays {arrays:.3f} s, stepping the environments {steps:.3f} s, ratio {steps / arrays:.1f}")


def standings(verdict: Verdict, rows: int) -> None:
    """Fill a store with copies under other names, time the standings, then load a server of it."""
    assert verdict.record is not None
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(folder)
        start = time.perf_counter()
        for number in range(rows):
            name = f"entry-{number:x}".translate(DIGITS)
            agent = verdict.record.agent.model_copy(update={"name": name})
            copy = verdict.model_copy(
                update={
                    "digest": sha256_bytes(name.encode()),
                    "record": verdict.record.model_copy(update={"agent": agent}),
                    "cells": [],
                }
            )
            store.submit(copy, b"x", "benchmark")
            if number % 2:
                told = Reproduction(split="p", matches=True, largest_difference=0.0, groups=verdict.groups, seconds=1.0)
                store.record_reproduction(str(copy.digest), told)
        print(f"{len(store.entries())} entries taken in in {time.perf_counter() - start:.1f} s")
        start = time.perf_counter()
        made = make_standings(store)
        middle = time.perf_counter()
        size = len(made.model_dump_json())
        end = time.perf_counter()
        print(
            f"standings {middle - start:.2f} s, as JSON {end - middle:.2f} s, {size / 1e6:.1f} MB; cached until something changes"
        )
        groups = made.groups
        store.close()
        del made
        with server(folder) as port:
            load(port, groups)
            while_it_changes(folder, port)


@contextmanager
def server(folder: str, *options: str) -> Iterator[int]:
    """The real server, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["leaderboard", "serve", "--store", folder, "--port", str(port), "--quiet"]
    arguments += ["--requests-a-minute", "1000000", *options]
    start = time.perf_counter()
    program = f"from progressgym.cli.main import main; main({arguments!r})"
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        while not answers(port):
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
        print(f"the server is up after {time.perf_counter() - start:.1f} s")
        yield port
    finally:
        process.terminate()
        process.wait(60)


def answers(port: int) -> bool:
    """Whether the server is there."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/api/v1/health")
        return connection.getresponse().status == 200
    except OSError:
        return False


def load(port: int, groups: list[str]) -> None:
    """Load the pages that people and programs ask for, each asked for the first time and many times."""
    group = groups[0].replace(" ", "+").replace("?", "%3F").replace("=", "%3D")
    kinds = {
        "the standings page": "/?page={}",
        "the same, searched": "/?q=entry-{:x}",
        "one challenge, sorted by public skill": f"/?group={group}&sort=public&dir=down&page={{}}",
        "the same as JSON": f"/api/v1/standings?group={group}&sort=public&dir=down&page={{}}",
        "the standings as JSON": "/api/v1/standings?page={}",
    }
    print(f"bar: {BAR_MILLISECONDS:g} ms; ab -n {REQUESTS} -c {AT_A_TIME}, and one by one where every address is new")
    for name, path in kinds.items():
        middle, high = ab(f"http://127.0.0.1:{port}{path.format(1)}")
        fresh = [first(port, path.format(number)) for number in range(2, 42)]
        print(
            f"{name + ':':<40} p50 {middle:5.0f} ms, p95 {high:5.0f} ms; first time p50 "
            f"{statistics.median(fresh):4.0f} ms, p95 {statistics.quantiles(fresh, n=20)[-1]:4.0f} ms"
        )


def while_it_changes(folder: str, port: int) -> None:
    """Ask for pages while new standings are being made because an entry was withdrawn."""
    store = Store.open(folder)
    gone = store.entries()[0]
    store.withdraw(gone.digest, "board", "measured")
    revision = store.revision()
    store.close()
    start, times = time.perf_counter(), [first(port, "/"), first(port, "/")]
    while json.loads(httpx2.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=60).content)["shown"] < revision:
        times.append(first(port, "/"))
    seconds = time.perf_counter() - start
    high = statistics.quantiles(times, n=20)[-1]
    print(
        f"new standings shown after {seconds:.1f} s; the page meanwhile: p50 {statistics.median(times):.0f} ms, p95 {high:.0f} ms"
    )


def ab(url: str) -> tuple[float, float]:
    """Median and 95th percentile of the milliseconds that ApacheBench sees."""
    if shutil.which("ab") is None:
        raise SystemExit("this needs ab: apt-get install apache2-utils")
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "percentiles.csv"
        command = [
            "ab",
            "-q",
            "-n",
            str(REQUESTS),
            "-c",
            str(AT_A_TIME),
            "-H",
            "Accept-Encoding: gzip",
            "-e",
            str(told),
        ]
        done = subprocess.run([*command, url], capture_output=True, text=True, timeout=600, check=True)
        assert "Non-2xx" not in done.stdout and "Failed requests:        0" in done.stdout, done.stdout
        with open(told, newline="") as file:
            table = {int(row[0]): float(row[1]) for row in list(csv.reader(file))[1:]}
    return table[50], table[95]


def first(port: int, path: str) -> float:
    """Milliseconds of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    start = time.perf_counter()
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, path
    return 1000 * (time.perf_counter() - start)


def crowd(path: Path, count: int) -> None:
    """So many different submissions at once: none lost, none doubled."""
    files = read_submission(path)
    record = json.loads(files[SUBMISSION])
    uploads = []
    for number in range(count):
        record["agent"]["name"] = f"copy-{number:x}".translate(DIGITS)
        changed = {**files, SUBMISSION: json.dumps(record).encode()}
        del changed[MANIFEST]
        uploads.append(pack({**changed, MANIFEST: write_manifest(changed)}))
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(folder)
        token = store.enrol("benchmark")
        with server(folder, "--submissions-an-hour", str(2 * count), "--waiting", str(count)) as port:
            start = time.perf_counter()
            jobs = [(port, token, uploads[at::SENDERS]) for at in range(SENDERS)]
            with multiprocessing.get_context("fork").Pool(SENDERS) as pool:
                statuses = [status for some in pool.starmap(send_all, jobs) for status in some]
            seconds = time.perf_counter() - start
        entries = store.entries()
        store.check_log()
        store.close()
        assert statuses == [201] * count and len({entry.agent for entry in entries}) == len(entries) == count
    print(f"{count} different submissions at once from {SENDERS} processes: {seconds:.0f} s, none lost, none doubled")


def send_all(port: int, token: str, uploads: list[bytes]) -> list[int]:
    """Send all of them at once; returns what was answered."""

    async def run() -> list[int]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/zip"}
        limits = httpx2.Limits(max_connections=len(uploads))
        async with httpx2.AsyncClient(headers=headers, timeout=3600, limits=limits) as client:
            url = f"http://127.0.0.1:{port}/api/v1/submissions"
            sent = await asyncio.gather(*(client.post(url, content=data) for data in uploads))
            return [answer.status_code for answer in sent]

    return asyncio.run(run())


if __name__ == "__main__":
    assert load_board()
    main()
