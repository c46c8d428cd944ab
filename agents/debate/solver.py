"""Debates solved exactly: minimax, and the best response to a given debater.

Minimax commutes with any growing function of the margin, so the solution for margins also is the one for wins and
losses: the sign of its value says who wins under best play.

Legend of shapes: B games, N pieces, L turns, n_k evidence sets of size k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from progressgym.agents.debate.sets import EvidenceSets, evidence_sets
from progressgym.core.debate import Cases, Floats, Ints, Judge
from progressgym.envs.debate.rules import Rules, margins, rule

CHUNK = 200_000
"""Cases that a judge is asked about at once."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Solution:
    """Values and best pieces of every position."""

    sets: EvidenceSets
    """The positions."""
    values: tuple[Floats, ...]
    """L + 1 arrays (B, n_k): what debater 0 gets from a position on."""
    choices: tuple[Ints, ...]
    """L arrays (B, n_k): the mover's best piece, the first of equals."""

    @property
    def value(self) -> Floats:
        """(B,) of the debates from the start."""
        return self.values[0][:, 0]


def set_margins(judge: Judge, cases: Cases, sets: EvidenceSets, size: int) -> Floats:
    """(B, n_k) margin of debater 0 under every evidence set of a size."""
    level = sets.levels[size]
    whole = np.empty((len(cases), len(level)))
    step = max(1, CHUNK // len(level))
    for start in range(0, len(cases), step):
        rows = np.arange(start, min(start + step, len(cases)))
        repeated = cases[np.repeat(rows, len(level))]
        scores = rule(judge, repeated, np.tile(level, (len(rows), 1)))
        whole[rows] = margins(scores).reshape(len(rows), len(level))
    return whole


def minimax(finals: Floats, sets: EvidenceSets, movers: Ints) -> Solution:
    """Best play of both sides.

    Args:
        finals: (B, n_L) what debater 0 gets under every full evidence set.
        sets: the positions.
        movers: (L, B) whose turn it is.
    """
    values: list[Floats] = [finals]
    choices: list[Ints] = []
    for turn in range(sets.turns - 1, -1, -1):
        after = _after(values[0], sets, turn)
        first = (movers[turn] == 0)[:, None]
        up, down = _masked(after, sets, turn, -np.inf), _masked(after, sets, turn, np.inf)
        values.insert(0, np.where(first, up.max(2), down.min(2)))
        choices.insert(0, np.where(first, up.argmax(2), down.argmin(2)))
    return Solution(sets=sets, values=tuple(values), choices=tuple(choices))


def best_response(
    finals: Floats, sets: EvidenceSets, movers: Ints, side: int, policy: Sequence[Floats | Ints]
) -> Solution:
    """Best play against a debater whose choices are known.

    Args:
        finals: (B, n_L) what debater 0 gets under every full evidence set; against a debater that plays by chance an
            expectation is taken, so give the payoff that counts (for example wins).
        sets: the positions.
        movers: (L, B) whose turn it is.
        side: which debater is known, 0 or 1; the other one answers.
        policy: for every turn (B, n_k) pieces or (B, n_k, N) probabilities of the known debater.

    Returns:
        Values of debater 0, and choices: the known debater's likeliest, the other one's best.
    """
    values: list[Floats] = [finals]
    choices: list[Ints] = []
    for turn in range(sets.turns - 1, -1, -1):
        after = _after(values[0], sets, turn)
        given = policy[turn]
        chances = np.eye(sets.pieces)[given] if given.ndim == 2 else given
        expected = (chances * _masked(after, sets, turn, 0.0)).sum(2)
        worst = np.inf if side == 0 else -np.inf
        open_to_me = _masked(after, sets, turn, worst)
        best, reply = (
            (open_to_me.min(2), open_to_me.argmin(2)) if side == 0 else (open_to_me.max(2), open_to_me.argmax(2))
        )
        own = (movers[turn] == side)[:, None]
        values.insert(0, np.where(own, expected, best))
        choices.insert(0, np.where(own, chances.argmax(2), reply))
    return Solution(sets=sets, values=tuple(values), choices=tuple(choices))


def additive_values(weights: Floats, turns: int) -> Floats:
    """Values of debates before a judge that adds up what pieces say: in closed form, whoever opens.

    With as many pieces as turns or more, debater 0 shows the L/2 that speak most for it and debater 1 the L/2 that
    speak most against it; no other play is better for either.

    Args:
        weights: (B, N) what every piece adds to debater 0's margin.
        turns: L, at most N.

    >>> additive_values(np.array([[1.0, 5.0, -2.0, 0.5]]), 2)
    array([3.])
    """
    ranked = np.sort(weights, axis=1)
    values: Floats = ranked[:, : turns // 2].sum(1) + ranked[:, weights.shape[1] - turns // 2 :].sum(1)
    return values


def turn_order(rules: Rules, openers: Ints) -> Ints:
    """(L, B) whose turn it is."""
    return np.stack([rules.mover(turn, openers) for turn in range(rules.turns)])


def solve(judge: Judge, cases: Cases, rules: Rules, openers: Ints) -> Solution:
    """The exact solution of debates, on margins.

    Args:
        judge: who rules; its rulings are looked up once for every full evidence set.
        cases: B cases.
        rules: turns and their order.
        openers: (B,) who opens.

    Raises:
        UserError: too many evidence sets.
    """
    sets = evidence_sets(cases.evidence.shape[1], rules.turns)
    return minimax(set_margins(judge, cases, sets, rules.turns), sets, turn_order(rules, openers))


def _after(values: Floats, sets: EvidenceSets, turn: int) -> Floats:
    """(B, n_k, N) value after each piece; meaningless where the piece is on the table."""
    following: Floats = values[:, sets.children[turn]]
    return following


def _masked(after: Floats, sets: EvidenceSets, turn: int, instead: float) -> Floats:
    return np.where(sets.levels[turn], instead, after)
