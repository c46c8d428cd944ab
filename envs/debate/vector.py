"""Thousands of debates at once, as arrays. The b-th game of a seed is the b-th episode of the PettingZoo environment.

All games have L turns, so they begin, go on and end together; a batch of games is one batch of array operations a
turn. Legend of shapes: B games, N pieces, F numbers a piece says, A options, L turns, W width of an observation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from progressgym.core.debate import Bools, Cases, Domain, Floats, Ints, Judge
from progressgym.core.errors import UserError
from progressgym.envs.debate.rules import Rules, check_actions, margins, payoffs, rule


@dataclass(kw_only=True, frozen=True, eq=False)
class Turn:
    """What a turn led to."""

    rewards: Floats
    """(B, 2) of both debaters; each row sums to 0."""
    done: bool
    """The debates are over."""
    margin: Floats | None
    """(B,) by how much debater 0 leads: after the last turn, and after every turn when the payoff is shaped."""


class VectorDebate:
    """B debates in lockstep.

    >>> from progressgym.envs.debate.domains import make_domain
    >>> domain, judge = make_domain("simulator")
    >>> games = VectorDebate(domain, judge, num_envs=3)
    >>> observation = games.reset(seed=0)
    >>> observation.shape == (3, games.width), games.mask().sum(1).tolist()
    (True, [7, 7, 7])
    >>> while not games.done:
    ...     turn = games.step(games.mask().argmax(1))
    >>> turn.rewards.sum(1).tolist()
    [0.0, 0.0, 0.0]
    """

    def __init__(
        self, domain: Domain, judge: Judge, *, num_envs: int, rules: Rules | None = None, see_other: bool = True
    ) -> None:
        """Prepare.

        Args:
            domain: where cases come from.
            judge: who rules.
            num_envs: B.
            rules: turns, payoff, order, opening.
            see_other: a debater sees the other's option too (the paper's debaters do not, and then learn slowly).

        Raises:
            UserError: fewer pieces than turns.
        """
        self.rules = rules or Rules()
        self.rules.fit(domain.pieces)
        self.domain, self.judge, self.num_envs, self.see_other = domain, judge, num_envs, see_other
        self._rng = np.random.default_rng()
        self.turn = self.rules.turns
        """Turns played, 0 to L."""
        self.cases: Cases
        """The cases in question."""
        self.openers: Ints
        """(B,) who opened."""
        self.revealed: Bools
        """(B, N) what is on the table."""
        self.shown: Ints
        """(B, L) pieces in the order in which they were shown; -1 to come."""
        self._margin: Floats

    @property
    def width(self) -> int:
        """W: N * F evidence, N shown, A own option, then (unless `see_other` is off) A other option and 1 turns left.

        With `see_other=False` and one number a piece this is the input of the paper's networks, 44 + 44 + 25.
        """
        return observation_width(self.domain, self.see_other)

    @property
    def done(self) -> bool:
        """The debates are over (or have not begun)."""
        return self.turn >= self.rules.turns

    @property
    def mover(self) -> Ints:
        """(B,) whose turn it is."""
        return self.rules.mover(self.turn, self.openers)

    def mask(self) -> Bools:
        """(B, N) pieces that may be shown."""
        return ~self.revealed

    def reset(
        self, seed: int | None = None, *, cases: Cases | None = None, openers: Ints | None = None
    ) -> NDArray[np.float32]:
        """Begin B debates.

        Args:
            seed: of all randomness; None goes on with the stream.
            cases: B given cases instead of drawn ones.
            openers: (B,) who opens, instead of as the rules say.

        Returns:
            (B, W) what the movers see.
        """
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        uniforms = self._rng.random((self.num_envs, 1 + self.domain.draws))
        chosen = self.domain.cases(uniforms[:, 1:]) if cases is None else cases
        opening = self.rules.openers(uniforms[:, 0]) if openers is None else np.asarray(openers, dtype=np.int64)
        if len(chosen) != self.num_envs or opening.shape != (self.num_envs,):
            raise UserError(f"{len(chosen)} cases and {len(opening)} openers for {self.num_envs} debates")
        nothing = np.zeros((self.num_envs, self.domain.pieces), dtype=np.bool_)
        shaped = self.rules.payoff == "shaped"
        margin = margins(rule(self.judge, chosen, nothing)) if shaped else np.zeros(self.num_envs)
        self.cases, self.openers, self.revealed, self._margin = chosen, opening, nothing, margin
        self.shown = np.full((self.num_envs, self.rules.turns), -1, dtype=np.int64)
        self.turn = 0
        return self.observe()

    def step(self, actions: Ints) -> Turn:
        """Show one piece in every game.

        Nothing has happened when this raises: the same turn can be tried again.

        Args:
            actions: (B,) pieces, by the movers.

        Raises:
            UserError: a piece that may not be shown, a judge that gives no finite scores, a debate that is over.
        """
        if self.done:
            raise UserError("the debates are over: call reset() before the next step()")
        pieces = check_actions(actions, self.revealed)
        rows = np.arange(self.num_envs)
        revealed = self.revealed.copy()
        revealed[rows, pieces] = True
        final = self.turn == self.rules.turns - 1
        asked = final or self.rules.payoff == "shaped"
        margin = margins(rule(self.judge, self.cases, revealed)) if asked else self._margin
        gain = payoffs(self.rules.payoff, final, self._margin, margin)
        self.revealed, self._margin = revealed, margin
        self.shown[:, self.turn] = pieces
        self.turn += 1
        return Turn(rewards=np.stack([gain, -gain], axis=1), done=final, margin=margin if asked else None)

    def observe(self, sides: Ints | None = None) -> NDArray[np.float32]:
        """What debaters see.

        Args:
            sides: (B,) whose eyes, the movers' when None.

        Returns:
            (B, W) float32, see `width`.
        """
        eyes = (self.openers if self.done else self.mover) if sides is None else sides
        left = 1.0 - self.turn / self.rules.turns
        return flat_observation(self.cases, self.revealed, eyes, left, self.domain.decisions, self.see_other)


def observation_width(domain: Domain, see_other: bool) -> int:
    """W; see `flat_observation`."""
    return domain.pieces * (domain.features + 1) + domain.decisions * (1 + see_other) + see_other


def flat_observation(
    cases: Cases, revealed: Bools, sides: Ints, turns_left: float, decisions: int, see_other: bool
) -> NDArray[np.float32]:
    """What debaters see, as one row of numbers.

    Args:
        cases: B cases.
        revealed: (B, N).
        sides: (B,) whose eyes.
        turns_left: share of the turns to come, 1 at the start.
        decisions: A.
        see_other: include the other's option and the turns left.

    Returns:
        (B, W): evidence N * F, shown N (1 or 0), own option one-hot A [, other option one-hot A, turns left 1].
    """
    games = len(cases)
    rows = np.arange(games)
    end = cases.evidence.shape[1] * cases.evidence.shape[2]
    pieces = revealed.shape[1]
    flat = np.zeros((games, end + pieces + decisions * (1 + see_other) + see_other), dtype=np.float32)
    flat[:, :end] = cases.evidence.reshape(games, end)
    flat[:, end : end + pieces] = revealed
    flat[rows, end + pieces + cases.options[rows, sides]] = 1.0
    if see_other:
        flat[rows, end + pieces + decisions + cases.options[rows, 1 - sides]] = 1.0
        flat[:, -1] = turns_left
    return flat
