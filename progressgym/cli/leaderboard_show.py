"""`progressgym leaderboard show`: the standings in a terminal, as JSON or as CSV."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from progressgym.core.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from progressgym.leaderboard.standings_data import Standings

EXAMPLES = """
progressgym leaderboard show
progressgym leaderboard show --store runs/board --csv --out standings.csv
progressgym leaderboard show --entries leaderboard/entries --json --out leaderboard/standings.json
"""
WIDTH = 150


@dataclass(kw_only=True, frozen=True)
class Options:
    """Print the standings: by default those that come with the package."""

    store: Annotated[str, tyro.conf.arg(metavar="DIR|URL")] = ""
    """Folder of a store, or database URL."""
    evidence: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Folder of the evidence; needed with a URL."""
    entries: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Verify every submission in a folder and show the standings of these."""
    json: bool = False
    """Print JSON."""
    csv: bool = False
    """Print CSV, one line an entry and challenge."""
    out: Annotated[str, tyro.conf.arg(metavar="FILE")] = ""
    """Write there instead of printing."""


def run(options: Options) -> int:
    """Print them."""
    from progressgym.core.files import write_text
    from progressgym.leaderboard.standings_data import shipped_standings, to_csv

    if options.json and options.csv:
        raise UserError("--json and --csv exclude each other")
    if options.store and options.entries:
        raise UserError("--store and --entries exclude each other")
    if options.entries:
        from progressgym.leaderboard.folder import standings_of_folder

        standings = standings_of_folder(Path(options.entries))
    elif options.store:
        from progressgym.leaderboard.standings import make_standings
        from progressgym.leaderboard.store import Store

        standings = make_standings(Store.open(options.store, options.evidence or None))
    else:
        standings = shipped_standings()
    if not (options.json or options.csv or options.out):
        _print(standings)
        return 0
    text = to_csv(standings) if options.csv else standings.model_dump_json(indent=1) + "\n"
    if options.out:
        write_text(options.out, text)
    else:
        sys.stdout.write(text)
    return 0


def _print(standings: Standings) -> None:
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
            shown = group.private or group.public
            skill = None if shown is None else shown.skill
            told = "-" if skill is None else f"{round(skill.mid, 2) + 0.0:.2f}"  # no minus zero
            cells.append(told if group.private is not None else f"({told})")
        place = "open" if row.open else "-" if row.place is None else f"{row.place:g}"
        table.add_row(place, escape(row.agent), escape(row.version), row.status, *cells)
    table.caption = "skill: 0 = never updates, 1 = the reference; in brackets: public, not ranked"
    return table
