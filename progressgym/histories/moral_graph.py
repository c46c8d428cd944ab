"""The moral graph: from votes on which of two cards is wiser to what a history should be followed to.

Somebody is shown two cards (values, or centuries of a history) and says whether the second is wiser than the first, not, or is
unsure. Of an ordered pair, with W, N, U such votes and L votes `wiser` of the reversed pair,

    w = (W - L) / (W + N + U + L),    kept as an edge where its lower confidence bound is above 0.

The bound is the one-sided one of a mean of votes +1, 0, -1 with one vote more on either side, so that a single vote is no edge.
Rank is PageRank over kept edges. Source: Klingefjord, Lowe and Edelman, What are human values, and how do we align AI to
them? (arXiv 2404.10636). Different from their code: the thresholds (W >= 2, w >= .33, entropy <= 1.38 bits) are
arguments and off by default, because more votes make a graph of honest but noisy voters lose its edges by them; a card without
edges passes its rank on to all, so that ranks sum to 1; a graph without edges is an error and has no winner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.arguments import Nonnegative, OneOf, Whole, check_fields
from progressgym.core.errors import UserError, unknown
from progressgym.core.rows import csv_rows
from progressgym.histories.history import History

Floats = NDArray[np.float64]
VOTES = ("wiser", "not", "unsure")
DAMPING, ROUNDS = 0.85, 100
PATHS = ("wisdom", "target")


@dataclass(kw_only=True, frozen=True)
class Vote:
    """What one user said of one ordered pair."""

    user: str
    start: str
    """The card that was theirs, or was shown first."""
    end: str
    """Whether this one is wiser was asked."""
    vote: str
    """wiser, not or unsure."""
    context: str = ""
    """What it was asked about."""


@dataclass(kw_only=True, frozen=True)
class Thresholds:
    """What makes an edge."""

    z: Nonnegative = 1.0
    """Standard errors that w must be above 0 by; 0 keeps every edge with more votes for than against it, 1.645 asks for 95 %.
    What that costs is measured in docs/reports/moral-graph.md."""
    least_wiser: Whole = 0
    """W at least; the paper's 2."""
    least_w: Nonnegative = 0.0
    """w at least; the paper's .33."""
    most_entropy: Nonnegative = 2.0
    """Of the shares of W, N, U and L in bits, at most; the paper's code cuts at 1.38. 2 cuts nothing."""

    def __post_init__(self) -> None:
        """Check ranges."""
        check_fields(self)


PAPER = Thresholds(z=0.0, least_wiser=2, least_w=0.33, most_entropy=1.38)
"""The paper's code, as it works: its 1.69 counts the total as a fifth kind of vote, which is 1.38 bits of the four."""


@dataclass(kw_only=True, frozen=True)
class Edge:
    """A kept edge."""

    start: str
    end: str
    w: float
    low: float
    """Lower bound of w."""
    votes: int


