"""Preference models: what explains and predicts which of two things is preferred."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.preferences.models.bradley_terry import BradleyTerry
    from progressgym.preferences.models.denoised import Denoised
    from progressgym.preferences.models.feature import FeatureReward
    from progressgym.preferences.models.fitted import FittedModel
    from progressgym.preferences.models.general import GeneralPreference
    from progressgym.preferences.models.ideal_point import IdealPoint
    from progressgym.preferences.models.meta import MetaReward
    from progressgym.preferences.models.protocol import PREFERENCE_MODELS, PreferenceModel
    from progressgym.preferences.models.regret import Regret
    from progressgym.preferences.models.user import UserConditioned

__all__ = [
    "PREFERENCE_MODELS",  # preference models, by name
    "BradleyTerry",  # a linear reward model
    "Denoised",  # a linear reward that asks first which labels to believe
    "FeatureReward",  # a reward model of few parameters
    "FittedModel",  # a preference model by its margins
    "GeneralPreference",  # preferences that may be cyclic
    "IdealPoint",  # mixtures of prototypes
    "MetaReward",  # a linear reward that has seen what it will be asked about
    "PreferenceModel",  # learns from pairs
    "Regret",  # a linear reward, seen through what would have been possible
    "UserConditioned",  # a shared reward, and a few directions in which users differ
]
__getattr__ = lazy(
    __name__,
    {
        "bradley_terry": "BradleyTerry",
        "denoised": "Denoised",
        "feature": "FeatureReward",
        "fitted": "FittedModel",
        "general": "GeneralPreference",
        "ideal_point": "IdealPoint",
        "meta": "MetaReward",
        "protocol": "PREFERENCE_MODELS PreferenceModel",
        "regret": "Regret",
        "user": "UserConditioned",
    },
)
