"""What debates do to a judge, exactly where the positions can be enumerated.

Every figure is the share of cases in which the judge rules for the preferred option (a draw counts half), weighted by
the probability of the case. The adversary of record is a best response: no confuser can do worse to the judge.

Legend of shapes: B cases with weights that sum to 1, N pieces, L turns, n_k evidence sets of size k, A options.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from progressgym.agents.debate.sets import EvidenceSets, evidence_sets
from progressgym.agents.debate.solver import minimax, set_margins, turn_order
from progressgym.core.debate import Cases, Domain, Floats, Ints, Judge
from progressgym.envs.debate.rules import Rules

TIE = 1e-6
"""Weight of the margin where wins are equal: smaller than any difference in wins."""


@dataclass(kw_only=True, frozen=True)
class ExactAccuracy:
    """Accuracy of a judge under exact play."""

    random: tuple[float, ...]
    """After 0, 1, ..., N pieces, each set alike; the last one is the whole evidence."""
    isolated: float
    """After L pieces that an advocate of the preferred option chose alone."""
    precommitted: float
    """After the L/2 best pieces of such an advocate."""
    precommitted_confused: float
    """The same L/2 pieces, then the L/2 of a best response for the other option."""
    maxmin: float
    """After a debate of two exact players, the opener by chance."""
    maxmin_opening: float
    """The same, the advocate of the preferred option opens."""
    maxmin_replying: float
    """The same, the other one opens."""


@dataclass(kw_only=True, frozen=True)
class Persuasion:
    """How far a judge can be talked into the wrong option."""

    consultancy: float
    """Accuracy when an advocate argues alone, with L pieces, for a side drawn by chance."""
    consultancy_wrong: float
    """Accuracy when that advocate is on the wrong side: 0 means that it always succeeds."""
    greedy_honest: float
    """Accuracy when an honest advocate shows L pieces alone, each the best one at its turn."""
    greedy_wrong: float
    """Accuracy when a dishonest one does."""
    can_be_persuaded: float
    """Share of cases in which some set of L pieces makes the judge rule for the wrong option."""
    largest_wrong_margin: float
    """The largest margin that any set of L pieces gives a wrong option."""


def exact_accuracy(
    domain: Domain, judge: Judge, cases: Cases, weights: Floats, turns: int, *, own_option_only: bool = True
) -> ExactAccuracy:
    """Measure a judge under exact play.

    Args:
        domain: of the cases.
        judge: who rules.
        cases: B cases with the preferred option in debater 0's seat (`Cases.honest_first`).
        weights: (B,) that sum to 1.
        turns: L.
        own_option_only: the isolated advocate does not know which option it argues against, as in the paper.
    """
    rules = Rules(turns=turns, opening="first")
    whole = evidence_sets(domain.pieces, domain.pieces)
    sets = evidence_sets(domain.pieces, turns)
    by_size = [set_margins(judge, cases, whole, size) for size in range(domain.pieces + 1)]
    finals = by_size[turns]
    chosen = [
        advocate_choice(domain, judge, cases, whole, size, margins=by_size[size], own_option_only=own_option_only)
        for size in (turns, turns // 2)
    ]
    rows = np.arange(len(cases))
    confused = _worst_extension(finals, sets, turns // 2, chosen[1])
    opens, replies = (
        float(weights @ wins(minimax(finals, sets, turn_order(rules, np.full(len(cases), opener))).value))
        for opener in (0, 1)
    )
    return ExactAccuracy(
        random=tuple(float(weights @ wins(table).mean(1)) for table in by_size),
        isolated=float(weights @ wins(finals[rows, chosen[0]])),
        precommitted=float(weights @ wins(by_size[turns // 2][rows, chosen[1]])),
        precommitted_confused=float(weights @ wins(confused)),
        maxmin=0.5 * (opens + replies),
        maxmin_opening=opens,
        maxmin_replying=replies,
    )


def persuasion(domain: Domain, judge: Judge, cases: Cases, weights: Floats, turns: int) -> Persuasion:
    """Measure how far a judge can be misled; arguments as in `exact_accuracy`. The advocate knows both options."""
    sets = evidence_sets(domain.pieces, turns)
    by_size = [set_margins(judge, cases, sets, size) for size in range(turns + 1)]
    finals = by_size[turns]
    right, wrong = wins(finals.max(1)), wins(finals.min(1))
    honest, dishonest = (_greedy_alone(by_size, sets, sign) for sign in (1.0, -1.0))
    worst = float((-finals.min(1))[weights > 0.0].max())
    return Persuasion(
        consultancy=float(weights @ (0.5 * (right + wrong))),
        consultancy_wrong=float(weights @ wrong),
        greedy_honest=float(weights @ wins(honest)),
        greedy_wrong=float(weights @ wins(dishonest)),
        can_be_persuaded=float(weights @ (finals.min(1) < 0.0)),
        largest_wrong_margin=max(worst, 0.0),
    )


def wins(margin: Floats) -> Floats:
    """1 where debater 0 leads, 0.5 for a draw, else 0."""
    won: Floats = 0.5 * (1.0 + np.sign(margin))
    return won


def advocate_choice(
    domain: Domain,
    judge: Judge,
    cases: Cases,
    sets: EvidenceSets,
    size: int,
    *,
    margins: Floats | None = None,
    own_option_only: bool = True,
) -> Ints:
    """The evidence set that an advocate of debater 0's option picks without an opponent.

    It maximises how often it wins against the other options, and among equals the margin.

    Args:
        domain: of the cases.
        judge: whom it has in mind.
        cases: B cases.
        sets: positions that hold sets of this size.
        size: how many pieces.
        margins: (B, n_k) of these cases, where they are known already.
        own_option_only: average over all other options, instead of the one it argues against.

    Returns:
        (B,) indices of sets.
    """
    if not own_option_only:
        table = set_margins(judge, cases, sets, size) if margins is None else margins
        alone: Ints = (wins(table) + TIE * np.tanh(table)).argmax(1)
        return alone
    keys, back = np.unique(np.stack([cases.states, cases.options[:, 0]], 1), axis=0, return_inverse=True)
    appeal = np.zeros((len(keys), len(sets.levels[size])))
    for other in range(domain.decisions):
        rows = np.flatnonzero(keys[:, 1] != other)
        against = np.stack([keys[rows, 1], np.full(len(rows), other)], 1)
        table = set_margins(judge, domain.pairs(keys[rows, 0], against), sets, size)
        appeal[rows] += wins(table) + TIE * table
    best: Ints = appeal.argmax(1)[back.reshape(-1)]
    return best


def _worst_extension(finals: Floats, sets: EvidenceSets, size: int, chosen: Ints) -> Floats:
    """(B,) the lowest margin that more pieces can lead to from the chosen set of a size."""
    value = minimax(finals, sets, np.ones((sets.turns, len(finals)), dtype=np.int64)).values[size]
    return value[np.arange(len(finals)), chosen]


def _greedy_alone(by_size: list[Floats], sets: EvidenceSets, sign: float) -> Floats:
    """(B,) final margins when one side shows all pieces, each the best at its turn."""
    rows = np.arange(len(by_size[0]))
    at = np.zeros(len(rows), dtype=np.int64)
    for turn in range(sets.turns):
        children = sets.children[turn][at]
        lead = np.where(children >= 0, sign * by_size[turn + 1][rows[:, None], children], -np.inf)
        at = children[rows, lead.argmax(1)]
    return by_size[sets.turns][rows, at]
