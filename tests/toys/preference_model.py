"""A preference model without any solver."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from progressgym.core.arguments import Positive
from progressgym.preferences.pairs import Pairs


@dataclass(kw_only=True)
class MeanDifference:
    """Likes what was liked on average: m = gain * mean((2 y - 1) difference) . difference."""

    gain: Positive = 1.0

    def fit(self, pairs: Pairs) -> Self:
        signs = pairs.weight * (2.0 * np.nan_to_num(pairs.target, nan=0.5) - 1.0)
        self.direction = self.gain * signs @ pairs.difference / max(pairs.weight.sum(), 1.0)
        return self

    def margin(self, pairs: Pairs) -> Any:
        return pairs.difference @ self.direction
