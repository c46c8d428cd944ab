"""The same pages as files, for any web host: no server, no store, nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

from progressgym.core.errors import UserError
from progressgym.core.files import write_folder
from progressgym.leaderboard.site.pages import ASSETS, Links, Pages, asset
from progressgym.leaderboard.site.portrait import make_portrait
from progressgym.leaderboard.site.sources import Source
from progressgym.leaderboard.site.view import Query, Snapshot
from progressgym.leaderboard.standings_data import Row, Standings, to_csv

MARK = ".progressgym-site"
"""Tells a site that was built before from a folder of something else."""


def build_site(source: Source, out: Path, *, evidence: bool = True) -> int:
    """Write a site: wholly there or not at all; boards before the current one in a folder each.

    Args:
        source: standings and evidence.
        out: folder; a site that was built there before is replaced.
        evidence: put the evidence of every entry beside its page.

    Returns:
        How many files were written.

    Raises:
        UserError: the folder holds something else.
    """
    if out.exists() and not (out.is_dir() and ((out / MARK).is_file() or not any(out.iterdir()))):
        raise UserError(f"{out} holds something that is not a built site; give another --out")
    boards = source.boards()
    current = Pages(Links(static=True, boards=tuple(boards)), evidence=evidence)
    try:
        with write_folder(out) as folder:
            for name in boards:
                standings, pages = source.standings(name), current.of(name)
                place = folder if name == boards[0] else folder / name
                place.mkdir(exist_ok=True)
                _write_tables(place, pages, standings)
                for row in standings.rows:
                    _write_entry(place, pages, standings, row, source.evidence(row.digest), evidence)
            return sum(path.is_file() for path in folder.rglob("*"))
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror or error}") from error


def _write_tables(folder: Path, pages: Pages, standings: Standings) -> None:
    for name in ("static", "entries"):
        (folder / name).mkdir()
    for name in ASSETS:
        (folder / "static" / name).write_bytes(asset(name))
    links, snapshot = Links(static=True), Snapshot(standings)  # names beside each other, in whatever folder
    for group in ("", *standings.groups):
        count = snapshot.select(Query(group=group)).pages
        for number in range(1, count + 1):
            query = Query(group=group, page=number)
            _write(folder / links.page(query, number, standings), pages.standings(standings, snapshot.select(query)))
    _write(folder / "metrics.html", pages.metrics(standings))
    _write(folder / "standings.json", standings.model_dump_json())
    _write(folder / "standings.csv", to_csv(standings))
    _write(folder / MARK, f"revision {standings.revision}\n")


def _write_entry(
    folder: Path, pages: Pages, standings: Standings, row: Row, evidence: bytes | None, keep: bool
) -> None:
    portrait = None if evidence is None else make_portrait(evidence, row.digest, standings.board)
    _write(folder / "entries" / f"{row.id}.html", pages.entry(standings, row, portrait))
    _write(folder / "entries" / f"{row.id}.json", row.model_dump_json(indent=1))
    if keep and evidence is not None:
        (folder / "evidence").mkdir(exist_ok=True)
        (folder / "evidence" / f"{row.digest}.zip").write_bytes(evidence)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