@dataclass(kw_only=True, frozen=True, eq=False)
class MoralGraph:
    """Cards, edges and ranks."""

    cards: tuple[str, ...]
    edges: tuple[Edge, ...]
    unrepresented: float
    """Share of users none of whose votes `wiser` stands behind a kept edge."""

    @classmethod
    def fit(cls, votes: Sequence[Vote], thresholds: Thresholds | None = None, context: str | None = None) -> MoralGraph:
        """The graph of votes, of one context or of all.

        Raises:
            UserError: no votes, an unknown kind of vote or context, a card beside itself, no edge that is kept.
        """
        limits = thresholds or Thresholds()
        contexts = list(dict.fromkeys(vote.context for vote in votes))
        if context is not None and context not in contexts:
            raise unknown("context of votes", context, contexts)
        mine = [vote for vote in votes if context is None or vote.context == context]
        for vote in mine:
            if vote.vote not in VOTES:
                raise unknown("kind of vote", vote.vote, VOTES)
            if vote.start == vote.end:
                raise UserError(f"user {vote.user!r} compares card {vote.start!r} with itself")
        counts: dict[tuple[str, str], Counter[str]] = {}
        for vote in mine:
            counts.setdefault((vote.start, vote.end), Counter())[vote.vote] += 1
        judged = (_edge(pair, counts, limits) for pair in counts)
        edges = tuple(sorted((edge for edge in judged if edge is not None), key=lambda edge: (edge.start, edge.end)))
        if not edges:
            raise UserError(
                f"{len(mine)} votes on {len(counts)} pairs leave no edge whose lower bound is above 0: nothing is wiser "
                f"than anything; ask more people, or lower the thresholds"
            )
        pairs = {(edge.start, edge.end) for edge in edges}
        users = {vote.user for vote in mine}
        heard = {vote.user for vote in mine if vote.vote == "wiser" and (vote.start, vote.end) in pairs}
        cards = tuple(sorted({card for pair in counts for card in pair}))
        return cls(cards=cards, edges=edges, unrepresented=1.0 - len(heard) / len(users))

    @cached_property
    def rank(self) -> Floats:
        """(n,) PageRank, in the order of `cards`; sums to 1."""
        place = {card: n for n, card in enumerate(self.cards)}
        count = len(self.cards)
        flow = np.zeros((count, count))
        for edge in self.edges:
            flow[place[edge.start], place[edge.end]] = edge.w
        out = flow.sum(1, keepdims=True)
        flow = np.where(out > 0, flow / np.where(out > 0, out, 1.0), 1.0 / count)
        rank = np.full(count, 1.0 / count)
        for _ in range(ROUNDS):
            rank = (1.0 - DAMPING) / count + DAMPING * (rank @ flow)
        return rank

    @property
    def winner(self) -> str:
        """The card with the highest rank.

        Raises:
            UserError: two share it.
        """
        first = np.flatnonzero(self.rank >= self.rank.max() - 1e-9)
        if len(first) > 1:
            raise UserError(f"no winner: {', '.join(self.cards[n] for n in first)} share the highest rank")
        return self.cards[int(first[0])]

    def cycles(self) -> list[tuple[str, ...]]:
        """Groups of cards that are each wiser than the other by some way round: wisdom is not transitive there."""
        from scipy.sparse.csgraph import connected_components

        place = {card: n for n, card in enumerate(self.cards)}
        table = np.zeros((len(self.cards),) * 2)
        for edge in self.edges:
            table[place[edge.start], place[edge.end]] = 1.0
        _, group = connected_components(table, directed=True, connection="strong")
        members = [
            tuple(card for card, g in zip(self.cards, group, strict=True) if g == k) for k in dict.fromkeys(group)
        ]
        return [cards for cards in members if len(cards) > 1]

    def target(self, cards: Mapping[str, ArrayLike]) -> Floats:
        """The rank-weighted mean of what stands on the cards: value vectors (19,), or answers (N, K).

        Raises:
            UserError: a card of the graph of which nothing is given.
        """
        missing = [card for card in self.cards if card not in cards]
        if missing:
            raise UserError(f"nothing is given for card {missing[0]!r}")
        rows = [np.asarray(cards[card], dtype=np.float64) for card in self.cards]
        target: Floats = np.tensordot(self.rank, np.stack(rows), axes=1)
        return target


def read_votes(path: Path) -> list[Vote]:
    """Votes of a comma-separated file with columns user, from, to, vote and perhaps context.

    Raises:
        UserError: the first mistake, with its line.
    """
    votes = []
    for line, row in csv_rows(path, ("user", "from", "to", "vote")):
        where = f"{path.name}, line {line}"
        if not all(row[column].strip() for column in ("user", "from", "to")):
            raise UserError(f"{where}: user, from or to is empty")
        if row["vote"] not in VOTES:
            raise UserError(f"{where}: vote is {row['vote']!r}; {', '.join(VOTES)} are expected")
        votes.append(
            Vote(user=row["user"], start=row["from"], end=row["to"], vote=row["vote"], context=row.get("context", ""))
        )
    return votes


