"""How well a judge rules when debaters choose the evidence, on cases of states that nothing was trained on.

Every figure is the share of cases in which the judge rules for the preferred option; a draw counts half. The debater
argues for that option. Networks play without exploration. Each seed is measured on cases of its own, so the spread over
seeds holds the chance of the cases too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from progressgym.agents.debate.debaters import Debater, GreedyDebater, position
from progressgym.agents.debate.trained import TrainedDebater
from progressgym.agents.debate.training import alone_rules, disturbed_rules
from progressgym.core.debate import Cases, Domain, Floats, Judge, random_evidence
from progressgym.core.seeding import generator
from progressgym.envs.debate.rules import Rules, correct, margins, rule
from progressgym.envs.debate.vector import VectorDebate

BATCH = 250
"""Debates at once: a greedy debater asks the judge about each of them once a free piece."""


@dataclass(kw_only=True, frozen=True)
class DebaterAccuracy:
    """Accuracy of a judge under one debater."""

    alone: float
    """Undisturbed: without an opponent, or against itself for those who debate."""
    confused: float | None
    """Against the adversary trained against it; None when there is none."""
    greedy: float
    """Against the adversary of record: one step of look-ahead with the judge, no training."""
    wrong_side: float
    """Undisturbed, but the debater argues for the other option: 0 means that it always talks the judge into it."""


@dataclass(kw_only=True, frozen=True)
class JudgeAccuracy:
    """Accuracy of judges under random and full evidence, and what look-ahead can do to them."""

    random: tuple[float, ...]
    """After 0, 1, ..., L random pieces."""
    ideal: float
    """The ideal judge, all pieces."""
    greedy_alone: float
    """A greedy advocate of the preferred option shows L pieces."""
    greedy_wrong: float
    """A greedy advocate of the other option does."""
    greedy_both: float
    """Two greedy debaters."""


def measure_debater(
    domain: Domain,
    judge: Judge,
    debater: TrainedDebater,
    confuser: TrainedDebater | None,
    method: str,
    turns: int,
    *,
    games: int,
    greedy_games: int,
    seed: int,
) -> DebaterAccuracy:
    """Measure one trained debater.

    Args:
        domain: of the test cases.
        judge: who rules.
        debater: argues for the preferred option.
        confuser: trained against it, where there is one.
        method: how the debater was trained.
        turns: L.
        games: debates of each figure.
        greedy_games: debates with the greedy adversary, which is slow.
        seed: of the cases.
    """
    cases = draw_cases(domain, games, seed)
    itself = None if method in ("isolated", "precommit") else debater
    calm, disturbed = alone_rules(method, turns), disturbed_rules(method, turns)
    few = cases[: min(greedy_games, games)]

    def share(cases: Cases, rules: Rules, opponent: Debater | None) -> float:
        return accuracy(domain, judge, cases, rules, (debater, opponent), seed)

    return DebaterAccuracy(
        alone=share(cases, calm, itself),
        confused=None if confuser is None else share(cases, disturbed, confuser),
        greedy=share(few, disturbed, GreedyDebater(judge)),
        wrong_side=share(cases.swapped(), calm, itself),
    )


def measure_judges(
    domain: Domain, judge: Judge, ideal: Judge, turns: int, *, games: int, greedy_games: int, seed: int
) -> JudgeAccuracy:
    """Measure judges without trained debaters; arguments as in `measure_debater`."""
    cases = draw_cases(domain, games, seed)
    uniforms = generator(seed, "evaluation", "evidence").random((games, domain.pieces))
    by_size = [ruled(judge, cases, random_evidence(uniforms, size)) for size in range(turns + 1)]
    few, greedy = cases[: min(greedy_games, games)], GreedyDebater(judge)
    solo, both = Rules(turns=turns, payoff="shaped", order="solo"), Rules(turns=turns, payoff="shaped")
    return JudgeAccuracy(
        random=tuple(float(correct(cases, margin).mean()) for margin in by_size),
        ideal=float(correct(cases, ruled(ideal, cases, np.ones_like(uniforms, dtype=np.bool_))).mean()),
        greedy_alone=accuracy(domain, judge, few, solo, (greedy, None), seed),
        greedy_wrong=accuracy(domain, judge, few.swapped(), solo, (greedy, None), seed),
        greedy_both=accuracy(domain, judge, few, both, (greedy, greedy), seed),
    )


def draw_cases(domain: Domain, games: int, seed: int) -> Cases:
    """Test cases with the preferred option in debater 0's seat."""
    return domain.cases(generator(seed, "evaluation", "cases").random((games, domain.draws))).honest_first()


def ruled(judge: Judge, cases: Cases, revealed: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Floats:
    """(B,) margins of debater 0."""
    return margins(rule(judge, cases, revealed))


def accuracy(
    domain: Domain, judge: Judge, cases: Cases, rules: Rules, debaters: tuple[Debater, Debater | None], seed: int
) -> float:
    """Share of cases in which the judge rules for the preferred option.

    Args:
        domain: of the cases.
        judge: who rules.
        cases: B cases.
        rules: with the shaped payoff, so that a debate that breaks off has a ruling.
        debaters: in the seats of debater 0 and 1; a debate breaks off where nobody sits.
        seed: of who opens.
    """
    openers = rules.openers(generator(seed, "evaluation", "openers").random(len(cases)))
    right = []
    for start in range(0, len(cases), BATCH):
        part = cases[start : start + BATCH]
        games = VectorDebate(domain, judge, num_envs=len(part), rules=rules)
        games.reset(cases=part, openers=openers[start : start + BATCH])
        right.append(correct(part, _final(games, debaters)))
    return float(np.concatenate(right).mean())


def _final(games: VectorDebate, debaters: tuple[Debater, Debater | None]) -> Floats:
    """(B,) margins at the end, or where the debate breaks off."""
    margin = np.zeros(games.num_envs)
    while not games.done:
        pieces = np.full(games.num_envs, -1, dtype=np.int64)
        for side, debater in enumerate(debaters):
            rows = np.flatnonzero(games.mover == side)
            if not len(rows):
                continue
            if debater is None:
                return margin
            pieces[rows] = debater.choose(position(games, rows))
        turn = games.step(pieces)
        assert turn.margin is not None
        margin = turn.margin
    return margin
