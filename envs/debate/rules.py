"""The rules of the debate game as pure functions on batches: whose turn, what may be shown, who wins, what it pays.

L pieces of evidence are shown in all, L even, by two debaters. `alternating`: the opener and the other one in turn;
`precommit`: the opener all its L/2 first; `solo`: debater 0 shows all of them (an advocate without opponent).

Legend of shapes: B games, N pieces, L turns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from progressgym.core.debate import Bools, Cases, Floats, ForesightJudge, Ints, Judge
from progressgym.core.errors import UserError, unknown

PAYOFFS = ("sign", "margin", "shaped")
ORDERS = ("alternating", "precommit", "solo")
OPENINGS = ("random", "first", "second")


@dataclass(kw_only=True, frozen=True)
class Rules:
    """How a debate goes.

    Raises:
        UserError: an odd or too small number of turns, an unknown word.
    """

    turns: int = 4
    """L, pieces of evidence shown in all; even, so that each debater shows L/2."""
    payoff: str = "sign"
    """`sign` +1, 0, -1 at the end; `margin` difference of the scores at the end; `shaped` change of
    sigmoid(margin) after every turn, which adds up to sigmoid(final margin) - sigmoid(margin without evidence)."""
    order: str = "alternating"
    """Who speaks when: `alternating`, `precommit` or `solo`."""
    opening: str = "random"
    """Who opens: `random`, `first` (debater 0) or `second`. Of no effect in `solo`."""

    def __post_init__(self) -> None:
        """Check."""
        if isinstance(self.turns, bool) or not isinstance(self.turns, int) or self.turns < 2 or self.turns % 2:
            raise UserError(
                f"a debate of {self.turns!r} turns is not even-handed; give an even number from 2, half for each side"
            )
        for kind, given, choices in (
            ("payoff", self.payoff, PAYOFFS),
            ("order of turns", self.order, ORDERS),
            ("opening", self.opening, OPENINGS),
        ):
            if given not in choices:
                raise unknown(kind, str(given), choices)

    def fit(self, pieces: int) -> None:
        """Check against a domain.

        Raises:
            UserError: fewer pieces of evidence than turns.
        """
        if pieces < self.turns:
            raise UserError(
                f"{self.turns} turns but only {pieces} pieces of evidence, and none may be shown twice; "
                f"use at most {pieces - pieces % 2} turns"
            )

    def openers(self, uniforms: Floats) -> Ints:
        """(B,) who opens, from (B,) numbers in [0, 1)."""
        if self.opening == "random":
            return (uniforms >= 0.5).astype(np.int64)
        return np.full(len(uniforms), OPENINGS.index(self.opening) - 1, dtype=np.int64)

    def mover(self, turn: int, openers: Ints) -> Ints:
        """(B,) which debater shows the piece of a turn, from 0."""
        if self.order == "solo":
            return np.zeros_like(openers)
        late = turn % 2 if self.order == "alternating" else int(turn >= self.turns // 2)
        return openers ^ late


def check_action(action: object, pieces: int) -> int:
    """Check one piece.

    Raises:
        UserError: not a whole number, no such piece.
    """
    if isinstance(action, bool) or not isinstance(action, int | np.integer):
        raise UserError(f"an action is the number of a piece, 0 to {pieces - 1}; got {action!r}")
    if not 0 <= action < pieces:
        raise UserError(f"there is no piece {action}; pieces are 0 to {pieces - 1}")
    return int(action)


def check_actions(actions: Ints, revealed: Bools) -> Ints:
    """Check the pieces that are to be shown.

    Args:
        actions: (B,).
        revealed: (B, N) what is on the table.

    Returns:
        (B,) int64.

    Raises:
        UserError: a wrong shape, not whole numbers, no such piece, a piece that is already on the table.
    """
    games, pieces = revealed.shape
    array = np.asarray(actions)
    if array.shape != (games,) or array.dtype.kind not in "iu":
        raise UserError(f"actions must be {games} whole numbers, got {array.dtype} of shape {array.shape}")
    wrong = (array < 0) | (array >= pieces)
    if wrong.any():
        raise UserError(f"there is no piece {array[wrong][0]}; pieces are 0 to {pieces - 1}")
    again = revealed[np.arange(games), array]
    if again.any():
        row = int(np.flatnonzero(again)[0])
        free = np.flatnonzero(~revealed[row]).tolist()
        raise UserError(f"piece {array[row]} is already on the table (game {row}); still to be shown: {free}")
    return array.astype(np.int64)


def rule(judge: Judge, cases: Cases, revealed: Bools) -> Floats:
    """Ask a judge and check what it says.

    Returns:
        (B, 2) scores.

    Raises:
        UserError: scores of another shape, NaN or infinite.
    """
    return check_scores(judge, judge.score(cases, revealed), len(cases))


def check_scores(judge: Judge, given: Floats, rulings: int) -> Floats:
    """Check what a judge said.

    Args:
        judge: who said it.
        given: should be (rulings, 2) finite numbers.
        rulings: how many it was asked for.

    Raises:
        UserError: it is not.
    """
    scores = np.asarray(given)
    if scores.shape != (rulings, 2) or scores.dtype.kind not in "fiu":
        raise UserError(
            f"judge {judge.fingerprint!r} gave {scores.dtype} scores of shape {scores.shape}, "
            f"expected numbers of shape ({rulings}, 2)"
        )
    if not np.isfinite(scores).all():
        row = int(np.argwhere(~np.isfinite(scores))[0][0])
        raise UserError(f"judge {judge.fingerprint!r} gave {scores[row].tolist()} on case {row}; scores must be finite")
    return scores.astype(np.float64)


def margins(scores: Floats) -> Floats:
    """(B, 2) scores -> (B,) by how much debater 0 leads."""
    lead: Floats = scores[:, 0] - scores[:, 1]
    return lead


def look_ahead(judge: Judge, cases: Cases, revealed: Bools) -> Floats:
    """(B, N) margin of debater 0 after each piece; as it is where the piece is on the table.

    Raises:
        UserError: a judge that gives no finite scores.
    """
    games, pieces = revealed.shape
    if isinstance(judge, ForesightJudge):
        flat = check_scores(judge, judge.after_each(cases, revealed).reshape(-1, 2), games * pieces)
        return margins(flat).reshape(games, pieces)
    rows = np.repeat(np.arange(games), pieces)
    grown = revealed[rows]
    grown[np.arange(len(rows)), np.tile(np.arange(pieces), games)] = True
    return margins(rule(judge, cases[rows], grown)).reshape(games, pieces)


def sigmoid(x: Floats) -> Floats:
    """Logistic function without overflow."""
    y: Floats = 0.5 * (1.0 + np.tanh(0.5 * x))
    return y


def payoffs(payoff: str, final: bool, before: Floats, after: Floats) -> Floats:
    """What debater 0 gets for a turn; debater 1 gets the negative.

    Args:
        payoff: `sign`, `margin` or `shaped`.
        final: the last turn.
        before: (B,) margins before the turn; read by `shaped` only.
        after: (B,) margins after it.
    """
    if payoff == "shaped":
        return sigmoid(after) - sigmoid(before)
    if not final:
        return np.zeros_like(after)
    return np.sign(after) if payoff == "sign" else after.copy()


def correct(cases: Cases, margin: Floats) -> Floats:
    """(B,) 1 where the preferred option won, 0.5 for a draw, 0 where it lost.

    Raises:
        UserError: a case whose preferred option is unknown.
    """
    if (cases.preferred < 0).any():
        raise UserError("the accuracy of a judge needs cases whose preferred option is known")
    toward = np.where(cases.preferred == 0, margin, -margin)
    return 0.5 * (1.0 + np.sign(toward))
