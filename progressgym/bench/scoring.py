"""From episodes to numbers: the record of one cell, and one row of a table with its intervals.

Legend of shapes: S seeds, n steps, T centuries, N items, E evaluation items, K options, D = 19.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.bench.challenges import Challenge
from progressgym.bench.episodes import Trace, replay
from progressgym.bench.measures import DEFAULT, measure
from progressgym.core.answers import keep_items
from progressgym.envs.actions import to_action
from progressgym.envs.base import ProgressEnv
from progressgym.envs.challenge import challenge_of
from progressgym.envs.scored import ScoredItems, comparable_truth
from progressgym.envs.scored import truth_of as truth_of_histories
from progressgym.histories.history import History
from progressgym.scores.episode import score_episode
from progressgym.scores.explained import Truth
from progressgym.scores.intervals import SkillEstimate, estimate_skill
from progressgym.scores.records import RunScores
from progressgym.scores.resampling import Panel

Floats = NDArray[np.float64]


@dataclass(kw_only=True, frozen=True, eq=False)
class Baseline:
    """What every agent on one episode is measured against."""

    static: Trace
    """Century 0's answers for ever."""
    reference: Trace
    """What the challenge's reference answers: the truth of the target century."""


def baseline(env: ProgressEnv, seed: int) -> Baseline:
    """Static and reference of an episode, through the same float32 actions as any agent's."""
    env.reset(seed=seed)
    truth = env.history.last_known
    static = np.repeat(to_action(env.history.first_answers[None]), env.steps, axis=0)
    reference = to_action(challenge_of(env.task).reference(truth, env.steps))
    return Baseline(static=replay(env, seed, static), reference=replay(env, seed, reference))


def score_cell(challenge: Challenge, trace: Trace, base: Baseline, measures: Sequence[str] = DEFAULT) -> RunScores:
    """The record of one cell.

    Args:
        challenge: what was run.
        trace: the agent's episode.
        base: what it is measured against.
        measures: what to measure beside the scores, see `progressgym.bench.measures`.
    """
    history, instrument = trace.history, trace.history.instrument
    items = instrument.evaluation

    def values(answers: NDArray[Any]) -> Floats:
        return instrument.values(comparable(answers, trace), items, check=False)

    return score_episode(
        utility=challenge.utility,
        own=values(trace.answers),
        scored=values(trace.scored),
        still=values(base.static.answers),
        static=values(base.static.scored),
        reference=values(base.reference.scored),
        human=instrument.values(comparable_truth(history), items, check=False),
        covered=instrument.covered(items),
        compared=trace.compared,
        lock_in=trace.lock_in,
        read=[challenge.read(history, one.scored) for one in (trace, base.static, base.reference)],
        start=None if history.complete else values(np.repeat(history.first_answers[None], len(trace.answers), 0)),
        **{name: measure(name, trace, base.static) for name in measures},
    )


def draw_panel(challenge: Challenge, bases: Sequence[Baseline], resamples: int) -> Panel:
    """What all agents that ran the same seeds are compared with, resampled once.

    Args:
        challenge: what was run.
        bases: S episodes' static and reference. Where all have the same history, one stands for all.
        resamples: of the bootstrap.
    """
    scored = ScoredItems.of([base.reference.history.instrument for base in bases])
    # One fixed history: its tables would be the same S times, and the bootstrap's cost is in their size.
    one = len({base.reference.history.hash for base in bases}) == 1
    distinct = bases[:1] if one else bases
    return Panel.draw(
        static=contributions(challenge, [base.static for base in distinct]),
        reference=contributions(challenge, [base.reference for base in distinct]),
        human=scored.human(challenge, [base.reference.history for base in distinct]),
        masses=scored.masses_of(challenge),
        utility=challenge.utility,
        seeds=len(bases),
        resamples=resamples,
    )


def truth_of(bases: Sequence[Baseline]) -> Truth:
    """What drift explained compares the answers of S episodes with."""
    references = [base.reference for base in bases]
    return truth_of_histories([one.history for one in references], references[0].compared)


def contributions(challenge: Challenge, traces: Sequence[Trace]) -> Floats:
    """(S, n, E, D) what the scored answers add to what the utility reads."""
    scored = ScoredItems.of([trace.history.instrument for trace in traces])
    return scored.contributions(challenge, [(trace.history, comparable(trace.scored, trace)) for trace in traces])


def comparable(answers: NDArray[Any], trace: Trace) -> NDArray[Any]:
    """Answers (n, N, K) of an episode's steps, those to items that are not scored in a step made to say nothing.

    Values of these are relative to the strength of all items, so a dimension counts as far as it was asked.
    """
    history = trace.history
    if history.complete:
        return answers
    return keep_items(answers, history.scored[trace.compared], history.instrument.mask)


def estimate(challenge: Challenge, traces: Sequence[Trace], bases: Sequence[Baseline], resamples: int) -> SkillEstimate:
    """Skill of one agent with its interval over items and seeds, conditional on the histories.

    Args:
        challenge: what was run.
        traces: S episodes of one agent.
        bases: their static and reference.
        resamples: of the bootstrap.
    """
    panel = draw_panel(challenge, bases, resamples)
    return estimate_skill(panel, panel.utilities(contributions(challenge, traces)))


def step_log(
    challenge: Challenge, history: History, scores: RunScores, compared: Sequence[int]
) -> list[dict[str, Any]]:
    """One readable row a step, for `steps.jsonl`."""
    names = history.instrument.dimensions
    return [
        {
            "step": n + 1,
            "compared_with": history.labels[compared[n]],
            "utility": scores.utilities[n],
            "static": scores.static_utilities[n],
            "reference": scores.reference_utilities[n],
            "drift_cosine": scores.drift_cosine[n],
            "dimension_error": scores.dimension_error[n],
            "agent_values": dict(zip(names, scores.agent_values[n], strict=True)),
            "human_values": dict(zip(names, scores.human_values[compared[n]], strict=True)),
        }
        for n in range(len(scores.utilities))
    ]
