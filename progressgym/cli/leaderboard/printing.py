"""How the leaderboard's commands print verdicts and standings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from progressgym.core.errors import UserError
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from rich.table import Table

    from progressgym.leaderboard.records import GroupScore, Rung, Verdict
    from progressgym.leaderboard.standings_data import Standings
    from progressgym.scores.records import IntervalRecord

WIDTH = 150
"""Columns of the standings at least."""


def check(path: str, rung: Rung, *, json: bool) -> int:
    """Verify a submission in a limited process and print the verdict; 1 when it is refused."""
    from progressgym.leaderboard.limited import verify_apart

    if not Path(path).exists():
        raise UserError(f"there is no {path}; give a folder or a .zip made by progressgym leaderboard package")
    verdict, _ = verify_apart(path, rung=rung)
    if json:
        print_json(verdict.model_dump_json(indent=2))
    else:
        show_verdict(path, verdict)
    return 0 if verdict.accepted else 1


def show_verdict(path: str, verdict: Verdict) -> None:
    """Reasons of a refusal on standard error; scores on standard output."""
    if not verdict.accepted:
        for one in verdict.problems:
            print(f"progressgym: refused: {one}", file=sys.stderr)
        return
    assert verdict.record is not None and verdict.digest is not None
    agent = verdict.record.agent
    print(f"{path}: {agent.name} {agent.version}, {verdict.rung}, id {verdict.digest[:16]}")
    if verdict.signer is not None:
        print(f"signed by {verdict.signer}")
    for warning in verdict.warnings:
        print(f"progressgym: warning: {warning}", file=sys.stderr)
    for group in verdict.groups:
        print(f"  {group.id:<52} {score_text(group)}")


def score_text(group: GroupScore) -> str:
    """What ranks, with its interval."""
    from progressgym.leaderboard.standings_data import HEADLINES

    interval, name = group.ranked, HEADLINES[group.headline]
    return f"{name} {'not identified' if interval is None else interval_text(interval)}"


def interval_text(interval: IntervalRecord) -> str:
    """A number with its interval."""
    return f"{_number(interval.mid)} [{_number(interval.low)}, {_number(interval.high)}]"


def show_sides(public: Sequence[GroupScore], private: Sequence[GroupScore]) -> None:
    """Public and private side by side, and where they disagree."""
    from progressgym.leaderboard.gate import disagrees, gap

    public_scores = {score.id: score for score in public}
    print(f"  {'':<52} {'private':<24}{'public':<24}public - private")
    for score in private:
        other, apart = public_scores.get(score.id), gap(public_scores.get(score.id), score)
        sides = [one.ranked if one is not None else None for one in (score, other)]
        columns = "".join(f"{'-' if side is None else interval_text(side):<24}" for side in sides)
        mark = "  ! public above private" if disagrees(apart) else ""
        print(f"  {score.id:<52} {columns}{'-' if apart is None else interval_text(apart)}{mark}")


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # no minus zero


def print_standings(standings: Standings) -> None:
    """As tables: the places, then every history; notes below them."""
    from rich.console import Console

    from progressgym.leaderboard.standings_data import HEADLINES

    console = Console(highlight=False, width=max(Console().width, WIDTH))
    console.print(_places(standings))
    for history in dict.fromkeys(name.partition(" on ")[2] for name in standings.groups):
        console.print(_scores(standings, history))
    ranked = " and ".join(dict.fromkeys(HEADLINES[one] for one in standings.headlines.values())) or "skill"
    console.print(f"{ranked}: 0 = never learns, 1 = the reference; private, which ranks, then public (in brackets)")
    if any(group.gap_flag for row in standings.rows for group in row.groups):
        console.print("! public is above private by more than chance")
    for note in standings.notes:
        console.print(f"* {note}", markup=False)


def _new_table(title: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), min_width=40
    )


def _places(standings: Standings) -> Table:
    """Who is where, whether public and private agree, and what a decision takes."""
    from rich.markup import escape

    table = _new_table(f"{standings.board}, {len(standings.rows)} entries")
    for title in ("place", "agent", "version", "status"):
        table.add_column(title, no_wrap=True)
    for title in ("score", "public and private", "ms a decision"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in standings.rows:
        apart = sum(group.gap_flag for group in row.groups)
        compared = sum(group.gap is not None for group in row.groups)
        agree = "-" if not compared else "agree" if not apart else f"! not in {apart} of {compared}"
        table.add_row(
            "open" if row.open else "-" if row.place is None else f"{row.place:g}",
            escape(row.agent),
            escape(row.version),
            row.status,
            "-" if row.score is None else _number(row.score),
            agree,
            "-" if row.compute is None else f"{1000 * row.compute:.2f}",
        )
    return table


def _scores(standings: Standings, history: str) -> Table:
    """Private and public side by side, on one history."""
    from rich.markup import escape

    table = _new_table(history)
    table.add_column("agent", no_wrap=True)
    at = [k for k, name in enumerate(standings.groups) if name.partition(" on ")[2] == history]
    for k in at:
        table.add_column(standings.groups[k].partition(" on ")[0], justify="right", no_wrap=True)
    for row in standings.rows:
        cells = []
        for group in (row.groups[k] for k in at):
            private, public = (_mid(one) for one in (group.private, group.public))
            cells.append(f"{private} ({public}){'!' if group.gap_flag else ' '}")
        table.add_row(escape(row.agent), *cells)
    return table


def _mid(score: GroupScore | None) -> str:
    return "-" if score is None or score.ranked is None else _number(score.ranked.mid)
