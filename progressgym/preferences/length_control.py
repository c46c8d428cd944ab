"""Length control: a preference model that is not paid for length, by one of three ways.

| `control` | fits | says |
|---|---|---|
| `none` | with length as a feature | what it learned, length included |
| `residual`, the default | with length as a feature | the same with both lengths set equal |
| `one-sided` | without the pairs whose preferred side is longer by `ratio` (2501.12368's rule) | what it learned |

`one-sided` selects on the label, so it turns the sign of what length is worth instead of removing it. `residual` works
whichever way length counts. What other features know of length (counts of words) stays.

The last feature of both sides is the logarithm of a length; `with_length` puts it there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.arguments import Named, OneOf, Positive, check_fields
from progressgym.core.errors import UserError
from progressgym.preferences.models.protocol import PREFERENCE_MODELS, PreferenceModel
from progressgym.preferences.pairs import Pairs

CONTROLS = ("none", "residual", "one-sided")


@dataclass(kw_only=True)
class LengthControlled:
    """A preference model of an id, with a hand on what length is worth."""

    model: Annotated[str, Named(PREFERENCE_MODELS)] = "bradley-terry"
    """What learns."""
    control: Annotated[str, OneOf("control", CONTROLS)] = "residual"
    """What is done about length."""
    ratio: Positive = 1.3
    """Of `one-sided`: so many times as long is significantly longer."""
    fitted: PreferenceModel | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check names and ranges."""
        check_fields(self)

    def fit(self, pairs: Pairs) -> Self:
        """Learn.

        Raises:
            UserError: the rule leaves no pair.
        """
        if self.control == "one-sided":
            longer = (pairs.left[:, -1] - pairs.right[:, -1]) * np.where(pairs.target >= 0.5, 1.0, -1.0)
            pairs = pairs[longer <= np.log(self.ratio)]
            if not len(pairs):
                raise UserError(f"in every pair the preferred side is more than {self.ratio:g} times as long")
        made: PreferenceModel = PREFERENCE_MODELS.make(self.model)
        self.fitted = made.fit(pairs)
        return self

    def margin(self, pairs: Pairs) -> Any:
        """Log-odds (n,) that left is preferred.

        Raises:
            UserError: not fitted.
        """
        if self.fitted is None:
            raise UserError("a length-controlled model was not fitted")
        if self.control == "residual":
            pairs = replace(pairs, left=_without(pairs.left), right=_without(pairs.right))
        return self.fitted.margin(pairs)


def with_length(pairs: Pairs, left: ArrayLike, right: ArrayLike) -> Pairs:
    """Pairs with the logarithm of their sides' lengths as the last feature.

    Args:
        pairs: n of them.
        left: (n,) lengths, 0 or more; 1 is added before the logarithm.
        right: (n,).

    Raises:
        UserError: other shapes, or lengths that are negative or not finite.
    """
    lengths = [np.asarray(side, dtype=np.float64) for side in (left, right)]
    for side in lengths:
        if side.shape != (len(pairs),) or not np.isfinite(side).all() or (side < 0).any():
            raise UserError(f"lengths of {len(pairs)} pairs are as many numbers from 0 on; got {side.shape}")
    both = [
        np.column_stack([old, np.log1p(side)]) for old, side in zip((pairs.left, pairs.right), lengths, strict=True)
    ]
    return replace(pairs, left=both[0], right=both[1])


def _without(features: NDArray[np.float64]) -> NDArray[np.float64]:
    changed = features.copy()
    changed[:, -1] = 0.0
    return changed
