"""Agents across histories: what `rliable` reports, from the resampled runs of every group.

Challenges that are ranked by a Pareto pair are left out: no mean of one of its two numbers says how an agent did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from progressgym.bench.aggregate import to_record
from progressgym.bench.challenges import parse_challenge
from progressgym.scores.improvement import RunDraws, improvement_interval, interquartile_interval
from progressgym.scores.intervals import Interval
from progressgym.scores.records import AcrossHistories, Aggregate


def across_histories(rows: Sequence[Aggregate], draws: Callable[[Aggregate], RunDraws]) -> list[AcrossHistories]:
    """Interquartile means and probabilities of improvement of every challenge, best first, references last.

    Args:
        rows: rows of a benchmark.
        draws: the resampled runs of a row.
    """
    measured = [row for row in rows if row.skill is not None and parse_challenge(row.challenge).cost is None]
    runs = {(row.challenge, row.agent, row.history): draws(row) for row in measured}
    summaries = []
    for challenge in dict.fromkeys(row.challenge for row in measured):
        mine = [row for row in measured if row.challenge == challenge]
        agents = list(dict.fromkeys(row.agent for row in mine))
        places = {agent: [row.history for row in mine if row.agent == agent] for agent in agents}
        pairs = _improvements(challenge, places, runs)
        for agent in agents:
            own = [runs[challenge, agent, history] for history in places[agent]]
            first = next(row for row in mine if row.agent == agent)
            summaries.append(
                AcrossHistories(
                    agent=agent,
                    challenge=challenge,
                    histories=places[agent],
                    runs=sum(one.scores.shape[1] for one in own),
                    interquartile_mean=to_record(interquartile_interval(own)),
                    improvement={other: to_record(pairs[agent, other]) for other in agents if (agent, other) in pairs},
                    privileged=first.privileged,
                    labels=first.labels,
                )
            )
    order = {challenge: k for k, challenge in enumerate(dict.fromkeys(row.challenge for row in measured))}
    return sorted(summaries, key=lambda one: (order[one.challenge], one.privileged, -one.interquartile_mean.mid))


def _improvements(
    challenge: str, places: dict[str, list[str]], runs: dict[tuple[str, str, str], RunDraws]
) -> dict[tuple[str, str], Interval]:
    """Every ordered pair of agents that share a history; one direction is computed, the other is its complement."""
    intervals: dict[tuple[str, str], Interval] = {}
    agents = list(places)
    for k, agent in enumerate(agents):
        for other in agents[k + 1 :]:
            shared = [history for history in places[agent] if history in places[other]]
            if not shared:
                continue
            one = improvement_interval(
                [runs[challenge, agent, history] for history in shared],
                [runs[challenge, other, history] for history in shared],
            )
            intervals[agent, other] = one
            intervals[other, agent] = Interval(low=1 - one.high, mid=1 - one.mid, high=1 - one.low)
    return intervals
