"""The space of texts: any signs of any script, of bounded length."""

from __future__ import annotations

import string
from typing import Any

import gymnasium as gym
import numpy as np

SAMPLED = string.ascii_letters + string.digits + " .,\n"


class AnyText(gym.spaces.Text):
    """`gymnasium.spaces.Text` without an alphabet: items come in any language, and models write what they like."""

    def __init__(self, max_length: int, seed: int | None = None) -> None:
        """Up to `max_length` signs; samples are drawn from ASCII."""
        super().__init__(max_length, min_length=0, charset=SAMPLED, seed=seed)

    def contains(self, x: Any) -> bool:
        """Whether it is a text that is not too long."""
        return isinstance(x, str) and len(x) <= self.max_length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnyText) and self.max_length == other.max_length

    __hash__ = None  # type: ignore[assignment]  # as every space

    def __repr__(self) -> str:
        return f"Text({self.max_length})"


class NumberText(AnyText):
    """Texts of which the sampled ones name a number from 1 on."""

    def __init__(self, max_length: int, count: int, seed: int | None = None) -> None:
        """Up to `max_length` signs; samples are 1 to `count`."""
        super().__init__(max_length, seed)
        self.count = count

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """A number; (count,) of 0 and 1 as `mask` leaves out those of 0."""
        allowed = np.arange(self.count) if mask is None else np.flatnonzero(mask)
        return str(self.np_random.choice(allowed) + 1)
