"""progressgym: environments, agents and honest scores for AI that keeps up with moral progress.

Importing the package registers the environments and loads nothing heavy: torch and transformers come in with the
first model, agent or training run.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import progressgym.envs  # noqa: F401  (registers the environments)

if TYPE_CHECKING:
    from progressgym.histories.history import History
    from progressgym.instruments.questionnaire import Questionnaire as Instrument
    from progressgym.models import load_model

__version__ = "0.1.0"
__all__ = ["History", "Instrument", "__version__", "load_model"]

_LAZY = {
    "History": "progressgym.histories.history",
    "Instrument": "progressgym.instruments.instrument",
    "load_model": "progressgym.models",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'progressgym' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