@dataclass(kw_only=True, frozen=True)
class _Followed:
    """Arguments of `followed`, for their checks."""

    votes: str
    history: str
    path: Annotated[str, OneOf("path", PATHS)]


def followed(*, votes: str = "", history: str = "histsmol-v1", path: str = "wisdom") -> History:
    """A history whose order is normative: its centuries are the cards, and what is followed is what votes call wiser.

    Args:
        votes: file of votes whose cards are the history's labels.
        history: whose centuries.
        path: `wisdom`, the centuries from the lowest to the highest rank; `target`, from the history's first century in equal
            steps to the rank-weighted mean of the cards, in as many steps.

    Raises:
        UserError: no votes, cards that are no centuries of the history, a graph without edges.
    """
    check_fields(_Followed(votes=votes, history=history, path=path))
    if not votes:
        raise UserError("history 'moral-graph' needs votes; write moral-graph?votes=FILE.csv")
    base = History.load(history)
    graph = MoralGraph.fit(read_votes(Path(votes)))
    for card in graph.cards:
        if card not in base.labels:
            raise unknown(f"century of {history!r} on a card", card, base.labels)
    if not base.asked.all():
        raise UserError(f"history {history!r} does not ask every item in every century; its centuries cannot be mixed")
    answers = base.answers.astype(np.float64)
    if path == "target":
        end = graph.target(dict(zip(base.labels, answers, strict=True)))
        shares = np.linspace(0.0, 1.0, len(answers))[:, None, None]
        mixed = (1.0 - shares) * answers[0] + shares * end
        labels = tuple(f"step-{t}" for t in range(len(answers)))
    else:
        rank = dict(zip(graph.cards, graph.rank, strict=True))
        unranked = [label for label in base.labels if label not in rank]
        if unranked:
            raise UserError(f"nobody voted on {unranked[0]}: an order of wisdom needs every century of {history!r}")
        order = sorted(range(len(answers)), key=lambda t: (rank[base.labels[t]], t))
        mixed, labels = answers[order], tuple(base.labels[t] for t in order)
    about = {"title": f"{base.name} by wisdom", "votes": Path(votes).name, "path": path}
    return History(
        name=f"moral-graph of {base.name}",
        labels=labels,
        answers=mixed.astype(np.float32),
        instrument=base.instrument,
        card=about,
    )


def _edge(pair: tuple[str, str], counts: Mapping[tuple[str, str], Counter[str]], limits: Thresholds) -> Edge | None:
    own, reverse = counts[pair], counts.get(pair[::-1], Counter())
    shares = np.array([own["wiser"], own["not"], own["unsure"], reverse["wiser"]], dtype=np.float64)
    total = float(shares.sum())
    if not own["wiser"] or not total:
        return None
    w, low = (own["wiser"] - reverse["wiser"]) / total, lower_bound(own["wiser"], reverse["wiser"], total, limits.z)
    p = shares[shares > 0] / total
    entropy = float(-(p * np.log2(p)).sum())
    holds = own["wiser"] >= limits.least_wiser and w >= limits.least_w and entropy <= limits.most_entropy + 1e-12
    return Edge(start=pair[0], end=pair[1], w=w, low=low, votes=int(total)) if holds and low > 0 and w > 0 else None


def lower_bound(wiser: float, reverse: float, total: float, z: float) -> float:
    """One-sided lower bound of w, of counts with one vote more on either side.

    >>> [round(lower_bound(n, 0, n, 1.645), 2) for n in (1, 2, 3, 10)]
    [-0.56, -0.21, 0.01, 0.57]
    """
    n = total + 2.0
    mean = (wiser - reverse) / n
    spread = max((wiser + reverse + 2.0) / n - mean * mean, 0.0)
    return float(mean - z * (spread / n) ** 0.5)
