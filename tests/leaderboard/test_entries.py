"""Every entry that ships is a real submission of the current board, and the shipped standings are theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

import progressgym.leaderboard
from progressgym.leaderboard.board import load_board
from progressgym.leaderboard.folder import fill, submissions_in
from progressgym.leaderboard.standings import make_standings
from progressgym.leaderboard.standings_data import Standings, shipped_standings
from progressgym.leaderboard.store import Store
from progressgym.leaderboard.submission import load_submission

ENTRIES = Path(progressgym.leaderboard.__file__).parent / "entries"
pytestmark = pytest.mark.skipif(not ENTRIES.is_dir(), reason="wheels hold no entries")


def entries() -> list[Path]:
    return submissions_in(ENTRIES) if ENTRIES.is_dir() else []


@pytest.mark.parametrize("path", entries(), ids=lambda path: path.name)
def test_entry_is_valid(path: Path) -> None:
    submission = load_submission(path)
    agent = submission.record.agent
    assert path.stem == f"{agent.name}-{agent.version}"
    assert len(submission.actions) == len(load_board().cells)


def test_there_are_entries() -> None:
    assert {path.stem.rpartition("-")[0] for path in entries()} >= {"static", "random", "lifelong-map", "lifelong-dpo"}


@pytest.mark.heavy
def test_shipped_standings_are_those_of_the_entries(tmp_path: Path) -> None:
    """Recomputes every score of every entry."""
    store = Store.open(tmp_path)
    fill(store, ENTRIES, resamples=20)  # of the intervals, which are not compared
    made, shipped = make_standings(store), shipped_standings()
    assert made.board_sha256 == shipped.board_sha256
    assert _utilities(made) == pytest.approx(_utilities(shipped), abs=1e-6)
    assert [row.digest for row in made.rows] == [row.digest for row in shipped.rows]
    assert all(row.open and row.place is None for row in shipped.rows), "nobody has reproduced them yet"


def _utilities(standings: Standings) -> list[float]:
    return [group.public.utility.mid for row in standings.rows for group in row.groups if group.public is not None]
