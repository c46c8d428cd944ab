"""Debaters that need no training, and how debates are played.

A debater is anything with `choose(position)`. It gets whole batches, so a learned one is one forward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from progressgym.agents.debate.solver import Solution, solve
from progressgym.core.debate import Bools, Cases, Floats, Ints, Judge
from progressgym.core.errors import UserError
from progressgym.envs.debate.rules import Rules, look_ahead
from progressgym.envs.debate.vector import VectorDebate


@dataclass(kw_only=True, frozen=True, eq=False)
class Position:
    """What is on the table when it is a debater's turn, in B debates."""

    cases: Cases
    """B cases."""
    revealed: Bools
    """(B, N) what has been shown."""
    sides: Ints
    """(B,) whose turn it is: the debater argues for `cases.options[b, sides[b]]`."""
    openers: Ints
    """(B,) who opened."""
    turn: int
    """Turns played, from 0."""
    rules: Rules
    """How the debate goes."""

    @property
    def free(self) -> Bools:
        """(B, N) pieces that may be shown."""
        return ~self.revealed


@runtime_checkable
class Debater(Protocol):
    """Chooses what to show."""

    def choose(self, position: Position) -> Ints:
        """(B,) a free piece for every debate."""
        ...


class RandomDebater:
    """Shows any free piece."""

    def __init__(self, seed: int | None = None) -> None:
        self._rng = np.random.default_rng(seed)

    def choose(self, position: Position) -> Ints:
        """(B,) free pieces by chance."""
        draw = self._rng.random(position.revealed.shape)
        return _best(draw, position)


class GreedyDebater:
    """Shows the piece after which it leads most: one step of look-ahead with the judge. Works for any N."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    def choose(self, position: Position) -> Ints:
        """(B,) pieces."""
        lead = np.where(position.sides == 0, 1.0, -1.0)[:, None] * look_ahead(
            self.judge, position.cases, position.revealed
        )
        return _best(lead, position)


class MinimaxDebater:
    """Plays the exact solution. Debates are solved when their first turn is asked for, and then remembered.

    Where openers differ, a debater is asked about half of the debates at one turn and about the other half at the
    next; so the last two batches are kept.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self._solved: list[tuple[Position, Solution]] = []

    def choose(self, position: Position) -> Ints:
        """(B,) pieces.

        Raises:
            UserError: too many evidence sets to solve.
        """
        solution = next((answer for debates, answer in self._solved if _same_debates(debates, position)), None)
        if solution is None:
            solution = solve(self.judge, position.cases, position.rules, position.openers)
            self._solved = [*self._solved[-1:], (position, solution)]
        at = solution.sets.index(position.revealed, position.turn)
        return solution.choices[position.turn][np.arange(len(at)), at]


class ScriptedDebater:
    """Shows pieces in an order of its own, skipping what is on the table: an advocate who committed beforehand."""

    def __init__(self, preference: Floats) -> None:
        """Prepare.

        Args:
            preference: (B, N) or (N,); the free piece with the highest number is shown.
        """
        self.preference = preference

    def choose(self, position: Position) -> Ints:
        """(B,) pieces."""
        wanted = np.broadcast_to(self.preference, position.revealed.shape)
        return _best(wanted, position)


def play(games: VectorDebate, debaters: tuple[Debater, Debater]) -> Floats:
    """Play the debates that were reset to their end.

    Args:
        games: B debates at their start.
        debaters: in the seats of debater 0 and debater 1.

    Returns:
        (B,) final margins of debater 0.

    Raises:
        UserError: the debates have begun already.
    """
    if games.turn != 0:
        raise UserError("the debates have begun: call reset() before play()")
    while True:
        turn = games.step(choose(games, debaters))
        if turn.done:
            assert turn.margin is not None
            return turn.margin


def choose(games: VectorDebate, debaters: tuple[Debater, Debater]) -> Ints:
    """(B,) the movers' pieces; each debater is asked about its own games at once."""
    movers = games.mover
    pieces = np.full(games.num_envs, -1, dtype=np.int64)
    for side, debater in enumerate(debaters):
        rows = np.flatnonzero(movers == side)
        if len(rows):
            pieces[rows] = debater.choose(position(games, rows))
    return pieces


def position(games: VectorDebate, rows: Ints) -> Position:
    """The position of some games."""
    whole = len(rows) == games.num_envs
    return Position(
        cases=games.cases if whole else games.cases[rows],
        revealed=games.revealed[rows],
        sides=games.mover[rows],
        openers=games.openers[rows],
        turn=games.turn,
        rules=games.rules,
    )


def _best(appeal: Floats, position: Position) -> Ints:
    """(B,) the free piece of the highest appeal (B, N), the first of equals."""
    best: Ints = np.where(position.free, appeal, -np.inf).argmax(1)
    return best


def _same_debates(a: Position, b: Position) -> bool:
    """The same cases under the same rules with the same openers."""
    pairs = (
        (a.cases.states, b.cases.states),
        (a.cases.options, b.cases.options),
        (a.cases.evidence, b.cases.evidence),
        (a.openers, b.openers),
    )
    return a.rules == b.rules and all(np.array_equal(x, y) for x, y in pairs)
