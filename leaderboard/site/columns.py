"""The columns of the standings: what each shows, how it sorts, and which provenance sheet explains it.

Two kinds of table: an overview over all groups, and one group (a challenge on a history) in depth. Neither shows a
single number alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from progressgym.leaderboard.board import challenge_in
from progressgym.leaderboard.records import GroupScore
from progressgym.leaderboard.standings_data import HEADLINES, GroupRow, Row, Standings
from progressgym.scores.records import IntervalRecord

Kind = Literal["place", "agent", "status", "pair", "skill", "number"]
DASH = "–"
SUMS = {
    "follow_sum": "Follow sum",
    "code_sum_of_maxes": "Code sum of maxes",
    "table2_double_sum": "Table 2 double sum",
}


@dataclass(frozen=True)
class Cell:
    """One cell: what a reader sees, and what it sorts by."""

    text: str
    value: float | str | None = None
    """None sorts last, whichever way."""
    interval: IntervalRecord | None = None
    private: str = ""
    """Of a pair: the private number, above the public one."""
    flag: bool = False


@dataclass(frozen=True)
class Column:
    """One column."""

    key: str
    """In addresses."""
    title: str
    kind: Kind
    cell: Callable[[Row], Cell]
    metric: str = ""
    """Id of its provenance sheet."""
    falling: bool = False
    """The best is the largest: sorts downwards first."""
    note: str = ""
    """Second line of the heading."""


def number(value: float | None, digits: int = 2) -> str:
    """A number for the page; a dash when there is none.

    >>> number(-0.001), number(-1.5), number(None), number(12345.0, 0)
    ('0.00', '−1.50', '–', '12,345')
    """
    return DASH if value is None else f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "−")  # no minus zero


def columns_of(standings: Standings, group: str) -> list[Column]:
    """Columns of a table.

    Args:
        standings: whose.
        group: name of a group, or nothing for the overview.
    """
    return _overview(standings) if not group else _group(standings, standings.groups.index(group))


def measures_of(standings: Standings) -> dict[str, str]:
    """Name -> title of what any of the groups' challenges measures beside the score."""
    return {one.name: one.title for group in standings.groups for one in challenge_in(group).measures}


def _overview(standings: Standings) -> list[Column]:
    groups = [
        _pair(
            index,
            name,
            any(row.groups[index].private is not None for row in standings.rows),
            "explained" if standings.headlines.get(name) == "explained" else "private_skill",
        )
        for index, name in enumerate(standings.groups)
    ]
    return [
        Column("place", "Place", "place", _place, "score"),
        Column("agent", "Agent", "agent", lambda row: Cell(row.agent, row.agent.lower())),
        Column("status", "Status", "status", _status),
        _plain("score", "Score", lambda row: row.score, metric="score", falling=True),
        Column("agree", "Agree", "number", _agree, "gate", note="public, private"),
        *groups,
        *_cost(lambda row: row.queries, lambda row: row.compute),
    ]


def _group(standings: Standings, at: int) -> list[Column]:
    def public(row: Row) -> GroupScore | None:
        return row.groups[at].public

    def queries(row: Row) -> int | None:
        score = public(row)
        return None if score is None else score.queries

    def sums(name: str) -> Callable[[Row], float | None]:
        return lambda row: None if (score := public(row)) is None else score.published.get(name)

    def locks(name: str) -> Callable[[Row], float | None]:
        return lambda row: None if (score := row.groups[at].private or public(row)) is None else score.lock_in.get(name)

    def restraint(row: Row) -> float | None:
        return None if (score := row.groups[at].private or public(row)) is None else score.restraint

    def skill(row: Row) -> float | None:
        score = row.groups[at].private or public(row)
        return None if score is None or score.skill is None else score.skill.mid

    def compute(row: Row) -> float | None:
        score = row.groups[at].private
        return None if score is None else score.compute

    headline = standings.headlines.get(standings.groups[at], "skill")
    called = HEADLINES[headline]
    sheet = "explained" if headline == "explained" else ""
    columns = [
        Column("place", "Rank", "place", lambda row: _rank(row, at), sheet or "private_skill"),
        Column("agent", "Agent", "agent", lambda row: Cell(row.agent, row.agent.lower())),
        Column("status", "Status", "status", _status),
        Column(
            "private",
            f"Private {called}",
            "skill",
            lambda row: _score(row.groups[at], "private"),
            sheet or "private_skill",
            True,
        ),
        Column(
            "public",
            f"Public {called}",
            "skill",
            lambda row: _score(row.groups[at], "public"),
            sheet or "public_skill",
            True,
        ),
        Column("gap", "Public − private", "skill", lambda row: _gap(row.groups[at]), "gate"),
    ]
    if sheet:
        columns.append(_plain("skill", "Skill", skill, metric="private_skill", falling=True, note="by cosine"))
    challenge = challenge_in(standings.groups[at])
    if challenge.cost is not None:
        columns.append(_plain("restraint", "Restraint", restraint, metric="restraint", falling=True))
    for measure in challenge.measures:
        columns.append(_plain(measure.name, measure.title, locks(measure.name), metric="lock_in"))
    columns += [
        _plain(key, title, sums(key), metric="published", falling=True, note="public") for key, title in SUMS.items()
    ]
    return [*columns, *_cost(queries, compute)]


