"""Scores from raw actions against the board's own truth, in array code: the same bits as stepping the environments.

Legend of shapes: S seeds, n steps, T centuries, N items, E evaluation items, K options, D = 19.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.actions import to_answers
from progressgym.envs.scored import ScoredItems, truth_of
from progressgym.leaderboard.board import Board, CellKey, GroupKey
from progressgym.leaderboard.records import GroupScore
from progressgym.leaderboard.resample import RESAMPLES, explained_samples, skill_samples
from progressgym.leaderboard.truth import KEPT, EpisodeTruth, episode_truth
from progressgym.scores import bootstrap_skill
from progressgym.scores.episode import score_episode
from progressgym.scores.explained import drift_explained, squared_errors
from progressgym.scores.intervals import Interval
from progressgym.scores.records import IntervalRecord, RunScores
from progressgym.scores.skill import IDENTIFIED

Floats = NDArray[np.float64]


@dataclass(kw_only=True, frozen=True, eq=False)
class Trace:
    """What some actions lead to."""

    answers: Floats
    """(n, N, K) what the actions answer."""
    scored: Floats
    """(n, N, K) what is compared with history: the answers, or those of a simulated human."""
    lock_in: Mapping[str, float]
    """Measures of the simulated human after the last step, where there is one."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Baselines:
    """What every agent on one episode is measured against."""

    static: Trace
    reference: Trace


def follow_path(truth: EpisodeTruth, actions: NDArray[np.float32]) -> Trace:
    """Take actions (n, N, K) through an episode."""
    answers = to_answers(actions, truth.instrument.mask)
    scored = truth.challenge.scored(truth.history, answers)
    return Trace(answers=answers, scored=scored, lock_in=truth.challenge.measured(truth.history, scored))


def follow_paths(board: Board, actions: Mapping[CellKey, NDArray[np.float32]]) -> dict[CellKey, Trace]:
    """Take the actions (n, N, K) of every cell through its episode."""
    return {key: follow_path(episode_truth(board, key), table) for key, table in actions.items()}


def score_cell(board: Board, key: CellKey, path: Trace) -> RunScores:
    """The record of one cell."""
    truth, base = episode_truth(board, key), baselines(board, key)
    instrument, items = truth.instrument, truth.instrument.evaluation

    def values(answers: Floats) -> Floats:
        return instrument.values(answers, items, check=False)

    return score_episode(
        utility=truth.challenge.utility,
        own=values(path.answers),
        scored=values(path.scored),
        still=values(base.static.answers),
        static=values(base.static.scored),
        reference=values(base.reference.scored),
        human=truth.history.values(items),
        covered=instrument.covered(items),
        compared=truth.compared,
        lock_in=path.lock_in,
        read=[truth.challenge.read(truth.history, one.scored) for one in (path, base.static, base.reference)],
    )


def score_group(
    board: Board, group: GroupKey, paths: Mapping[CellKey, Trace], resamples: int = RESAMPLES
) -> tuple[GroupScore, list[RunScores]]:
    """All seeds of a history and challenge: its scores with intervals, and the record of every cell.

    Args:
        board: whose truth.
        group: which.
        paths: of at least the group's cells.
        resamples: of the bootstrap behind the interval.
    """
    keys = [CellKey(*group, seed) for seed in board.seeds]
    cells = [score_cell(board, key, paths[key]) for key in keys]
    truths = [episode_truth(board, key) for key in keys]
    bases = [baselines(board, key) for key in keys]
    truth, headline = truths[0], board.headline_of(group)
    truths_used, bases_used = truths, bases
    if len({truth.history.hash for truth in truths}) == 1:
        truths_used, bases_used = truths[:1], bases[:1]  # one history for all seeds: static and reference are the same
    scored = ScoredItems.of([truth.instrument for truth in truths])
    agent = _parts(scored, truths, [paths[key] for key in keys])
    static = _parts(scored, truths_used, [base.static for base in bases_used])
    reference = _parts(scored, truths_used, [base.reference for base in bases_used])
    human = scored.human(truth.challenge, [one.history for one in truths_used])
    masses, utility = scored.masses_of(truth.challenge), truth.challenge.utility
    estimate = bootstrap_skill(
        agent=agent,
        static=static,
        reference=reference,
        human=human,
        masses=masses,
        utility=utility,
        resamples=resamples,
    )
    explained, samples = None, list[float]()
    if headline == "explained":
        explained, samples = _explained(truths, agent, _parts(scored, truths, [base.static for base in bases]))
    elif estimate.skill is not None:
        samples = skill_samples(
            agent=agent, static=static, reference=reference, human=human, masses=masses, utility=utility
        )
    drift = [x for cell in cells for x in cell.drift_cosine if x is not None]
    score = GroupScore(
        history=group.history,
        challenge=group.challenge,
        seeds=len(keys),
        skill=None if estimate.skill is None else interval_record(estimate.skill),
        explained=explained,
        headline=headline,
        utility=interval_record(estimate.utility),
        static=estimate.static,
        reference=estimate.reference,
        drift_cosine=float(np.mean(drift)) if drift else None,
        dimension_error=float(np.mean([cell.dimension_error for cell in cells])),
        published={name: float(np.mean([cell.published[name] for cell in cells])) for name in cells[0].published},
        lock_in={name: float(np.mean([cell.lock_in[name] for cell in cells])) for name in cells[0].lock_in},
        restraint=_restraint(truth.challenge.cost, [cell.lock_in for cell in cells], bases),
        queries=int(np.mean([one.queries for one in truths])),
        samples=samples,
    )
    return score, cells


def _explained(
    truths: Sequence[EpisodeTruth], agent: Floats, static: Floats
) -> tuple[IntervalRecord | None, list[float]]:
    """Drift explained of the contributions (S, n, E, D) of an agent and of static, with its samples."""
    truth = truth_of([one.history for one in truths], truths[0].compared)
    errors, still = squared_errors(agent, truth), squared_errors(static, truth)
    figure = drift_explained(errors, still)
    if figure.interval is None:
        return None, []
    return interval_record(figure.interval), explained_samples(errors, still)


def _restraint(cost: str | None, lock_in: Sequence[Mapping[str, float]], bases: Sequence[Baselines]) -> float | None:
    """How much less than static an agent costs, as a share of how much less the reference does."""
    if cost is None:
        return None
    own, static, reference = (
        float(np.mean([measures[cost] for measures in path]))
        for path in (lock_in, [base.static.lock_in for base in bases], [base.reference.lock_in for base in bases])
    )
    lead = static - reference
    return (static - own) / lead if lead > IDENTIFIED else None


@lru_cache(maxsize=KEPT)
def baselines(board: Board, key: CellKey) -> Baselines:
    """Static and reference of an episode, through the same float32 actions as any agent's; kept for the next agent."""
    truth = episode_truth(board, key)
    return Baselines(
        static=follow_path(truth, truth.static_actions()), reference=follow_path(truth, truth.reference_actions())
    )


def interval_record(interval: Interval) -> IntervalRecord:
    """An interval for a file."""
    return IntervalRecord(low=interval.low, mid=interval.mid, high=interval.high)


def _parts(scored: ScoredItems, truths: Sequence[EpisodeTruth], paths: Sequence[Trace]) -> Floats:
    """(S, n, E, D) what the scored answers of every episode add to what the utility reads."""
    answers = [(truth.history, path.scored) for truth, path in zip(truths, paths, strict=True)]
    return scored.contributions(truths[0].challenge, answers)
