"""One debate at a table: what both flavours of the PettingZoo environment share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from progressgym.core.debate import Bools, Cases, Domain, Floats
from progressgym.core.errors import UserError, unknown
from progressgym.envs.debate.config import DebateConfig
from progressgym.envs.debate.rules import Rules, check_action, margins, payoffs, rule
from progressgym.envs.debate.transcript import Transcript, draw_array, draw_text
from progressgym.envs.debate.vector import flat_observation, observation_width

AGENTS = ("debater_0", "debater_1")
DECK = 64
"""Cases made at once."""
REACH = 10.0
"""Bound of an observation's numbers."""
Observation = dict[str, NDArray[Any]]


class Deck:
    """Cases to come, dealt one by one: made many at a time, which costs as much as making one."""

    def __init__(self, domain: Domain, rules: Rules, see_other: bool, rng: np.random.Generator) -> None:
        """Draw. Row after row the stream is that of `VectorDebate`, whatever the size of a deck."""
        uniforms = rng.random((DECK, 1 + domain.draws))
        self.cases = domain.cases(uniforms[:, 1:])
        openers = rules.openers(uniforms[:, 0])
        turns = [rules.mover(turn, openers) for turn in range(rules.turns)]
        self.movers: list[list[int]] = np.stack(turns, axis=1).tolist()
        nothing = np.zeros((DECK, domain.pieces), dtype=np.bool_)
        self.plain = [
            flat_observation(self.cases, nothing, np.full(DECK, side), 1.0, domain.decisions, see_other)
            for side in (0, 1)
        ]
        self.dealt = 0


