"""Where the numbers of an entry contradict each other: its place by every metric, and under any weighting of them.

Every entry of a group is ranked by each of the public numbers that all of them have. No weighting is chosen: the best and the worst
place are those under any score that rises with every number (`progressgym.scores.weighting.places`). `progressgym bench
report` says the same of a benchmark's results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from progressgym.leaderboard.board import challenge_in
from progressgym.leaderboard.records import GroupScore
from progressgym.leaderboard.standings_data import Row, Standings
from progressgym.scores.records import IntervalRecord
from progressgym.scores.weighting import Floats, places

STANDARD = "static"
"""The entry that never learns."""
LEAST = 1e-9


@dataclass(frozen=True)
class Metric:
    """A number of a group's scores."""

    title: str
    sheet: str
    """Id of its provenance sheet."""
    read: Callable[[GroupScore], float | None]
    """More is better."""
    from_standard: bool = True
    """Whether being above the entry that never learns says to be better than it."""


@dataclass(frozen=True)
class Conflict:
    """What the metrics of one group say of one entry."""

    group: str
    places: dict[Metric, float]
    """Where each metric puts it; 1 is first, ties share a mean."""
    best: int
    """Place under the weighting that is kindest."""
    worst: int
    entries: int
    contradiction: str
    """Metrics that call it better than never learning beside others that call it worse; "" for none."""


def conflicts(standings: Standings, row: Row) -> list[Conflict]:
    """A report for every group in which the entry and others have public numbers."""
    reports = []
    for at, group in enumerate(standings.groups):
        scores = {one.id: score for one in standings.rows if (score := one.groups[at].public) is not None}
        numbers = {metric: [metric.read(score) for score in scores.values()] for metric in METRICS}
        complete = [(metric, column) for metric, column in numbers.items() if None not in column]
        if row.id not in scores or len(scores) < 2 or not complete:
            continue
        table = np.array([column for _, column in complete], dtype=np.float64).T
        own = list(scores).index(row.id)
        best, worst = places(table)
        standard = [
            table[n] for n, one in enumerate(r for r in standings.rows if r.id in scores) if one.agent == STANDARD
        ]
        reports.append(
            Conflict(
                group=group,
                places={metric: _place(table[:, n], own) for n, (metric, _) in enumerate(complete)},
                best=int(best[own]),
                worst=int(worst[own]),
                entries=len(scores),
                contradiction=_contradiction([metric for metric, _ in complete], table[own], standard),
            )
        )
    return reports


def _restraint(score: GroupScore) -> float | None:
    cost = challenge_in(score.id).cost
    return None if cost is None or cost not in score.lock_in else -score.lock_in[cost]


def _sum(score: GroupScore) -> float | None:
    return score.published.get(challenge_in(score.id).scale)


def _mid(interval: IntervalRecord | None) -> float | None:
    return None if interval is None else interval.mid


METRICS = (
    Metric("drift explained", "explained", lambda score: _mid(score.explained)),
    Metric("skill", "public_skill", lambda score: _mid(score.skill)),
    Metric("drift cosine", "drift_cosine", lambda score: score.drift_cosine, from_standard=False),
    Metric("closeness", "dimension_error", lambda score: -score.dimension_error, from_standard=False),
    Metric("published sum", "published", _sum),
    Metric("restraint", "restraint", _restraint, from_standard=False),
)


def _place(column: Floats, own: int) -> float:
    above, same = (column > column[own] + LEAST).sum(), (np.abs(column - column[own]) <= LEAST).sum()
    return float(above + (same + 1) / 2)


def _contradiction(
    metrics: Sequence[Metric],
    own: Floats,
    standards: Sequence[Floats],
) -> str:
    """By which metrics it is better than never learning, and by which worse."""
    if not standards:
        return ""
    judged = [n for n, metric in enumerate(metrics) if metric.from_standard]
    better = [metrics[n].title for n in judged if own[n] > standards[0][n] + LEAST]
    worse = [metrics[n].title for n in judged if own[n] < standards[0][n] - LEAST]
    if not better or not worse:
        return ""
    return f"better than never learning by {', '.join(better)}; worse by {', '.join(worse)}"
