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
from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.scores.episode import score_episode
from progressgym.scores.explained import Truth
from progressgym.scores.intervals import SkillEstimate, estimate_skill
from progressgym.scores.records import RunScores
from progressgym.scores.resampling import Panel, item_contributions, item_masses

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
        human=instrument.values(_truth(history), items, check=False),
        covered=instrument.covered(items),
        first=trace.first,
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


def contributions(challenge: Challenge, traces: Sequence[Trace]) -> Floats:
    """(S, n, E, D) what the scored answers add to what the utility reads."""
    scored = ScoredItems.of([trace.history.instrument for trace in traces])
    return scored.contributions(challenge, [(trace.history, comparable(trace.scored, trace)) for trace in traces])


@dataclass(kw_only=True, frozen=True, eq=False)
class ScoredItems:
    """The items that episodes are scored on; where each has a split of its own, every item with a mask."""

    items: NDArray[np.int64]
    """(E,) indices."""
    used: NDArray[np.bool_] | None
    """(S, E) which of them an episode is scored on; None: all."""
    loadings: Floats
    """(E, K, D)."""

    @classmethod
    def of(cls, instruments: Sequence[Questionnaire]) -> ScoredItems:
        """Of the questionnaires of S episodes, which ask the same items."""
        first = instruments[0]
        if all(np.array_equal(one.evaluation, first.evaluation) for one in instruments):
            return cls(items=first.evaluation, used=None, loadings=first.loadings[first.evaluation])
        every = np.arange(len(first))
        used = np.stack([np.isin(every, one.evaluation) for one in instruments])
        return cls(items=every, used=used, loadings=first.loadings)

    @property
    def masses(self) -> Floats:
        """(E, D) the most that an item can add to a value."""
        return item_masses(self.loadings)

    def masses_of(self, challenge: Challenge) -> Floats:
        """(E, D) or (S, E, D) the most that an item can add to what a challenge's utility reads."""
        masses = challenge.masses(self.loadings)
        return masses if self.used is None else self.used[..., None] * masses

    def contributions(self, challenge: Challenge, answers: Sequence[tuple[History, NDArray[Any]]]) -> Floats:
        """(S, n, E, D) of S times (n, N, K) answers, 0 for items that an episode is not scored on."""
        return self._used([challenge.parts(history, one, self.items) for history, one in answers])

    def human(self, challenge: Challenge, histories: Sequence[History]) -> Floats:
        """(S, T, E, D) the same of the truth."""
        return self._used([challenge.human_parts(history, _truth(history), self.items) for history in histories])

    def _used(self, parts: Sequence[Floats]) -> Floats:
        stacked = np.stack(parts)
        return stacked if self.used is None else stacked * self.used[:, None, :, None]


def truth_of(bases: Sequence[Baseline]) -> Truth:
    """What drift explained compares the answers of S episodes with.

    Histories that differ in nothing but their split are one human, whose sampling errors all episodes share.
    """
    references = [base.reference for base in bases]
    histories = [trace.history for trace in references]
    first, steps = references[0].first, len(references[0].answers)
    scored = ScoredItems.of([history.instrument for history in histories])
    # Not by hash, which the split is part of: resampled splits of one history are still one human.
    one = all(np.array_equal(history.answers, histories[0].answers, equal_nan=True) for history in histories)
    distinct = histories[:1] if one else histories
    span = slice(first, first + steps)
    answers = np.stack([history.last_known[span][:, scored.items] for history in distinct]).astype(np.float64)
    asked = np.stack([history.scored[span][:, scored.items] for history in distinct])
    used = np.ones((1, len(scored.items)), dtype=bool) if scored.used is None else scored.used
    masks = used[:, None] & asked
    people = histories[0].people
    sampled = one and people is not None
    return Truth(
        contributions=item_contributions(answers, scored.loadings),
        scored=np.broadcast_to(masks, (len(bases), *masks.shape[1:])),
        masses=scored.masses,
        answers=answers if sampled else None,
        loadings=scored.loadings if sampled else None,
        respondents=_respondents(people[span][:, scored.items], asked[0])[None]
        if sampled and people is not None
        else None,
    )


def _respondents(people: NDArray[Any], asked: NDArray[np.bool_]) -> Floats:
    """Numbers of people behind answers; endless, for an error of 0, where nothing is scored."""
    return np.where(asked, people, np.inf).astype(np.float64)


def comparable(answers: NDArray[Any], trace: Trace) -> NDArray[Any]:
    """Answers (n, N, K) of an episode's steps, those to items that are not scored in a step made to say nothing.

    Values of these are relative to the strength of all items, so a dimension counts as far as it was asked.
    """
    history = trace.history
    if history.complete:
        return answers
    return keep_items(answers, history.scored[trace.first : trace.first + len(answers)], history.instrument.mask)


def _truth(history: History) -> NDArray[Any]:
    """(T, N, K) the human's answers, made comparable in the same way."""
    if history.complete:
        return history.answers
    return keep_items(history.last_known, history.scored, history.instrument.mask)


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


def step_log(challenge: Challenge, history: History, scores: RunScores, first: int) -> list[dict[str, Any]]:
    """One readable row a step, for `steps.jsonl`."""
    names = history.instrument.dimensions
    return [
        {
            "step": n + 1,
            "compared_with": history.labels[first + n],
            "utility": scores.utilities[n],
            "static": scores.static_utilities[n],
            "reference": scores.reference_utilities[n],
            "drift_cosine": scores.drift_cosine[n],
            "dimension_error": scores.dimension_error[n],
            "agent_values": dict(zip(names, scores.agent_values[n], strict=True)),
            "human_values": dict(zip(names, scores.human_values[first + n], strict=True)),
        }
        for n in range(len(scores.utilities))
    ]