class Table:
    """One debate: the case, what is on the table, and what a turn pays. What both flavours of the environment share."""

    def __init__(self, config: DebateConfig) -> None:
        self.rules = config
        domain, ruling = config.resolve()
        self.domain, self.judge = domain, ruling
        self.see_other, self.strict = config.see_other, config.repeats == "error"
        self.width = observation_width(domain, config.see_other)
        self.rng = np.random.default_rng()
        self._deck: Deck | None = None
        self.turn = self.rules.turns
        self.cases: Cases
        self.revealed: Bools
        self.shown: list[tuple[int, int | None]] = []
        self.movers: list[int] = []
        self.margin: float | None = None
        self._before: Floats = np.zeros(1)
        self._plain: list[NDArray[np.float32]] = []

    def reset(self, seed: int | None, options: Mapping[str, Any] | None) -> None:
        """Draw a case and an opener, as row 0 of `VectorDebate` does."""
        given = options.get("cases") if options else None
        if given is not None and (not isinstance(given, Cases) or len(given) != 1):
            raise UserError("options['cases'] must be Cases with one case")
        if seed is not None:
            self.rng, self._deck = np.random.default_rng(seed), None
        deck = self._deck
        if deck is None or deck.dealt == DECK:
            deck = self._deck = Deck(self.domain, self.rules, self.see_other, self.rng)
        row = deck.dealt
        cases = deck.cases[row : row + 1] if given is None else given
        revealed = np.zeros((1, self.domain.pieces), dtype=np.bool_)
        if self.rules.payoff == "shaped":
            self._before = margins(rule(self.judge, cases, revealed))
        deck.dealt += 1
        self.cases, self.revealed, self.movers = cases, revealed, deck.movers[row]
        self.shown, self.turn, self.margin = [], 0, None
        self._plain = [plain[row] for plain in deck.plain] if given is None else [self._flat(0), self._flat(1)]

    @property
    def done(self) -> bool:
        """The debate is over (or has not begun)."""
        return self.turn >= self.rules.turns

    @property
    def mover(self) -> int:
        """Whose turn it is; whose it was when all is over."""
        return self.movers[min(self.turn, self.rules.turns - 1)]

    def show(self, action: Any, *, repeat_is_waste: bool = False) -> float:
        """Show a piece; returns what debater 0 gets. Nothing has happened when this raises.

        Raises:
            UserError: no such piece, a piece on the table (with `repeats="error"`), a judge without finite scores.
        """
        piece = check_action(action, self.domain.pieces)
        again = bool(self.revealed[0, piece])
        if again and self.strict and not repeat_is_waste:
            free = np.flatnonzero(~self.revealed[0]).tolist()
            raise UserError(f"piece {piece} is already on the table; still to be shown: {free}")
        side, final = self.mover, self.turn == self.rules.turns - 1
        gain = 0.0
        if final or self.rules.payoff == "shaped":
            revealed = self.revealed.copy()
            revealed[0, piece] = True
            after = margins(rule(self.judge, self.cases, revealed))
            gain = float(payoffs(self.rules.payoff, final, self._before, after)[0])
            self._before = after
            self.margin = float(after[0])
        self.revealed[0, piece] = True
        self.shown.append((side, None if again else piece))
        self.turn += 1
        return gain

    def snapshot(self) -> tuple[Any, ...]:
        """What `restore` needs to undo later turns."""
        return self.turn, self.revealed.copy(), list(self.shown), self._before, self.margin

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        """Undo what happened since."""
        self.turn, self.revealed, self.shown, self._before, self.margin = snapshot

    def observe(self, side: int) -> Observation:
        """What a debater sees, fresh arrays."""
        flat = self._plain[side].copy()
        end = self.domain.pieces * self.domain.features
        flat[end : end + self.domain.pieces] = self.revealed[0]
        if self.see_other:
            flat[-1] = 1.0 - self.turn / self.rules.turns
        return {"observation": flat, "action_mask": (~self.revealed[0]).astype(np.int8)}

    def state(self) -> NDArray[np.float32]:
        """Everything: what debater 0 sees with the other's option, then 1 if it is debater 0's turn."""
        left = 1.0 - self.turn / self.rules.turns
        flat = flat_observation(self.cases, self.revealed, np.zeros(1, np.int64), left, self.domain.decisions, True)
        return np.append(flat[0], np.float32(self.mover == 0))

    def transcript(self) -> Transcript:
        """What there is to be drawn."""
        return Transcript(
            text=self.domain.text(self.cases, 0),
            names=AGENTS,
            shown=tuple(self.shown),
            turns=self.rules.turns,
            margin=self.margin if self.done else None,
        )

    def render(self, mode: str | None) -> Any:
        """Draw for a render mode."""
        if mode is None:
            gym.logger.warn('render() does nothing without a render mode: env(render_mode="ansi")')
            return None
        if not self.movers:
            raise gym.error.ResetNeeded("call reset() before render()")
        if mode == "rgb_array":
            return draw_array(self.transcript())
        text = draw_text(self.transcript())
        if mode == "ansi":
            return text
        print(text)
        return None

    def spaces(self) -> tuple[gym.Space[Any], gym.Space[Any], gym.Space[Any]]:
        """Of observations, actions and the state."""
        pieces = self.domain.pieces
        observation = gym.spaces.Dict(
            {
                "observation": gym.spaces.Box(-REACH, REACH, (self.width,), dtype=np.float32),
                "action_mask": gym.spaces.Box(0, 1, (pieces,), dtype=np.int8),
            }
        )
        wide = observation_width(self.domain, True) + 1
        return observation, gym.spaces.Discrete(pieces), gym.spaces.Box(-REACH, REACH, (wide,), dtype=np.float32)

    def info(self) -> dict[str, Any]:
        """After the debate, by how much each debater led."""
        return {"margin": self.margin, "ruling": int(np.sign(self.margin))} if self.margin is not None else {}

    def _flat(self, side: int) -> NDArray[np.float32]:
        eyes = np.array([side], dtype=np.int64)
        flat = flat_observation(self.cases, self.revealed, eyes, 1.0, self.domain.decisions, self.see_other)
        row: NDArray[np.float32] = flat[0]
        return row


def check_render_mode(mode: str | None, modes: list[str]) -> str | None:
    """Check the argument `render_mode`."""
    if mode is not None and mode not in modes:
        raise unknown("render mode", str(mode), modes)
    return mode
