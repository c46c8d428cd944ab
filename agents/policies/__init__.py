"""Policies: what an agent adjusts."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.agents.policies.language_model import LanguageModelPolicy
    from progressgym.agents.policies.stance_policy import StancePolicy

__all__ = [
    "LanguageModelPolicy",  # one language model with its current trainable state
    "StancePolicy",  # a batch of policies around tables of their own
]
__getattr__ = lazy(
    __name__,
    {
        "language_model": "LanguageModelPolicy",
        "stance_policy": "StancePolicy",
    },
)
