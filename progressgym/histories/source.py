"""Where an environment's histories come from: one fixed history, a distribution, or a choice of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from progressgym.core.errors import UserError
from progressgym.histories.history import SYNTHETIC, History
from progressgym.histories.splits import parse_split
from progressgym.histories.synthetic import DEFAULT_INSTRUMENT, SyntheticSpec, synthetic_history
from progressgym.instruments.questionnaire import Questionnaire

HistorySpec = str | Path | History | Sequence[str | Path | History]
"""What users may write where a history is asked for."""


@dataclass(frozen=True)
class HistorySource:
    """One or several histories or distributions of histories, all over one instrument and equally long."""

    entries: tuple[History | SyntheticSpec, ...]
    """What is drawn from, with equal chances."""
    instrument: Questionnaire
    """What all of them answer."""
    centuries: int
    """T."""

    @property
    def fixed(self) -> History | None:
        """The history, when there is only one; then sampling consumes no randomness."""
        only = self.entries[0]
        return only if len(self.entries) == 1 and isinstance(only, History) else None

    @property
    def complete(self) -> bool:
        """Whether every item is asked in every step of all of them."""
        return all(not isinstance(entry, History) or entry.complete for entry in self.entries)

    def sample(self, rng: np.random.Generator) -> History:
        """Draw a history. A fixed one is returned as it is and `rng` is left alone.

        Args:
            rng: for example an environment's `np_random`; only its `random` is used.
        """
        if self.fixed is not None:
            return self.fixed
        entry = self.entries[0]
        if len(self.entries) > 1:
            entry = self.entries[int(float(rng.random()) * len(self.entries))]
        if isinstance(entry, History):
            return entry
        return synthetic_history(entry, instrument=self.instrument, rng=rng)


def resolve_history(spec: HistorySpec, instrument: Questionnaire | str | None = None) -> HistorySource:
    """Read what a user wrote into a source of histories.

    Args:
        spec: a history; a shipped name, folder or file; a synthetic id (a distribution when it has no seed); a
            resampled id; any fixed one with `split=3`; or a list of these, of which one is drawn each time.
        instrument: of synthetic histories, and what loaded ones must answer; `moral19-v1` by default for the first.

    Raises:
        UserError: an unknown history, an empty list, or histories that do not fit each other.
    """
    asked = Questionnaire.load(instrument) if isinstance(instrument, str) else instrument
    parts: list[object] = list(spec) if isinstance(spec, (list, tuple)) else [spec]
    if not parts:
        raise UserError("history is an empty list; name at least one history")
    loaded = [_read(part, asked) for part in parts]
    instruments = [entry.instrument for entry in loaded if isinstance(entry, History)]
    own = asked or (instruments[0] if instruments else Questionnaire.load(DEFAULT_INSTRUMENT))
    entries = tuple(_named(entry, own) for entry in loaded)
    lengths = {len(entry) if isinstance(entry, History) else entry.centuries for entry in entries}
    if any(entry.instrument != own for entry in entries if isinstance(entry, History)):
        raise UserError(f"every history must answer instrument {own.name!r} ({own.hash[:12]}); one answers another")
    if len(lengths) > 1:
        raise UserError(f"histories of {sorted(lengths)} centuries cannot share an environment; use equally long ones")
    return HistorySource(entries, own, lengths.pop())


def _read(part: object, instrument: Questionnaire | None) -> History | SyntheticSpec:
    if isinstance(part, History):
        return part
    if isinstance(part, str) and part.startswith(SYNTHETIC) and parse_split(part)[0] == part:
        return SyntheticSpec.parse(part)
    if isinstance(part, (str, Path)):
        return History.load(part, instrument)
    raise UserError(f"a history is a name, a path or a History object, not {type(part).__name__}")


def _named(entry: History | SyntheticSpec, instrument: Questionnaire) -> History | SyntheticSpec:
    """Make the history of a synthetic id with a seed; leave distributions as they are."""
    if isinstance(entry, SyntheticSpec) and entry.seed is not None:
        return synthetic_history(entry, instrument=instrument)
    return entry
