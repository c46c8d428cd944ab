"""A folder of submissions, such as `leaderboard/entries/`: verify all of them and make their standings."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from progressgym.core.errors import UserError
from progressgym.leaderboard.limited import verify_apart
from progressgym.leaderboard.resample import RESAMPLES
from progressgym.leaderboard.standings import make_standings
from progressgym.leaderboard.standings_data import Standings
from progressgym.leaderboard.store import Store

HOUSE = "progressgym"
"""Submitter of the entries that come with the package."""
AT_ONCE = 2
"""Verifications at a time, each a process of its own."""


def submissions_in(folder: Path) -> list[Path]:
    """Folders with a `submission.json`, and zips, sorted by name."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}")
    return sorted(path for path in folder.iterdir() if path.suffix == ".zip" or (path / "submission.json").is_file())


def fill(store: Store, folder: Path, submitter: str = HOUSE, resamples: int = RESAMPLES) -> list[str]:
    """Verify every submission of a folder and take it into a store.

    Returns:
        Digests, in the order of the names.

    Raises:
        UserError: one is refused.
    """
    paths = submissions_in(folder)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        verified = list(pool.map(lambda path: verify_apart(path, resamples=resamples), paths))
    digests = []
    for path, (verdict, evidence) in zip(paths, verified, strict=True):
        receipt = store.submit(verdict, evidence, submitter)
        if receipt.rung is None or verdict.digest is None:
            raise UserError(f"{path.name} is refused: {receipt.problems[0]}")
        digests.append(verdict.digest)
    return digests


def standings_of_folder(folder: Path) -> Standings:
    """Standings of a folder's submissions, through a store that is thrown away.

    Raises:
        UserError: one is refused.
    """
    with tempfile.TemporaryDirectory(prefix="progressgym-standings-") as scratch:
        store = Store.open(scratch)
        fill(store, folder)
        standings = make_standings(store)
        store.close()
        return standings
