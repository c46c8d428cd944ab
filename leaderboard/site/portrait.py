"""What an entry did, step by step: values of agent and human, utilities beside static and reference, from evidence.

Recomputed from the raw answers of one seed a group, so that everybody can check every point of a chart.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from progressgym.leaderboard.arrays import read_actions
from progressgym.leaderboard.board import Board, CellKey, GroupKey, load_board
from progressgym.leaderboard.manifest import MANIFEST, check_manifest
from progressgym.leaderboard.problems import Refused
from progressgym.leaderboard.recompute import follow_path, score_cell
from progressgym.leaderboard.submission import STEPS
from progressgym.leaderboard.truth import episode_truth
from progressgym.leaderboard.unpack import PATH, read_zip
from progressgym.scores.records import RunScores


@dataclass(kw_only=True, frozen=True)
class Episode:
    """One seed of a group."""

    group: GroupKey
    seed: int
    labels: tuple[str, ...]
    """T centuries."""
    targets: tuple[int, ...]
    """Indices of the n centuries that the steps are compared with."""
    scores: RunScores

    @property
    def compared(self) -> tuple[str, ...]:
        """The same by name."""
        return tuple(self.labels[at] for at in self.targets)


@dataclass(kw_only=True, frozen=True)
class Portrait:
    """All groups of an entry, and the hashes of its evidence."""

    episodes: tuple[Episode, ...]
    files: int
    manifest: str
    """`MANIFEST.sha256` as it stands in the evidence."""


def make_portrait(evidence: bytes, digest: str, board_name: str) -> Portrait | None:
    """Recompute the first seed of every group.

    Args:
        evidence: the zip of an entry that was verified when it was taken in.
        digest: of the entry.
        board_name: which board it answers.

    Returns:
        The portrait; None when the zip is not what was taken in.
    """
    try:
        files = read_zip(io.BytesIO(evidence), PATH)
        if check_manifest(files) != digest:
            return None
    except Refused:
        return None
    board = load_board(board_name)
    episodes = tuple(_episode(board, group, files) for group in board.groups)
    return Portrait(episodes=episodes, files=len(files), manifest=files[MANIFEST].decode("ascii"))


def _episode(board: Board, group: GroupKey, files: dict[str, bytes]) -> Episode:
    key = CellKey(*group, board.seeds[0])
    truth = episode_truth(board, key)
    where = f"{key.folder}/{STEPS}"
    actions = read_actions(files[where], truth.shape, where)
    return Episode(
        group=group,
        seed=key.seed,
        labels=truth.history.labels,
        targets=tuple(truth.compared.tolist()),
        scores=score_cell(board, key, follow_path(truth, actions)),
    )
