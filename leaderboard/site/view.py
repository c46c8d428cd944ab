"""Which rows of the standings a reader asks for: group, filter, order, page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Lock
from urllib.parse import urlencode

from progressgym.leaderboard.problems import Refused, plain, problem
from progressgym.leaderboard.records import RUNGS
from progressgym.leaderboard.site.columns import Column, columns_of, order
from progressgym.leaderboard.standings_data import Row, Standings

PAGE = 50
"""Rows of a page."""
LONGEST_SEARCH = 64


@dataclass(kw_only=True, frozen=True)
class Query:
    """What was asked for."""

    group: str = ""
    """Name of a group; nothing is the overview."""
    text: str = ""
    """Part of an agent's, submitter's or author's name, or of an id; lower case."""
    status: str = ""
    pareto: bool = False
    sort: str = "place"
    falling: bool = False
    page: int = 1

    @classmethod
    def parse(cls, given: Mapping[str, str], snapshot: Snapshot) -> Query:
        """Read the parameters of an address.

        Raises:
            Refused: with a reason for every parameter that cannot be meant.
        """
        problems, standings = [], snapshot.standings
        group, status = given.get("group", ""), given.get("status", "")
        if group and group not in standings.groups:
            problems.append(problem("query", "/group", f"there is no {plain(group, 60)!r} on {standings.board}"))
            group = ""
        if status and status not in RUNGS:
            problems.append(problem("query", "/status", f"must be one of {', '.join(RUNGS)}"))
        keys = {column.key: column for column in snapshot.columns(group)}
        key, _, way = given.get("sort", "").partition(":")
        sort, direction = key or "place", way or given.get("dir", "")
        if sort not in keys:
            problems.append(problem("query", "/sort", f"must be one of {', '.join(keys)}"))
        if direction not in ("", "up", "down"):
            problems.append(problem("query", "/dir", "must be up or down"))
        page = given.get("page", "1") or "1"
        if not (page.isascii() and page.isdigit() and 1 <= len(page) <= 6 and int(page) >= 1):
            problems.append(problem("query", "/page", "must be a number from 1"))
        text = given.get("q", "").strip().lower()
        if len(text) > LONGEST_SEARCH:
            problems.append(problem("query", "/q", f"is longer than {LONGEST_SEARCH} signs"))
        if problems:
            raise Refused(problems)
        falling = direction == "down" if direction else keys[sort].falling
        return cls(
            group=group,
            text=text,
            status=status,
            pareto=given.get("pareto", "") in ("1", "on", "true"),
            sort=sort,
            falling=falling,
            page=int(page),
        )

    def address(self, *, sort: str | None = None, falling: bool | None = None, page: int | None = None) -> str:
        """The query part of an address with another order or page, defaults left out."""
        sort = self.sort if sort is None else sort
        falling = self.falling if falling is None else falling
        page = self.page if page is None else page
        parts = {
            "group": self.group,
            "q": self.text,
            "status": self.status,
            "pareto": "1" if self.pareto else "",
            "sort": "" if sort == "place" else sort,
            "dir": ("down" if falling else "up") if (sort, falling) != ("place", False) else "",
            "page": "" if page == 1 else str(page),
        }
        return "?" + urlencode({key: value for key, value in parts.items() if value})


@dataclass(kw_only=True, frozen=True)
class Selection:
    """A page of rows."""

    query: Query
    columns: list[Column]
    rows: list[Row]
    total: int
    """Rows that fit the filter."""
    pages: int


class Snapshot:
    """The standings at one revision, with their orders remembered."""

    def __init__(self, standings: Standings) -> None:
        """Keep them."""
        self.standings = standings
        self._columns: dict[str, list[Column]] = {}
        self._orders: dict[tuple[str, str, bool], list[int]] = {}
        self._texts = ["\n".join((row.agent, row.id, row.submitter, *row.authors)).lower() for row in standings.rows]
        self._places = {row.digest: at for at, row in enumerate(standings.rows)}
        self._lock = Lock()

    def select(self, query: Query, size: int = PAGE) -> Selection:
        """The rows of a page."""
        columns = self.columns(query.group)
        places = [at for at in self._order(query, columns) if self._fits(at, query)]
        pages = max(1, -(-len(places) // size))
        page = min(query.page, pages)
        page_places = places[(page - 1) * size : page * size]
        return Selection(
            query=replace(query, page=page),
            columns=columns,
            rows=[self.standings.rows[at] for at in page_places],
            total=len(places),
            pages=pages,
        )

    def columns(self, group: str) -> list[Column]:
        """Columns of a group's table, or of the overview."""
        if group not in self._columns:
            self._columns[group] = columns_of(self.standings, group)
        return self._columns[group]

    def row(self, digest: str) -> Row | None:
        """The row with exactly this digest."""
        at = self._places.get(digest)
        return None if at is None else self.standings.rows[at]

    def starting(self, digest: str) -> Row | None:
        """The only row whose digest begins so, or None."""
        exact = self.row(digest)
        if exact is not None:
            return exact
        places = [at for full, at in self._places.items() if full.startswith(digest)]
        return self.standings.rows[places[0]] if len(places) == 1 else None

    def _order(self, query: Query, columns: list[Column]) -> list[int]:
        key = (query.group, query.sort, query.falling)
        with self._lock:
            if key not in self._orders:
                column = next(one for one in columns if one.key == query.sort)
                self._orders[key] = order(self.standings.rows, column, query.falling)
            return self._orders[key]

    def _fits(self, at: int, query: Query) -> bool:
        row = self.standings.rows[at]
        return (
            (not query.status or row.status == query.status)
            and (not query.pareto or row.pareto)
            and (not query.text or query.text in self._texts[at])
        )
