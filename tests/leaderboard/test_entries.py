"""Every entry that ships is a real submission of the current board, and the shipped standings are theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

import progressgym.leaderboard
from progressgym.leaderboard.board import board_names, load_board
from progressgym.leaderboard.folder import fill, submissions_in
from progressgym.leaderboard.records import Reproduction
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
    assert len(submission.actions) == len(submission.board.cells)


def test_there_are_entries() -> None:
    assert {path.stem.rpartition("-")[0] for path in entries()} >= {"static", "random", "lifelong-map", "lifelong-dpo"}


@pytest.mark.heavy
def test_shipped_standings_are_those_of_the_entries(tmp_path: Path) -> None:
    """Recomputes every score of every entry, those of the archive too."""
    store = Store.open(tmp_path)
    fill(store, ENTRIES, resamples=20)  # of the intervals, which are not compared
    for board in board_names():
        made, shipped = make_standings(store, board), shipped_standings(board)
        assert made.board_sha256 == shipped.board_sha256
        utilities, expected = _utilities(made), _utilities(shipped)
        assert utilities.keys() == expected.keys()
        assert all(utilities[digest] == pytest.approx(expected[digest], abs=1e-6) for digest in expected)


@pytest.mark.parametrize("board", board_names())
def test_shipped_standings_are_ranked_by_reproductions(board: str) -> None:
    """Every entry was run in the sandbox, public grid and private split; leaderboard/entries/reproduce.sh does it."""
    shipped = shipped_standings(board)
    there = [load_submission(path) for path in entries()]
    assert {row.digest for row in shipped.rows} == {one.digest for one in there if one.board.name == board}
    assert shipped.split is not None and set(shipped.commitments) == {"key"}
    for row in shipped.rows:
        assert row.reproduction is not None and row.reproduction.matches and row.place is not None, row.agent
        assert _same_run(row.reproduction, board), f"{row.agent}: {row.reproduction.note}"
        assert row.reproduction.split == shipped.split and row.reproduction.commitments == shipped.commitments
    assert not any(group.gap_flag for row in shipped.rows for group in row.groups), "these are the honest ones"
    static = next(row for row in shipped.rows if row.agent == "static")
    numbers = [g.private.ranked for g in static.groups if g.private is not None]
    assert len(numbers) == {"board-v1": 3, "board-v2": 12}[board]
    assert all(number is not None and number.mid == 0.0 for number in numbers)


def _same_run(reproduction: Reproduction, board: str) -> bool:
    """Bit for bit, or, on a processor that rounds otherwise, as near as the note says."""
    if reproduction.note == f"all {len(load_board(board).cells)} cells match bit for bit":
        return reproduction.largest_difference == 0.0
    near = "cells match bit for bit, answers differ by up to" in reproduction.note
    return near and reproduction.largest_difference is not None and reproduction.largest_difference < 1e-5


@pytest.mark.parametrize("board", board_names())
def test_shipped_standings_are_ordered_by_their_own_numbers(board: str) -> None:
    """A score is the mean of what an entry deserves in each group, whoever else is there."""
    shipped = shipped_standings(board)
    scores: list[float] = []
    for row in shipped.rows:
        merits = []
        for score in (group.private for group in row.groups if group.private is not None):
            assert score.ranked is not None and (score.restraint is None) == (score.challenge != "coevolve")
            merit = score.ranked.mid if score.restraint is None else min(score.ranked.mid, score.restraint)
            merits.append(min(max(merit, -1.0), 1.0))
        assert row.score is not None and row.score == pytest.approx(sum(merits) / len(merits))
        scores.append(row.score)
    assert scores == sorted(scores, reverse=True)


def _utilities(standings: Standings) -> dict[str, list[float]]:
    """Digest -> public utilities."""
    return {
        row.digest: [group.public.utility.mid for group in row.groups if group.public is not None]
        for row in standings.rows
    }
