"""Language models: loading them and scoring options. Importing this package imports no torch."""

from progressgym.models.load import load_language_model, load_model, locate, resolve_base

__all__ = ["load_language_model", "load_model", "locate", "resolve_base"]
