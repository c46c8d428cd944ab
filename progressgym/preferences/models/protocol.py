"""What a preference model is, and those that can be asked for by name."""

from __future__ import annotations

from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.registry import Entry, Registry
from progressgym.preferences.pairs import Pairs


@runtime_checkable
class PreferenceModel(Protocol):
    """Learns from pairs; a dataclass whose fields are its arguments."""

    def fit(self, pairs: Pairs) -> Self:
        """Learn; pairs of weight 0 count for nothing. Returns itself."""
        ...

    def margin(self, pairs: Pairs) -> Any:
        """Log-odds (n,) that left is preferred; of the pairs told from the other side, the same with the other sign."""
        ...


PREFERENCE_MODELS = Registry(
    "preference model",
    (
        Entry(
            "bradley-terry",
            "a linear reward whose differences are log-odds",
            "progressgym.preferences.models.bradley_terry:BradleyTerry",
        ),
    ),
    group="progressgym.preference_models",
    row=Entry,
)


def fitted_margins(asked: str, sample: Pairs, wanted: Pairs) -> NDArray[np.float64]:
    """Margins (n,) of `wanted` by the model of an id, fitted to `known`.

    Raises:
        UserError: no such model, or margins that are not n finite numbers.
    """
    model = PREFERENCE_MODELS.make(asked)
    if not isinstance(model, PreferenceModel):
        raise UserError(f"preference model {asked!r} is a {type(model).__name__}, which lacks fit() or margin()")
    margins = np.asarray(model.fit(sample).margin(wanted), dtype=np.float64)
    if margins.shape != (len(wanted),) or not np.isfinite(margins).all():
        raise UserError(f"preference model {asked!r} gives no {len(wanted)} finite margins")
    return margins
