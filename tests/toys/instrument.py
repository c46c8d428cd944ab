"""An instrument of two questions, in units of its own."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from progressgym.instruments.ask import ask
from progressgym.instruments.protocol import Question, Reading


@dataclass(kw_only=True, frozen=True)
class Punctuality:
    """How surely somebody keeps an appointment."""

    mode: str = "letter"
    name: str = "punctuality"
    dimensions: tuple[str, ...] = ("promise", "haste")

    def questions(self) -> tuple[Question, ...]:
        return (
            Question(id="noon", prompt="I said noon, and it is noon.", options=("I run.", "I stroll.")),
            Question(id="rain", prompt="It rains, and she waits.", options=("I go.", "I stay.", "I write to her.")),
        )

    def read(self, respondent: Any) -> Reading:
        asked = ask(respondent, self.questions(), mode=self.mode)
        first = asked.answers[:, 0]
        values = np.array([first.mean(), first[0]])
        interval = values + np.array([[-1.0], [1.0]]) * [first.std(), np.inf]
        return Reading.of(asked, self, values=values, interval=interval)
