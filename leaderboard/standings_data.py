"""The standings as plain data: one object behind the page, the JSON, the CSV and the terminal.

Rows that are `reproduced` are ranked by their private skill. All others are listed as open and have no rank: the public
truth ships with this package, so their numbers are consistent with what was submitted and no more.
"""

from __future__ import annotations

import csv
import io
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from progressgym.core.errors import UserError
from progressgym.leaderboard.board import DEFAULT_BOARD, load_board
from progressgym.leaderboard.names import csv_cell
from progressgym.leaderboard.provenance import MetricSheet
from progressgym.leaderboard.records import GroupScore, Reproduction, Rung
from progressgym.scores.records import SCHEMA_VERSION, Finite, IntervalRecord, SchemaVersion, Sha256

SHIPPED = "standings-{board}.json"


HEADLINES = {"skill": "skill", "explained": "drift explained"}
"""How pages and tables call what ranks."""


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class GroupRow(_Record):
    """One entry on one challenge and history."""

    group: str
    """`follow on histsmol-v1`."""
    history: str
    challenge: str
    rank: Finite | None
    """By private headline (Coevolve-v0: the smaller of skill and restraint), 1 = best, ties share a mean; None until
    reproduced, or when it is not identified."""
    private: GroupScore | None
    """Decides the rank; None until reproduced."""
    public: GroupScore | None
    """Recomputed from the submitted answers; None for an entry that was only validated."""
    gap: IntervalRecord | None = None
    """Public minus private headline with the interval of the difference; None where one is not there."""
    gap_flag: bool
    """Public is above private by more than that interval, see `progressgym.leaderboard.gate`."""


class Row(_Record):
    """One entry."""

    id: str
    digest: str
    agent: str
    version: str
    summary: str
    authors: list[str]
    licence: str
    code_url: str | None
    """None for an agent that comes with progressgym."""
    code_commit: str
    submitter: str
    signer: str | None
    status: Rung
    open: bool
    """True below `reproduced`: listed, never ranked."""
    received: str
    created: str
    base_model: str | None
    training_data: str
    hardware: str
    compute_seconds: Finite | None
    """As the submitter measured it."""
    compute: Finite | None = None
    """Processor seconds of a decision, as the board measured them on its private split: the mean over groups."""
    queries: int
    """Comparisons shown in one episode of every group together."""
    warnings: list[str]
    place: Finite | None
    """By score."""
    place_interval: IntervalRecord | None
    score: Finite | None
    """Mean over all groups of what the entry deserves there, from -1 to 1; see `ranking`."""
    pareto: bool
    """No other ranked entry is as good everywhere and better somewhere."""
    groups: list[GroupRow]
    reproduction: Reproduction | None = None
    """What the last run of the agent by the board said, without its scores."""


class Standings(_Record):
    """Everything that a page shows."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    board: str
    board_sha256: str
    generated: str
    split: str | None
    """Version of the private split that ranks; None before the first reproduction."""
    revision: int
    """Of the store: unchanged means that nothing changed."""
    groups: list[str]
    headlines: dict[str, Literal["skill", "explained"]] = {}
    """What ranks each group; skill where nothing is said."""
    gate: bool = False
    """Whether public above private costs an entry its score."""
    rows: list[Row]
    """Ranked entries by place, then open ones by name."""
    winners: dict[str, str]
    """Way of adding up -> id of its winner, among ranked entries."""
    notes: list[str]
    """What a reader should know before taking the first row for the best."""
    metrics: list[MetricSheet]
    """What each number stands for, its formula and its known conflicts."""
    commitments: dict[str, Sha256] = {}
    """What the owner of the private split that ranks has bound themselves to: sha256 of the key, and of every hidden
    history by the name of the shipped one."""


def shipped_standings(board: str = DEFAULT_BOARD) -> Standings:
    """The standings of the entries that come with the package, as they were when they were made.

    Args:
        board: name; those of boards before the current one are an archive.

    Raises:
        UserError: there are none.
    """
    path = files("progressgym.leaderboard").joinpath(SHIPPED.format(board=load_board(board).name))
    try:
        return Standings.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise UserError(f"this installation has no standings that can be read: {type(error).__name__}") from None


def to_csv(standings: Standings) -> str:
    """One line an entry and group, safe to open in a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in standings.rows:
        for group in row.groups:
            sides = [None if score is None else score.ranked for score in (group.private, group.public)]
            cells: list[object] = [
                row.id,
                row.agent,
                row.version,
                row.status,
                row.submitter,
                row.place,
                group.challenge,
                group.history,
                group.rank,
                standings.headlines.get(group.group, "skill"),
            ]
            for interval in (*sides, group.gap):
                cells += [None, None, None] if interval is None else [interval.mid, interval.low, interval.high]
            cells += [group.gap_flag]
            cells += [_skill(group.private), _skill(group.public)]
            cells += [group.public.published["follow_sum"] if group.public is not None else None]
            cells += [None if group.private is None else group.private.compute]
            cells += [row.compute_seconds, group.public.queries if group.public is not None else None]
            writer.writerow([csv_cell(cell) for cell in cells])
    return buffer.getvalue()


def _skill(score: GroupScore | None) -> float | None:
    return None if score is None or score.skill is None else score.skill.mid


CSV_COLUMNS = (
    "id",
    "agent",
    "version",
    "status",
    "submitter",
    "place",
    "challenge",
    "history",
    "rank",
    "headline",
    "private",
    "private_low",
    "private_high",
    "public",
    "public_low",
    "public_high",
    "gap",
    "gap_low",
    "gap_high",
    "gap_flag",
    "private_skill",
    "public_skill",
    "follow_sum",
    "compute",
    "compute_seconds",
    "queries",
)
