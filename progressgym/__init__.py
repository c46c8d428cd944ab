"""progressgym: environments, agents and honest scores for AI that keeps up with moral progress.

Importing the package registers the environments and loads nothing heavy: torch and transformers come in with the
first model, agent or training run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import progressgym.envs  # noqa: F401  (registers the environments)
from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.histories.history import History
    from progressgym.instruments.questionnaire import Questionnaire as Instrument
    from progressgym.models import load_model

__version__ = "0.1.0"
__all__ = [
    "History",  # answers of every century to every item of an instrument
    "Instrument",  # the questionnaire that environments and histories stand on
    "__version__",
    "load_model",  # load a language model, or reach one behind an endpoint: whatever scores options
]
__getattr__ = lazy(__name__, {"histories": "History", "instruments": "Instrument", "models": "load_model"})


def __dir__() -> list[str]:
    return sorted(__all__)
