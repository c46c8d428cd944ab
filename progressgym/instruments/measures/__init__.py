"""Instruments that are no questionnaire: one file each, its items in `progressgym/data/instruments/NAME`."""
