"""Questionnaires and what they measure: items, loadings, readings of language models, the stance model. numpy only."""

from progressgym.instruments.instrument import DEFAULT_CONFIG, Instrument, ReadingConfig
from progressgym.instruments.item import Item
from progressgym.instruments.reading import Reading
from progressgym.instruments.stance import StanceModel

__all__ = ["DEFAULT_CONFIG", "Instrument", "Item", "Reading", "ReadingConfig", "StanceModel"]
