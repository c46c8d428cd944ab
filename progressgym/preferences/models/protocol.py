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
        Entry(
            name="feature",
            summary="a reward of few readable features, with hidden units if asked",
            target="progressgym.preferences.models.feature:FeatureReward",
        ),
        Entry(
            name="hrc",
            summary="a reward and what goes round in circles beside it",
            target="progressgym.preferences.models.general:GeneralPreference",
            fixed={"transitive": True},
        ),
        Entry(
            name="gpm",
            summary="preferences as turns of planes, a reward being one of them",
            target="progressgym.preferences.models.general:GeneralPreference",
            fixed={"transitive": False},
        ),
        Entry(
            name="pal",
            summary="everybody's ideal point, a mixture of a few prototypes",
            target="progressgym.preferences.models.ideal_point:IdealPoint",
        ),
        Entry(
            name="user",
            summary="a reward conditioned on who asks, by a few of their answers",
            target="progressgym.preferences.models.user:UserConditioned",
        ),
        Entry(
            name="denoised",
            summary="a reward that asks first which labels to believe",
            target="progressgym.preferences.models.denoised:Denoised",
        ),
        Entry(
            name="meta",
            summary="a reward that has seen, unlabelled, what it will be asked about",
            target="progressgym.preferences.models.meta:MetaReward",
        ),
        Entry(
            name="regret",
            summary="segments of behaviour by what would have been possible",
            target="progressgym.preferences.models.regret:Regret",
        ),
    ),
    group="progressgym.preference_models",
    row=Entry,
)


def fitted_margins(asked: str, sample: Pairs, wanted: Pairs) -> NDArray[np.float64]:
    """Margins (n,) of `wanted` by the model of an id, fitted to `sample`.

    Raises:
        UserError: no such model, or margins that are not n finite numbers.
    """
    return margins_of(make_model(asked).fit(sample), wanted, asked)


def make_model(asked: str) -> PreferenceModel:
    """The model of an id.

    Raises:
        UserError: no such model, or one that cannot be fitted or asked.
    """
    model = PREFERENCE_MODELS.make(asked)
    if not isinstance(model, PreferenceModel):
        raise UserError(f"preference model {asked!r} is a {type(model).__name__}, which lacks fit() or margin()")
    return model


def margins_of(model: PreferenceModel, wanted: Pairs, asked: str) -> NDArray[np.float64]:
    """Margins (n,) of a fitted model.

    Args:
        model: the model.
        wanted: n pairs.
        asked: its id, for the error.

    Raises:
        UserError: margins that are not n finite numbers.
    """
    margins = np.asarray(model.margin(wanted), dtype=np.float64)
    if margins.shape != (len(wanted),) or not np.isfinite(margins).all():
        raise UserError(f"preference model {asked!r} gives no {len(wanted)} finite margins")
    return margins
