"""The pages: templates filled with standings, entries and sheets. The same for the server and for a static site."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.files import sha256_bytes
from progressgym.envs.challenge import Measure
from progressgym.leaderboard.board import challenge_in
from progressgym.leaderboard.problems import Problem
from progressgym.leaderboard.records import RUNGS
from progressgym.leaderboard.site import charts
from progressgym.leaderboard.site.columns import DASH, SUMS, measures_of, number
from progressgym.leaderboard.site.conflicts import conflicts
from progressgym.leaderboard.site.portrait import Portrait
from progressgym.leaderboard.site.view import PAGE, Query, Selection
from progressgym.leaderboard.standings_data import HEADLINES, Row, Standings

ASSETS = {
    "style.css": "text/css",
    "standings.js": "text/javascript",
    "submit.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
MOST_POINTS = 400
"""Points of a scatter plot."""
SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'"
)
VALUE_GROUPS = {
    "basic": "Basic rules: do not kill, hurt, disable, bind or deprive",
    "social": "Social rules: do not deceive or cheat; keep promises, the law, your duty",
    "foundations": "Moral foundations",
    "worldview": "Worldviews",
}
LADDER = {
    "reproduced": "the board ran the agent itself, in a sandbox, on the public grid and on a private split: it is ranked",
    "recomputed": "scores recomputed from raw answers: consistent, no more. The public truth ships with the package, so it is not ranked",
    "validated": "the form is right",
}


@dataclass(kw_only=True, frozen=True)
class Links:
    """Where pages are, relative to the one that is read, so that they work under any address."""

    static: bool
    """Files of a static site; otherwise the server's routes."""
    up: str = ""
    """`../` for pages one folder down."""
    board: str = ""
    """Archive that is read; nothing for the current board."""
    boards: tuple[str, ...] = ()
    """All that there are, the current one first."""

    def others(self, standings: Standings) -> list[tuple[str, str]]:
        """Name and address of every other board."""
        root = self.up + ("../" if self.static and self.board else "")
        addresses = []
        for at, name in enumerate(self.boards):
            if self.static:
                address = f"{root}{f'{name}/' if at else ''}index.html"
            else:
                address = f"{self.up or './'}{Query(board=name).address() if at else ''}"
            addresses.append((name, address))
        return [(name, address) for name, address in addresses if name != standings.board]

    def home(self, group: str = "", standings: Standings | None = None) -> str:
        """The standings, or one group of them."""
        if not self.static:
            return f"{self.up or './'}{Query(group=group, board=self.board).address() if group or self.board else ''}"
        return f"{self.up}{self.stem(group, standings)}.html"

    def stem(self, group: str, standings: Standings | None) -> str:
        """Beginning of the names of a group's pages on a static site."""
        return f"group-{standings.groups.index(group)}" if group and standings is not None else "index"

    def page(self, query: Query, number: int, standings: Standings) -> str:
        """Another page of the same table."""
        if not self.static:
            return query.address(page=number)
        stem = self.stem(query.group, standings)
        return f"{stem}-{number}.html" if number > 1 else f"{stem}.html"

    def entry(self, row: Row) -> str:
        """The page of an entry."""
        return f"{self.up}entries/{row.id}{'.html' if self.static else ''}"

    def evidence(self, row: Row) -> str:
        """The evidence of an entry."""
        return f"{self.up}evidence/{row.digest}.zip" if self.static else f"{self.up}api/v1/entries/{row.id}/evidence"

    def record(self, row: Row) -> str:
        """An entry as JSON."""
        return f"{self.up}entries/{row.id}.json" if self.static else f"{self.up}api/v1/entries/{row.id}"

    def metrics(self, metric: str = "") -> str:
        """The provenance sheets."""
        return f"{self.up}metrics{'.html' if self.static else ''}{'#' + metric if metric else ''}"

    def asset(self, name: str) -> str:
        """A file beside the pages; its content is part of its address."""
        return f"{self.up}static/{name}?{asset_digest(name)}"

    def data(self, kind: str) -> str:
        """The whole standings as `json` or `csv`."""
        asked = f"?board={self.board}" if self.board else ""
        return f"{self.up}standings.{kind}" if self.static else f"{self.up}api/v1/standings.{kind}{asked}"


@lru_cache(maxsize=16)
def asset(name: str) -> bytes:
    """A file that pages load."""
    if name not in ASSETS:
        raise KeyError(name)
    return files("progressgym.leaderboard.site").joinpath("static", name).read_bytes()


def asset_digest(name: str) -> str:
    """Short hash of a file that pages load."""
    return sha256_bytes(asset(name))[:10]


