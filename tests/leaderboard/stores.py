"""Verdicts without verification, to try the store quickly: content is made up, form is real."""

from __future__ import annotations

from collections.abc import Sequence

from progressgym.core.files import sha256_bytes
from progressgym.leaderboard.board import DEFAULT_BOARD, load_board
from progressgym.leaderboard.records import CellScore, GroupScore, Reproduction, Verdict
from progressgym.leaderboard.schema import AgentInfo, BoardInfo, CodeInfo, SubmissionRecord
from progressgym.scores.records import IntervalRecord


def group_score(history: str, challenge: str, skill: float | None, displacement: float = 0.1) -> GroupScore:
    """A score with three samples around its skill."""
    return GroupScore(
        history=history,
        challenge=challenge,
        seeds=10,
        skill=None if skill is None else IntervalRecord(low=skill - 0.1, mid=skill, high=skill + 0.1),
        utility=IntervalRecord(low=7.0, mid=7.5, high=8.0),
        static=7.0,
        reference=8.0,
        drift_cosine=0.5,
        dimension_error=0.1,
        published={"follow_sum": 7.5, "code_sum_of_maxes": 30.0, "table2_double_sum": 60.0},
        lock_in={"entropy": 0.8, "displacement": displacement, "against_history": 0.1}
        if challenge == "coevolve"
        else {},
        restraint=1.0 - displacement if challenge == "coevolve" else None,
        queries=3168,
        samples=[] if skill is None else [skill - 0.05, skill, skill + 0.05],
    )


def groups(
    skills: float | Sequence[float | None], displacement: float = 0.1, board: str = DEFAULT_BOARD
) -> list[GroupScore]:
    """Scores on every group of a board: what ranks there, and the skill, are these numbers."""
    grid = load_board(board)
    numbers = [skills] * len(grid.groups) if isinstance(skills, float) else skills
    found = []
    for group, skill in zip(grid.groups, numbers, strict=True):
        score = group_score(group.history, group.challenge, skill, displacement)
        if grid.headline_of(group) == "explained":
            score = score.model_copy(update={"headline": "explained", "explained": score.skill})
        found.append(score)
    return found


def verdict(
    name: str = "mine",
    version: str = "1",
    *,
    content: str = "",
    answers: str = "",
    signer: str | None = None,
    skill: float | Sequence[float | None] = 0.5,
    board: str = DEFAULT_BOARD,
) -> tuple[Verdict, bytes]:
    """An accepted verdict and its evidence."""
    grid = load_board(board)
    unique = f"{name} {version} {content}"
    record = SubmissionRecord(
        board=BoardInfo(name=grid.name, sha256=grid.digest),
        agent=AgentInfo(name=name, version=version, id="static", summary="For tests"),
        authors=["Ada"],
        licence="MIT",
        code=CodeInfo(url="https://example.org/x", commit="0123456"),
        training_data="none",
        hardware="two cores",
        packages={},
        command=[],
        created="2026-01-31T12:00:00+00:00",
        cells=[],
    )
    told = Verdict(
        digest=sha256_bytes(unique.encode()),
        rung="recomputed",
        problems=[],
        record=record,
        signer=signer,
        groups=groups(skill, board=board),
        cells=[
            CellScore(
                history="histsmol-v1",
                challenge="follow",
                seed=0,
                utility=7.5,
                fingerprint=sha256_bytes((answers or unique).encode()),
            )
        ],
    )
    return told, unique.encode() * 100


def reproduction(
    skill: float | Sequence[float | None],
    *,
    matches: bool = True,
    displacement: float = 0.1,
    board: str = DEFAULT_BOARD,
) -> Reproduction:
    """What a private run might say."""
    return Reproduction(
        split="private-1",
        matches=matches,
        largest_difference=0.0,
        groups=groups(skill, displacement, board),
        seconds=1.0,
    )
