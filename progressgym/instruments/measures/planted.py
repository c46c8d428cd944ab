"""Somebody who answers every question of an instrument by the worth of its options: whom instruments are tested with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

import numpy as np

from progressgym.core.answers import Floats


def shares(worths: Sequence[float]) -> list[float]:
    """exp(worth) over their sum.

    >>> shares([0.0, 0.0])
    [0.5, 0.5]
    """
    weights = [exp(worth) for worth in worths]
    return [weight / sum(weights) for weight in weights]


@dataclass(kw_only=True)
class Informed:
    """Chooses by what each option is worth under its question, p[k] ~ exp(worth), wherever the option stands."""

    worth: Mapping[str, Mapping[str, float]]
    """Prompt -> option -> worth; an even choice under any other prompt."""
    name: str = "informed"

    def choose(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        """B arrays (K_i,)."""
        return [
            np.array(shares([self.worth.get(prompt, {}).get(text, 0.0) for text in texts]))
            for prompt, texts in zip(prompts, options, strict=True)
        ]