def breakable(name: str) -> Markup:
    """A history's name that may be broken behind its colon.

    >>> breakable("synthetic:linear?seed=3")
    Markup('synthetic:<wbr>linear?seed=3')
    """
    return escape(name).replace(":", Markup(":<wbr>"))


class Pages:
    """Makes HTML. Every value is escaped by the templates; nothing a submitter wrote is marked safe."""

    def __init__(self, links: Links, *, submitting: bool = False, evidence: bool = True) -> None:
        """Load the templates.

        Args:
            links: of a static site or of the server.
            submitting: whether there is a page to submit on.
            evidence: whether evidence can be downloaded.
        """
        self._links = links
        self._environment = Environment(
            loader=PackageLoader("progressgym.leaderboard.site"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            dash=DASH,
            number=number,
            breakable=breakable,
            interval_bar=charts.interval_bar,
            headlines=HEADLINES,
            ladder=LADDER,
            rungs=RUNGS,
            submitting=submitting,
            downloads=evidence,
            policy=SECURITY_POLICY,
            page_size=PAGE,
        )

    def standings(self, standings: Standings, selection: Selection) -> str:
        """A page of the standings."""
        winners = set(standings.winners.values())
        return self._render(
            "standings.html",
            links=self._links,
            standings=standings,
            selection=selection,
            query=selection.query,
            titles={row.id: f"{row.agent} {row.version}" for row in standings.rows if row.id in winners},
            cost=_cost(selection.query.group),
            front=_front(standings, selection.query.group),
        )

    def entry(self, standings: Standings, row: Row, portrait: Portrait | None) -> str:
        """The page of an entry."""
        drawn, disagreements = [], conflicts(standings, row)
        for number_, episode in enumerate(portrait.episodes if portrait is not None else ()):
            name = f"e{number_}"
            drawn.append(
                {
                    "episode": episode,
                    "name": name,
                    "span": charts.vertical_span(episode),
                    "panels": charts.panels(episode, name),
                    "gap": charts.heat_map(episode, "gap", f"{name}-gap"),
                    "values": charts.heat_map(episode, "agent", f"{name}-values"),
                }
            )
        return self._render(
            "entry.html",
            links=self._down(),
            standings=standings,
            row=row,
            portrait=portrait,
            drawn=drawn,
            dimensions=DIMENSIONS,
            value_groups=VALUE_GROUPS,
            sums=SUMS,
            lock_in=measures_of(standings),
            conflicts=disagreements,
            metrics_shown=list(dict.fromkeys(metric for one in disagreements for metric in one.places)),
        )

    def metrics(self, standings: Standings) -> str:
        """The provenance sheets."""
        return self._render("metrics.html", links=self._links, standings=standings)

    def submit(self, problems: Sequence[Problem] = (), accepted: Row | None = None, told: str = "") -> str:
        """The form, and what became of the last submission."""
        return self._render("submit.html", links=self._links, problems=problems, accepted=accepted, told=told)

    def problem(self, title: str, problems: Sequence[Problem], *, deep: bool = False) -> str:
        """A page that says what is wrong."""
        return self._render("problem.html", links=self._down() if deep else self._links, title=title, problems=problems)

    def _down(self) -> Links:
        return replace(self._links, up="../" + self._links.up)

    def of(self, board: str) -> Pages:
        """The pages of another board."""
        links = replace(self._links, board="" if board == self._links.boards[:1][0] else board)
        pages = copy(self)
        pages._links = links
        return pages

    def _render(self, name: str, **values: object) -> str:
        return self._environment.get_template(name).render(**values)


def _front(standings: Standings, group: str) -> object:
    """The scatter plot of a pair: private scores where there are ranked entries, else the open public ones."""
    cost = _cost(group)
    if cost is None:
        return None
    at = standings.groups.index(group)
    private = any(row.groups[at].private is not None for row in standings.rows)
    points: list[tuple[str, float, float]] = []
    for row in standings.rows:
        score = row.groups[at].private if private else row.groups[at].public
        if score is not None and score.ranked is not None and cost.name in score.lock_in:
            points.append((row.agent, score.ranked.mid, score.lock_in[cost.name]))
    points = points[:MOST_POINTS]
    marks = [
        (*p, not any(q[1] >= p[1] and q[2] <= p[2] and (q[1] > p[1] or q[2] < p[2]) for q in points)) for p in points
    ]
    if len(marks) < 2:
        return None
    svg = charts.scatter(marks, "front", cost.title.lower())
    return {"svg": svg, "private": private, "count": len(marks), "caution": challenge_in(group).caution}


def _cost(group: str) -> Measure | None:
    """The measure that ranks a group's entries beside their skill."""
    challenge = challenge_in(group) if group else None
    return next((one for one in challenge.measures if one.name == challenge.cost), None) if challenge else None
