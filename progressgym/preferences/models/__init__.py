"""Preference models: what explains and predicts which of two things is preferred."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.preferences.models.bradley_terry import BradleyTerry
    from progressgym.preferences.models.protocol import PREFERENCE_MODELS, PreferenceModel

__all__ = [
    "PREFERENCE_MODELS",  # preference models, by name
    "BradleyTerry",  # a linear reward model
    "PreferenceModel",  # learns from pairs
]
__getattr__ = lazy(
    __name__,
    {
        "bradley_terry": "BradleyTerry",
        "protocol": "PREFERENCE_MODELS PreferenceModel",
    },
)
