"""Instruments that are no questionnaire: one file each, its items in `progressgym/data/instruments/NAME`."""

from progressgym.instruments.measures.bank import shipped_bank

__all__ = [
    "shipped_bank",  # the items of an instrument that ships
]
