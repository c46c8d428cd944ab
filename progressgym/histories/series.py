"""What an instrument reads of every step of a history: a table of steps by measures.

The answers that a history holds to its own questionnaire are there already, people's as well as models'; every other
instrument asks its century models.

Legend of shapes: T steps, D dimensions of the instrument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from progressgym.core.answers import Floats
from progressgym.histories.history import ANSWERS_FILE, RESAMPLED, SYNTHETIC, History, shipped_names
from progressgym.histories.names import INSTALLED
from progressgym.instruments.diversity import diversity
from progressgym.instruments.loadings import item_index, strengths
from progressgym.instruments.protocol import Z95, Reading

BUILD_FILE = "recipe.json"


@dataclass(kw_only=True, frozen=True, eq=False)
class Series:
    """An instrument's values of the steps of a history."""

    instrument: str
    labels: tuple[str, ...]
    """T names of steps."""
    dimensions: tuple[str, ...]
    """D names."""
    values: Floats
    """(T, D); NaN where nothing is measured, or what was is not fit."""
    interval: Floats
    """(2, T, D) of 95 %; infinite where nothing is known of the error."""
    unfit: tuple[Mapping[str, str], ...]
    """For every step: dimension -> why it has no value."""
    on19: Floats
    """(T, 19) what it says of the 19 dimensions; NaN where it says nothing."""
    flags: tuple[Mapping[str, float], ...] = ()
    """For every step, signs of bad answers."""
    mode: str = ""
    """How models were asked, or `answers`."""

    def to_record(self) -> dict[str, Any]:
        """As a JSON object, None where there is no value and for ends without bound."""
        return {
            "instrument": self.instrument,
            "mode": self.mode,
            "labels": list(self.labels),
            "values": {name: _finite(self.values[:, d]) for d, name in enumerate(self.dimensions)},
            "low": {name: _finite(self.interval[0, :, d]) for d, name in enumerate(self.dimensions)},
            "high": {name: _finite(self.interval[1, :, d]) for d, name in enumerate(self.dimensions)},
            "unfit": {label: dict(why) for label, why in zip(self.labels, self.unfit, strict=True) if why},
            "flags": {label: dict(signs) for label, signs in zip(self.labels, self.flags, strict=False)},
        }


def is_history(spec: str) -> bool:
    """Whether a text names a history, or a build of century models, rather than a model."""
    if spec.startswith((SYNTHETIC, RESAMPLED)) or spec.partition("?")[0] in (*shipped_names(), *INSTALLED):
        return True
    path = Path(spec)
    return path.suffix == ".npz" or (path / ANSWERS_FILE).is_file() or (path / BUILD_FILE).is_file()


def stored_series(history: History, half: str = "") -> Series:
    """What the answers that a history holds say; the interval is of people who were asked, else over items.

    Args:
        history: whose answers.
        half: of its questionnaire, `A` or `B`; "" for all of it.
    """
    instrument = history.instrument
    items = {"": None, "A": instrument.elicitation, "B": instrument.evaluation}[half]
    index = item_index(items, len(instrument))
    asked = history.asked[:, index]
    measured = asked @ strengths(instrument.loadings[index]) > 0
    if history.people is not None:
        errors = history.sampling_error(items)
    elif history.complete:
        errors = instrument.standard_error(history.answers, items)
    else:
        errors = np.full(measured.shape, np.inf)
    values = np.where(measured, history.values(items), np.nan)
    return Series(
        instrument=f"{instrument.name} {half}".rstrip(),
        labels=history.labels,
        dimensions=instrument.dimensions,
        values=values,
        interval=values + Z95 * np.stack([-errors, errors]),
        unfit=({},) * len(history),
        on19=values,
        flags=tuple(
            diversity(answers[there], instrument.option_counts[index][there]).flags if there.any() else {}
            for answers, there in zip(history.answers[:, index].astype(np.float64), asked, strict=True)
        ),
        mode="answers",
    )


def half_series(history: History) -> list[Series]:
    """The two halves of a history's questionnaire: two instruments that share no question, and people answer both.

    None where other questions were asked in other steps: their values differ also by what was asked.
    """
    return [stored_series(history, half) for half in "AB"] if history.complete else []


def series_of(labels: Sequence[str], readings: Sequence[Reading]) -> Series:
    """What was read of the models of every step by one instrument."""
    covered = np.array([reading.covered for reading in readings])
    return Series(
        instrument=readings[0].instrument,
        labels=tuple(labels),
        dimensions=readings[0].dimensions,
        values=np.where(covered, [reading.values for reading in readings], np.nan),
        interval=np.where(covered, np.array([reading.interval for reading in readings]).swapaxes(0, 1), np.nan),
        unfit=tuple(reading.unfit for reading in readings),
        on19=np.array([[np.nan if v is None else v for v in reading.to19.values()] for reading in readings]),
        flags=tuple(reading.flags for reading in readings),
        mode=readings[0].mode,
    )


def _finite(values: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
