"""A rater that counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from progressgym.core.arguments import Count, Nonnegative


@dataclass(kw_only=True, frozen=True)
class Brevity:
    """Whether a text is short."""

    limit: Count = 200
    grey: Nonnegative = 0
    scale: tuple[str, ...] = ("short", "long")

    def rate(self, texts: Sequence[str]) -> Any:
        longer = np.array([len(text) - self.limit for text in texts], dtype=np.float64)
        short = np.clip(0.5 - longer / self.grey, 0.0, 1.0) if self.grey else (longer <= 0).astype(np.float64)
        return np.stack([short, 1.0 - short], axis=-1)

    def reason(self, text: str) -> str:
        return f"it has {len(text)} signs; up to {self.limit} are short"
