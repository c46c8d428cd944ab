"""Language models: loading them and scoring options. Importing this package imports no torch."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.models.cache import AnswerCache
    from progressgym.models.language_model import LanguageModel
    from progressgym.models.load import load_language_model, load_model, locate, resolve_base

__all__ = [
    "AnswerCache",  # a least-recently-used cache of answers (N, K) on disk
    "LanguageModel",  # a causal language model and its tokenizer
    "load_language_model",  # load a language model with its weights
    "load_model",  # load a language model, or reach one behind an endpoint: whatever scores options
    "locate",  # the folder or GGUF file that a spec names
    "resolve_base",  # the folder of a base model that adapters are trained on
]
__getattr__ = lazy(
    __name__,
    {
        "cache": "AnswerCache",
        "language_model": "LanguageModel",
        "load": "load_language_model load_model locate resolve_base",
    },
)
