"""A rater that counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from progressgym.core.arguments import Count


@dataclass(kw_only=True, frozen=True)
class Brevity:
    """Whether a text is short."""

    limit: Count = 200
    scale: tuple[str, ...] = ("short", "long")

    def rate(self, texts: Sequence[str]) -> Any:
        short = np.array([float(len(text) <= self.limit) for text in texts])
        return np.stack([short, 1.0 - short], axis=-1)

    def reason(self, text: str) -> str:
        return f"it has {len(text)} signs; up to {self.limit} are short"
