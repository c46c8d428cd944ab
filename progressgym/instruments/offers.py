"""Offers of money for an inconvenience, by phrasing, quantity and reward.

Legend of shapes: Q quantities of a scenario, R rewards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from progressgym.core.errors import UserError, unknown

KINDS = ("wait", "walk", "delay")
ANSWERS = ("I accept.", "I decline.")
REWARDS = 10.0 ** np.linspace(-1, 3, 9)
"""(R,) in euros: 0.1 to 1,000, every second a power of ten."""
ROUND = (4, 6)
"""Places of 10 and 100 euros."""
QUANTITIES = 4
"""Q of every scenario: none, a little, the one that has a price, much."""
PRICED = 2


@dataclass(kw_only=True, frozen=True)
class Scenario:
    """An offer in one phrasing."""

    id: str
    kind: str
    prompt: str
    """With `{quantity}` and `{reward}`."""
    quantities: tuple[float, ...]
    """Q rising numbers, the first of them 0."""

    def __post_init__(self) -> None:
        """Check what a file can get wrong."""
        if self.kind not in KINDS:
            raise unknown("kind of inconvenience", self.kind, KINDS)
        if self.prompt.count("{quantity}") != 1 or self.prompt.count("{reward}") != 1:
            raise UserError("a prompt needs {quantity} and {reward}, once each")
        if len(self.quantities) != QUANTITIES or self.quantities[0] != 0 or min(np.diff(self.quantities)) <= 0:
            raise UserError(f"quantities are {QUANTITIES} rising numbers that begin with 0")

    def offer(self, quantity: float, reward: float) -> str:
        """What is offered."""
        return self.prompt.replace("{quantity}", f"{quantity:g}").replace("{reward}", f"{reward:.2f} euros")
