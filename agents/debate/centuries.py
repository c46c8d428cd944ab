"""What a judge's century does to rulings: how often centuries rule differently, and what that costs.

Legend of shapes: T centuries, M dilemmas, B rulings, N pieces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from progressgym.agents.debate.solver import solve
from progressgym.core.debate import Bools, Cases, Floats, Ints, Judge, margin_flips, random_evidence
from progressgym.core.errors import UserError
from progressgym.core.seeding import generator
from progressgym.envs.debate.dilemmas import DilemmaDomain
from progressgym.envs.debate.rules import Rules, margins, rule

RESAMPLES = 2000
"""Of dilemmas, for an interval."""
DECIMALS = 9
"""Debate values that agree to so many decimals are equal."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Transcripts:
    """Evidence shown about dilemmas, the same for all judges."""

    cases: Cases
    """B cases."""
    revealed: Bools
    """(B, N) what was shown."""


def sample_transcripts(domain: DilemmaDomain, items: int, each: int, turns: int, seed: int = 0) -> Transcripts:
    """Random evidence about the first two options of items spread evenly over the instrument.

    Args:
        domain: of the dilemmas; all items of its instrument must be in it.
        items: how many items.
        each: transcripts an item.
        turns: L pieces a transcript.
        seed: of the evidence.

    Raises:
        UserError: more items than there are.
    """
    total = len(domain.instrument)
    if not 1 <= items <= total:
        raise UserError(f"{items} dilemmas are asked for; the instrument has 1 to {total} items")
    chosen = np.repeat(np.linspace(0, total - 1, items).round().astype(np.int64), each)
    cases = domain.dilemmas(chosen, np.tile(np.array([0, 1]), (len(chosen), 1)))
    uniforms = generator(seed, "transcripts").random((len(chosen), domain.pieces))
    return Transcripts(cases=cases, revealed=random_evidence(uniforms, turns))


def ruling_margins(judge: Judge, transcripts: Transcripts) -> Floats:
    """(B,) margins of debater 0 on the same transcripts."""
    return margins(rule(judge, transcripts.cases, transcripts.revealed))


def flip_matrix(margins_TB: Floats) -> Floats:
    """(T, T) share of cases that two judges decide differently."""
    return np.array([[margin_flips(a, b) for b in margins_TB] for a in margins_TB])


@dataclass(kw_only=True, frozen=True)
class Compared:
    """How much one kind of pairs of judges differs."""

    pairs: int
    """How many pairs."""
    flips: float
    """Mean share of rulings that differ."""
    low: float
    """2.5 % bound of that share: dilemmas resampled, judges given."""
    high: float
    """97.5 % bound."""
    distance: float
    """Mean over pairs of the root mean square difference of margins."""


@dataclass(kw_only=True, frozen=True)
class Comparison:
    """Judges of two centuries against judges of one century that were trained with two seeds."""

    centuries: Compared | None
    """Of two centuries, whatever their seeds."""
    seeds: Compared | None
    """Of one century with two seeds."""
    excess: tuple[float, float, float] | None
    """How much more often two centuries differ: 2.5 % bound, share, 97.5 % bound, on the same resampled dilemmas."""


def compare_judges(read: Sequence[Mapping[str, Floats]], dilemmas: Ints) -> Comparison:
    """All pairs of judges.

    Args:
        read: a mapping a seed: century -> (B,) margins on the same cases.
        dilemmas: (B,) which dilemma each case is about; these are resampled as a whole.
    """
    judges = [(label, margin) for rows in read for label, margin in rows.items()]
    flips: dict[bool, list[Floats]] = {False: [], True: []}
    distances: dict[bool, list[float]] = {False: [], True: []}
    for (label, one), (other, two) in combinations(judges, 2):
        flips[label == other].append(0.5 * np.abs(np.sign(one) - np.sign(two)))
        distances[label == other].append(float(np.sqrt(((one - two) ** 2).mean())))
    _, member = np.unique(dilemmas, return_inverse=True)
    counts = np.bincount(member).astype(np.float64)
    drawn = generator(0, "compare").integers(0, len(counts), (RESAMPLES, len(counts)))
    weights = np.stack([np.bincount(row, minlength=len(counts)) for row in drawn])

    def resampled(rows: list[Floats]) -> Floats:
        sums = np.bincount(member, weights=np.mean(rows, axis=0))
        shares: Floats = (weights @ sums) / (weights @ counts)
        return shares

    def judgement(same: bool) -> Compared | None:
        if not flips[same]:
            return None
        low, high = np.quantile(resampled(flips[same]), (0.025, 0.975)).tolist()
        share, distance = float(np.mean(flips[same])), float(np.mean(distances[same]))
        return Compared(pairs=len(flips[same]), flips=share, low=low, high=high, distance=distance)

    centuries, seeds = judgement(False), judgement(True)
    excess = None
    if centuries is not None and seeds is not None:
        low, high = np.quantile(resampled(flips[False]) - resampled(flips[True]), (0.025, 0.975)).tolist()
        excess = (low, centuries.flips - seeds.flips, high)
    return Comparison(centuries=centuries, seeds=seeds, excess=excess)


def debate_values(judges: Sequence[Judge], cases: Cases, turns: int) -> Floats:
    """(T, B) exact values of debates under every judge: mean over both openers of the margin under best play."""
    rules = Rules(turns=turns)
    rows = []
    for judge in judges:
        openers = (np.full(len(cases), opener, dtype=np.int64) for opener in (0, 1))
        rows.append(np.mean([solve(judge, cases, rules, opener).value for opener in openers], axis=0))
    return np.array(rows).round(DECIMALS)


def regret_matrix(values_TB: Floats) -> Floats:
    """What it costs to decide by another century's debates.

    A policy that was trained with the judge of century r takes, in every dilemma, the option that wins the debate
    before it. Before the judge of century c that is worth |value|, or -|value| where the winner is the other one.

    Args:
        values_TB: debate values from `debate_values`; positive: debater 0's option wins.

    Returns:
        (T trained, T judged): the share of all that is at stake (the sum of |value|) in dilemmas that are decided
        wrongly: 0 for the policy of that judge, 1 for one that always loses. A draw decides for debater 0's option.
    """
    choice = np.where(values_TB >= 0.0, 1.0, -1.0)
    stakes = np.abs(values_TB)
    total = stakes.sum(1)
    lost = np.array([[stakes[judged, row != choice[judged]].sum() for judged in range(len(total))] for row in choice])
    regret: Floats = lost / np.where(total > 0.0, total, 1.0)
    return regret


def all_dilemmas(domain: DilemmaDomain) -> Cases:
    """Every dilemma of a domain once, debater 0 arguing for the lower-numbered option."""
    states: Ints = np.arange(len(domain.table))
    return domain.pairs(states, domain.table[:, 1:])
