"""A folder of submissions, such as `leaderboard/entries/`: verify all of them and make their standings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from progressgym.core.errors import UserError
from progressgym.leaderboard.board import DEFAULT_BOARD
from progressgym.leaderboard.limited import DEFAULT_LIMITS, verify_all_apart
from progressgym.leaderboard.records import Verdict
from progressgym.leaderboard.resample import RESAMPLES
from progressgym.leaderboard.reserved import HOUSE
from progressgym.leaderboard.scratch import scratch
from progressgym.leaderboard.standings import make_standings
from progressgym.leaderboard.standings_data import Standings

if TYPE_CHECKING:  # reading a folder needs no database
    from progressgym.leaderboard.store import Store

AT_ONCE = 2
"""Child processes at a time."""
TOGETHER = 8
"""Submissions of one submitter in a child at most."""


def submissions_in(folder: Path) -> list[Path]:
    """Folders with a `submission.json`, and zips, sorted by name."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}")
    submissions = sorted(
        path for path in folder.iterdir() if path.suffix == ".zip" or (path / "submission.json").is_file()
    )
    if not submissions:
        raise UserError(f"{folder} holds no submission: neither a .zip nor a folder with a submission.json")
    return submissions


def fill(store: Store, folder: Path, submitter: str = HOUSE, resamples: int = RESAMPLES) -> list[str]:
    """Verify every submission of a folder and take it into a store.

    Returns:
        Digests, in the order of the names.

    Raises:
        UserError: one is refused.
    """
    paths = submissions_in(folder)
    verified = verify_together(paths, resamples)
    digests = []
    for path, (verdict, evidence) in zip(paths, verified, strict=True):
        receipt = store.submit(verdict, evidence, submitter)
        if receipt.rung is None or verdict.digest is None:
            raise UserError(f"{path.name} is refused: {receipt.problems[0]}")
        digests.append(verdict.digest)
    return digests


def verify_together(paths: Sequence[Path], resamples: int = RESAMPLES) -> list[tuple[Verdict, bytes | None]]:
    """Verify submissions of one submitter, several in a child process: what seeds decide is replayed once for all.

    The verdicts are those of one child for each. Submissions of strangers to each other do not share a child.
    """
    size = min(max(math.ceil(len(paths) / AT_ONCE), 1), TOGETHER)
    batches = [paths[start : start + size] for start in range(0, len(paths), size)]

    def verify(batch: Sequence[Path]) -> list[tuple[Verdict, bytes | None]]:
        limits = replace(
            DEFAULT_LIMITS,
            processor_seconds=DEFAULT_LIMITS.processor_seconds * len(batch),
            wall_seconds=DEFAULT_LIMITS.wall_seconds * len(batch),
        )
        return verify_all_apart(batch, resamples=resamples, limits=limits)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [verdict for verdicts in pool.map(verify, batches) for verdict in verdicts]


def standings_of_folder(folder: Path, board: str = DEFAULT_BOARD) -> Standings:
    """Standings of a folder's submissions to a board, through a store that is thrown away.

    Raises:
        UserError: one is refused.
    """
    with scratch("standings") as room:
        from progressgym.leaderboard.store import Store

        store = Store.open(room)
        fill(store, folder)
        standings = make_standings(store, board)
        store.close()
        return standings
