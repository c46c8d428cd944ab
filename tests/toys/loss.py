"""A loss with a finite minimum."""

from typing import Any

from progressgym.core.arguments import Positive
from progressgym.losses import Margins


def squared(given: Margins, *, at: Positive = 1.0) -> Any:
    """y (m - at)^2 + (1 - y) (m + at)^2."""
    return given.target * (given.margin - at) ** 2 + (1.0 - given.target) * (given.margin + at) ** 2
