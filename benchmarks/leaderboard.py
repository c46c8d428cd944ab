"""How long the board needs: recomputing all shipped entries on two cores, and standings of many entries.

    python benchmarks/leaderboard.py                     # every entry, two processes at a time
    python benchmarks/leaderboard.py --rows 10000        # and standings of ten thousand rows

Unpacking, hashes, replayed comparisons, scores, intervals with 1,000 resamples and the checks against truth included:
first as one submitter's, several in a limited child process (the bar), then as strangers', each in a child of its own.
The verdicts must be the same bits. Beside it, the same cells scored by stepping the environments one after the other.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import progressgym.leaderboard
from progressgym.bench.episodes import replay
from progressgym.core.files import sha256_bytes
from progressgym.leaderboard.board import GroupKey, load_board
from progressgym.leaderboard.folder import AT_ONCE, submissions_in, verify_together
from progressgym.leaderboard.limited import verify_apart
from progressgym.leaderboard.recompute import follow_paths
from progressgym.leaderboard.records import Reproduction, Verdict
from progressgym.leaderboard.standings import make_standings
from progressgym.leaderboard.store import Store
from progressgym.leaderboard.submission import load_submission

BAR_SECONDS = 20.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    entries = Path(progressgym.leaderboard.__file__).parent / "entries"
    parser.add_argument("--entries", type=Path, default=entries, help="folder of submissions")
    parser.add_argument("--rows", type=int, default=0, help="also time the standings of so many entries")
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
    envs = {group: board.make(group) for group in board.groups}
    start = time.perf_counter()
    for key, actions in submission.actions.items():
        env = envs[GroupKey(key.history, key.challenge)]
        replay(env, key.seed, actions)
    steps = time.perf_counter() - start
    print(f"{path.name}: arrays {arrays:.3f} s, stepping the environments {steps:.3f} s, ratio {steps / arrays:.1f}")


def standings(verdict: Verdict, rows: int) -> None:
    """Fill a store with copies under other names and time the standings."""
    assert verdict.record is not None
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(folder)
        start = time.perf_counter()
        for number in range(rows):
            name = f"entry-{number:x}".translate(str.maketrans("015", "xyz"))
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


if __name__ == "__main__":
    assert load_board()
    main()
