"""Drift explained in a benchmark: of every row, and of pairs of agents that ran the same seeds.

An agent's squared errors are small and kept beside its row, so that agents can be compared without running them again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from progressgym.bench.challenges import parse_challenge
from progressgym.bench.execute import baseline_of
from progressgym.bench.scoring import contributions, truth_of
from progressgym.core.files import read_npz
from progressgym.core.reading import numbers
from progressgym.scores.explained import Errors, Explained, Truth, drift_explained, squared_errors
from progressgym.scores.intervals import Interval
from progressgym.scores.records import Aggregate, ExplainedRecord, IntervalRecord

Floats = NDArray[np.float64]
Runs = tuple[tuple[str, int], ...]
"""History and seed of every run."""
PARTS = ("runs", "without", "people")


@dataclass(kw_only=True, frozen=True, eq=False)
class Compared:
    """An agent's errors beside those of never learning, on the same runs."""

    agent: Errors
    static: Errors
    seeds: tuple[int, ...] = ()
    """Of the runs."""

    def arrays(self, seeds: Sequence[int]) -> dict[str, NDArray[Any]]:
        """What is kept in a file."""
        both = {"agent": self.agent, "static": self.static}
        parts = {f"{name}_{part}": getattr(one, part) for name, one in both.items() for part in PARTS}
        return parts | {"seeds": np.array(seeds, dtype=np.int64)}

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read it back; None where the row of the file has none.

        Raises:
            UserError: a damaged file.
        """
        arrays = read_npz(path)
        if "agent_runs" not in arrays:
            return None

        def errors(name: str) -> Errors:
            return Errors(**{part: numbers(arrays[f"{name}_{part}"], f"{name}_{part} of {path}") for part in PARTS})

        return cls(agent=errors("agent"), static=errors("static"), seeds=tuple(arrays["seeds"].tolist()))


def compared(challenge: str, runs: Runs, contributions: Floats) -> Compared:
    """The errors of an agent.

    Args:
        challenge: id.
        runs: history and seed of S runs.
        contributions: (S, n, E, D) of the agent's answers, see `progressgym.bench.scoring.contributions`.
    """
    truth, static = _truth(challenge, runs)
    return Compared(agent=squared_errors(contributions, truth), static=static)


@lru_cache(maxsize=2)
def _truth(challenge: str, runs: Runs) -> tuple[Truth, Errors]:
    """The truth and the errors of never learning, kept for the next agent."""
    bases = [baseline_of(challenge, spec, seed) for spec, seed in runs]
    truth = truth_of(bases)
    return truth, squared_errors(contributions(parse_challenge(challenge), [base.static for base in bases]), truth)


def explained_by(errors: Compared) -> ExplainedRecord:
    """Drift explained of one agent."""
    explained = drift_explained(errors.agent, errors.static)
    return ExplainedRecord(interval=_record(explained), spread=explained.spread, shares=explained.shares)


def with_differences(rows: Sequence[Aggregate], errors: Callable[[Aggregate], Compared | None]) -> list[Aggregate]:
    """Rows with the paired differences to every other agent on the same challenge, history and seeds.

    Args:
        rows: rows of a benchmark.
        errors: finds the errors behind a row.
    """
    samples = [errors(row) if row.explained is not None else None for row in rows]
    places: dict[tuple[str, str, tuple[int, ...]], list[int]] = {}
    for k, (row, one) in enumerate(zip(rows, samples, strict=True)):
        if one is not None:
            places.setdefault((row.history, row.challenge, one.seeds), []).append(k)
    results = list(rows)
    for mine in places.values():
        for k in mine:
            ahead = {rows[o].agent: _ahead(samples[k], samples[o]) for o in mine if o != k}
            intervals = {name: interval for name, interval in ahead.items() if interval is not None}
            own = rows[k].explained
            if own is not None:
                results[k] = rows[k].model_copy(update={"explained": own.model_copy(update={"ahead": intervals})})
    return results


def _ahead(one: Compared | None, other: Compared | None) -> IntervalRecord | None:
    if one is None or other is None:
        return None
    return _record(drift_explained(one.agent, one.static, other=other.agent))


def _record(explained: Explained) -> IntervalRecord | None:
    interval: Interval | None = explained.interval
    return None if interval is None else IntervalRecord(low=interval.low, mid=interval.mid, high=interval.high)
