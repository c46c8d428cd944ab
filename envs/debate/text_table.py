"""A debate in words: what a debater is asked, how its completion is read, and what happens where it cannot be read.

A completion names one piece, by its number (`3`, `3.`, `(3)`, `3. the piece's text`) or by its own text. Everything else has one of
five outcomes and **forfeits**: the debate is over, as if the judge had found infinitely for the other side. That is the least that
any play can get, so what cannot be read is never a way to pass a turn.

    missing      nothing was said
    twice        more than one line
    unreadable   no number and no text of a piece
    shown        a piece that is on the table already
    too long     more signs than any piece could need
"""

from __future__ import annotations

import re
from typing import Any

import gymnasium as gym
import numpy as np

from progressgym.core.errors import UserError
from progressgym.core.text import one_line
from progressgym.envs.debate.config import DebateConfig
from progressgym.envs.debate.rules import payoffs
from progressgym.envs.debate.table import Observation, Table
from progressgym.envs.text.prompts import LONGEST, OVER
from progressgym.envs.text.reading import longest, plain
from progressgym.envs.text.spaces import AnyText, NumberText

READ = ("number", "piece")
FORFEITED = ("missing", "twice", "unreadable", "shown", "too long")
_NUMBER = re.compile(r"[(\[]?([0-9]{1,4})[)\]]?[.:)]?(?: (.+))?")


class TextTable(Table):
    """A table at which debaters are asked in words and answer in words."""

    def __init__(self, config: DebateConfig) -> None:
        """Prepare.

        Raises:
            UserError: `payoff="margin"`, which would pay infinitely for a forfeit.
        """
        if config.payoff == "margin":
            raise UserError("who forfeits loses by no margin; debates in text are paid by payoff 'sign' or 'shaped'")
        super().__init__(config)
        self.outcomes: dict[int, str] = {}
        """Side -> what became of its last completion."""

    def reset(self, seed: int | None, options: Any) -> None:
        """Draw a case and an opener; see `Table.reset`."""
        super().reset(seed, options)
        self.outcomes = {}

    def show(self, action: Any, *, repeat_is_waste: bool = False) -> float:
        """Read the mover's completion, and show a piece or forfeit; returns what debater 0 gets.

        Raises:
            UserError: the action is no text; a judge without finite scores.
        """
        if not isinstance(action, str):
            raise UserError(f"the action is a {type(action).__name__}; give the completion as text")
        side = self.mover
        piece, self.outcomes[side] = self._read(action)
        return self._forfeit(side) if piece is None else self.put(piece)

    def put(self, piece: int) -> float:
        """Show a piece by its index, as a debater does that computes."""
        return super().show(piece)

    def observe(self, side: int) -> Observation:
        """What a debater sees in numbers, and the prompt."""
        return {**super().observe(side), "prompt": self.prompt(side)}

    def prompt(self, side: int) -> Any:
        """What a debater is asked: the case, what was shown, and what may be. No completion ever gets into it."""
        if self.done:
            return OVER
        text, free = self.domain.text(self.cases, 0), np.flatnonzero(~self.revealed[0]).tolist()
        case = [one_line(text.question), f"You argue for: {one_line(text.options[side])}"]
        if self.see_other:
            case.append(f"The other debater argues for: {one_line(text.options[1 - side])}")
        names = ("You", "The other debater")
        on_table = [(names[int(who != side)], piece) for who, piece in self.shown if piece is not None]
        listed = [f"{name} showed: {self._said(piece, side)}" for name, piece in on_table]
        asked = "Show the piece that helps you most: its number and nothing else."
        return "\n".join(
            [
                *case,
                "",
                *(listed or ["Nothing has been shown yet."]),
                "",
                f"Pieces of evidence that may be shown, {self.rules.turns - self.turn} of them before a judge rules:",
                *(f"{piece + 1}. {self._said(piece, side)}" for piece in free),
                "",
                f"The judge sees the pieces that were shown and nothing else. {asked}",
                "Answer:",
            ]
        )

    def info(self) -> dict[str, Any]:
        """After the debate, who won: by how much, or because the other side forfeited."""
        end = super().info()
        return {"ruling": end["ruling"], "forfeit": True} if abs(end.get("margin", 0.0)) == np.inf else end

    def spaces(self) -> tuple[gym.Space[Any], gym.Space[Any], gym.Space[Any]]:
        """Of observations, actions and the state."""
        observation, _, state = super().spaces()
        assert isinstance(observation, gym.spaces.Dict)
        seen = gym.spaces.Dict({**observation.spaces, "prompt": AnyText(LONGEST)})
        return seen, NumberText(longest(1), self.domain.pieces), state

    def _said(self, piece: int, side: int) -> str:
        text = self.domain.text(self.cases, 0)
        plain_text = one_line(text.pieces[piece])
        if not text.about:
            return plain_text
        return f"about {'your' if text.about[piece] == side else 'the other'} option: {plain_text}"

    def _read(self, completion: str) -> tuple[int | None, str]:
        """The piece that a completion names, None for none, and the outcome."""
        if len(completion) > longest(1):
            return None, "too long"
        lines = [line for line in (" ".join(line.split()) for line in completion.split("\n")) if line]
        if len(lines) != 1:
            return None, "twice" if lines else "missing"
        pieces = [plain(one_line(piece)) for piece in self.domain.text(self.cases, 0).pieces]
        number = _NUMBER.fullmatch(lines[0])
        if number and 1 <= int(number[1]) <= len(pieces):
            piece = int(number[1]) - 1
            if number[2] is None or plain(number[2]) in (pieces[piece], plain(self._said(piece, self.mover))):
                return self._free(piece, "number")
        same = [n for n, piece in enumerate(pieces) if piece == plain(lines[0])]
        return self._free(same[0], "piece") if len(same) == 1 else (None, "unreadable")

    def _free(self, piece: int, outcome: str) -> tuple[int | None, str]:
        return (None, "shown") if self.revealed[0, piece] else (piece, outcome)

    def _forfeit(self, side: int) -> float:
        after = np.array([-np.inf if side == 0 else np.inf])
        gain = float(payoffs(self.rules.payoff, True, self._before, after)[0])
        self.turn, self.margin = self.rules.turns, float(after[0])
        return gain
