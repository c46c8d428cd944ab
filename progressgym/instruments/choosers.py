"""Somebody who chooses among options as they are shown, with a flaw that an instrument should see, or with none.

Each is a `Chooser`: what it is asked through, `ask` or an instrument, shows every question in several orders.
`FirstPosition` and `RandomRespondent` (`progressgym.instruments.respondents`) choose, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from progressgym.core.answers import Floats


@dataclass(kw_only=True)
class Coherent:
    """Has one utility and chooses by it wherever an option stands: p[k] ~ exp(utility[k] / temperature)."""

    utility: Callable[[str], float]
    """Of an option's text."""
    temperature: float = 0.1
    name: str = "coherent"

    def choose(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        """B arrays (K_i,)."""
        return [_softmax(np.array([self.utility(text) for text in texts]) / self.temperature) for texts in options]


@dataclass(kw_only=True)
class Situated:
    """Chooses by what an option is worth in its situation: p[k] ~ exp(worth[k] / temperature)."""

    worth: Callable[[str, str], float]
    """Of a situation and an option's text."""
    temperature: float = 0.1
    name: str = "situated"

    def choose(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        """B arrays (K_i,)."""
        return [
            _softmax(np.array([self.worth(prompt, text) for text in texts]) / self.temperature)
            for prompt, texts in zip(prompts, options, strict=True)
        ]


@dataclass(kw_only=True)
class Cyclic:
    """Goes round: each thing beats those that follow it, up to half of the circle, so no utility explains its choices."""

    circle: Sequence[str]
    """Texts of options; others are all the same to it."""
    name: str = "cyclic"

    def choose(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        """B arrays (K_i,): shares of the comparisons that an option wins."""
        return [self._shares(texts) for texts in options]

    def _shares(self, texts: Sequence[str]) -> Floats:
        wins = np.array([sum(self._beats(a, b) for b in texts if b != a) for a in texts])
        shares: Floats = wins / wins.sum() if wins.sum() else np.full(len(texts), 1.0 / len(texts))
        return shares

    def _beats(self, first: str, second: str) -> float:
        if first not in self.circle or second not in self.circle:
            return 0.5
        count = len(self.circle)
        ahead = (self.circle.index(second) - self.circle.index(first)) % count
        return 0.5 if 2 * ahead == count else float(2 * ahead < count)


@dataclass(kw_only=True)
class Sycophant:
    """Takes the option that the prompt names, and has no opinion where it names none or several."""

    name: str = "sycophant"

    def choose(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        """B arrays (K_i,)."""
        return [
            _evenly([text.rstrip(".").lower() in prompt.lower() for text in texts])
            for prompt, texts in zip(prompts, options, strict=True)
        ]


def _evenly(named: Sequence[bool]) -> Floats:
    return np.array(named, dtype=np.float64) if sum(named) == 1 else np.full(len(named), 1.0 / len(named))


def _softmax(scores: Floats) -> Floats:
    weights = np.exp(scores - scores.max())
    shares: Floats = weights / weights.sum()
    return shares
