"""Sepsis as a known decision process: simulators whose dynamics are exact tables."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.envs.sepsis.icu import SepsisIcuEnv
    from progressgym.envs.sepsis.simulator import SepsisSimulatorEnv
    from progressgym.envs.sepsis.tables import FEATURES, icu_tables

__all__ = [
    "FEATURES",  # names of the 44 features
    "SepsisIcuEnv",  # treat a patient of an intensive care unit, from published tables
    "SepsisSimulatorEnv",  # treat a patient with sepsis, three treatments, four vital signs
    "icu_tables",  # read the tables
]
__getattr__ = lazy(
    __name__,
    {
        "icu": "SepsisIcuEnv",
        "simulator": "SepsisSimulatorEnv",
        "tables": "FEATURES icu_tables",
    },
)