def _cost(queries: Callable[[Row], float | None], compute: Callable[[Row], float | None]) -> list[Column]:
    """Queries, what a decision takes, and what the submitter says that all runs took."""

    def milliseconds(row: Row) -> float | None:
        seconds = compute(row)
        return None if seconds is None else 1000.0 * seconds

    return [
        _plain("queries", "Queries", queries, 0, metric="cost", note="an episode"),
        _plain("compute", "Compute", milliseconds, 2, metric="cost", note="ms a decision"),
        _plain("stated", "Runs", lambda row: row.compute_seconds, 0, metric="cost", note="seconds, stated"),
    ]


def _plain(
    key: str,
    title: str,
    value: Callable[[Row], float | None],
    digits: int = 2,
    *,
    metric: str = "",
    falling: bool = False,
    note: str = "",
) -> Column:
    return Column(key, title, "number", lambda row: Cell(number(value(row), digits), value(row)), metric, falling, note)


def _pair(at: int, name: str, ranked: bool, sheet: str) -> Column:
    """Sorts by the private headline; by the public one only where nobody has a private one."""
    challenge, _, history = name.partition(" on ")

    def cell(row: Row) -> Cell:
        group = row.groups[at]
        private, public = _mid(group.private), _mid(group.public)
        return Cell(number(public), private if ranked else public, private=number(private), flag=group.gap_flag)

    return Column(f"g{at}", challenge.capitalize(), "pair", cell, sheet, True, history)


def _place(row: Row) -> Cell:
    if row.place is None:
        return Cell("open" if row.open else DASH)
    return Cell(f"{row.place:g}", row.place, interval=row.place_interval)


def _rank(row: Row, at: int) -> Cell:
    rank = row.groups[at].rank
    if rank is None:
        return Cell("open" if row.open else DASH)
    return Cell(f"{rank:g}", rank)


def _status(row: Row) -> Cell:
    return Cell(row.status, {"reproduced": 0.0, "recomputed": 1.0, "validated": 2.0}[row.status])


def _agree(row: Row) -> Cell:
    """Whether public and private agree, wherever both are there."""
    compared = [group for group in row.groups if group.gap is not None]
    apart = sum(group.gap_flag for group in compared)
    if not compared:
        return Cell(DASH)
    return Cell("yes" if not apart else f"not in {apart} of {len(compared)}", float(apart), flag=apart > 0)


def _gap(group: GroupRow) -> Cell:
    if group.gap is None:
        return Cell(DASH)
    return Cell(number(group.gap.mid), group.gap.mid, interval=group.gap, flag=group.gap_flag)


def _score(group: GroupRow, side: Literal["private", "public"]) -> Cell:
    score = group.private if side == "private" else group.public
    flag = side == "public" and group.gap_flag
    if score is None:
        return Cell(DASH)
    if score.ranked is None:
        return Cell("not identified")
    return Cell(number(score.ranked.mid), score.ranked.mid, interval=score.ranked, flag=flag)


def _mid(score: GroupScore | None) -> float | None:
    return None if score is None or score.ranked is None else score.ranked.mid


def order(rows: Sequence[Row], column: Column, falling: bool) -> list[int]:
    """Indices of rows sorted by a column; empty cells last, ties as they stood."""
    values = [column.cell(row).value for row in rows]
    there = [at for at, value in enumerate(values) if value is not None]
    if column.kind == "agent":
        there.sort(key=lambda at: str(values[at]), reverse=falling)
    else:
        there.sort(key=lambda at: _float(values[at]), reverse=falling)
    return [*there, *(at for at, value in enumerate(values) if value is None)]


def _float(value: float | str | None) -> float:
    assert isinstance(value, float | int)
    return float(value)
