"""How the leaderboard's commands print verdicts and standings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from progressgym.core.errors import UserError
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from rich.table import Table

    from progressgym.leaderboard.records import GroupScore, Rung, Verdict
    from progressgym.leaderboard.standings_data import Standings

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
        print(f"  {group.id:<34} skill {skill_text(group)}")


def skill_text(group: GroupScore | None) -> str:
    """A skill with its interval."""
    if group is None:
        return "-"
    if group.skill is None:
        return "not identified"
    return f"{group.skill.mid:.2f} [{group.skill.low:.2f}, {group.skill.high:.2f}]"


def print_standings(standings: Standings) -> None:
    """As a table, notes below it."""
    from rich.console import Console

    console = Console(highlight=False, width=max(Console().width, WIDTH))
    console.print(_table(standings))
    for note in standings.notes:
        console.print(f"* {note}", markup=False)


def _table(standings: Standings) -> Table:
    """Skill by group: private where there is one, else public in brackets."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=f"{standings.board}, {len(standings.rows)} entries",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for title in ("place", "agent", "version", "status"):
        table.add_column(title, no_wrap=True)
    for title in standings.groups:
        table.add_column(title.replace(" on ", "\n").replace("?", "\n?"), justify="right", no_wrap=True)
    for row in standings.rows:
        cells = []
        for group in row.groups:
            score = group.private or group.public
            skill = None if score is None else score.skill
            text = "-" if skill is None else f"{round(skill.mid, 2) + 0.0:.2f}"  # no minus zero
            cells.append(text if group.private is not None else f"({text})")
        place = "open" if row.open else "-" if row.place is None else f"{row.place:g}"
        table.add_row(place, escape(row.agent), escape(row.version), row.status, *cells)
    table.caption = "skill: 0 = never updates, 1 = the reference; in brackets: public, not ranked"
    return table
