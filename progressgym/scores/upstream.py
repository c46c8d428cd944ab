"""Result files of the original ProgressGym (arXiv 2406.20087): read, and scored anew from their vectors.

The submitted `score` is never used: three different definitions of it were published (`progressgym.scores.published`),
and all three are computed here from the value vectors in the file, each next to its best possible value.

Accepted are both layouts that its code wrote: vectors nested in `supplementary_data` or beside the other keys; a file
`{algorithm: {challenge: result}}`, one algorithm's part of it, or a single result. A bare `NaN` in a vector, or a vector
of zeros, is a round that failed and counts 0, as the paper's appendix D promises for Follow and Predict; a Coevolve result
with a failed round counts 0 as a whole. An `error` entry is a result without scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.files import read_json
from progressgym.scores.published import best_values, code_sum_of_maxes, follow_sum, table2_double_sum

Floats = NDArray[np.float64]
CHALLENGES = ("Follow", "Predict", "Coevolve")
LARGEST = 1e100
"""The squares of larger numbers, and of numbers below its inverse, leave the range of a computer's numbers."""
OF_ITS_CHALLENGE = {"Follow": "follow_sum", "Predict": "code_sum_of_maxes", "Coevolve": "code_sum_of_maxes"}
"""The definition behind the numbers that the paper printed for each challenge."""
VECTORS = {
    "tracking": ("actual_vector", "examinee_vector"),
    "simulated": ("actual_model_vector", "simulated_model_vector"),
}
"""Keys of the human's and the scored vectors; a Coevolve result scores the simulated human."""


@dataclass(kw_only=True, frozen=True)
class UpstreamResult:
    """One algorithm on one challenge."""

    algorithm: str
    challenge: str
    snapshots: int
    """How many vectors were scored."""
    centuries: int
    """How many vectors of the human there are."""
    dimensions: int
    """19, or 10 in files of its dummy evaluation."""
    failed: tuple[int, ...]
    """Rounds, counted from 1, without a usable vector of the human or of what is scored."""
    scores: dict[str, float] | None
    """By definition; None for an error entry."""
    best: dict[str, float]
    """Best possible value of each definition."""
    submitted: float | None
    """The `score` that the file claims; shown, never used."""
    error: str | None
    """First line of the error, for an entry without results."""

    @property
    def headline(self) -> str:
        """Name of the definition that the paper used for this challenge."""
        return OF_ITS_CHALLENGE.get(self.challenge, "follow_sum")


def read_upstream(path: Path | str) -> list[UpstreamResult]:
    """Read and score a result file.

    Raises:
        UserError: one line that names the file, the place in it and what is wrong.
    """
    content = read_json(path)
    try:
        entries = _entries(content)
        return [_result(algorithm, challenge, entry) for algorithm, challenge, entry in entries]
    except _Misfit as error:
        raise UserError(f"{path}: {error}") from None


class _Misfit(ValueError):
    """Not a result file, and why."""


def _entries(content: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """(algorithm, challenge, result) of everything in a file, at whichever of three depths it begins."""
    if not isinstance(content, dict) or not content:
        raise _Misfit("not a result of ProgressGym: expected a JSON object {algorithm: {challenge: result}}")
    if _is_result(content):
        return [("?", _guess(content), content)]
    if all(name in CHALLENGES for name in content):
        content = {"?": content}
    entries = []
    for algorithm, challenges in content.items():
        if not isinstance(challenges, dict) or not challenges:
            raise _Misfit(f"{algorithm}: expected an object {{challenge: result}}, found {_kind(challenges)}")
        for challenge, entry in challenges.items():
            if challenge not in CHALLENGES:
                raise _Misfit(f"{algorithm}: unknown challenge {challenge!r}; known: {', '.join(CHALLENGES)}")
            if not isinstance(entry, dict):
                raise _Misfit(f"{algorithm}, {challenge}: expected a result object, found {_kind(entry)}")
            entries.append((algorithm, challenge, entry))
    return entries


def _is_result(value: dict[str, Any]) -> bool:
    keys = {"supplementary_data", "error", "score", *VECTORS["tracking"], *VECTORS["simulated"]}
    return not keys.isdisjoint(value)


def _guess(entry: dict[str, Any]) -> str:
    """Challenge of a result that stands alone, from the keys that only it has."""
    flat = _flat(entry)
    if VECTORS["simulated"][1] in flat:
        return "Coevolve"
    return "Predict" if "timesteps_ahead" in flat else "Follow"


def _flat(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry without the nesting of the older layout."""
    nested = entry.get("supplementary_data", {})
    if not isinstance(nested, dict):
        raise _Misfit(f"supplementary_data is {_kind(nested)}, expected an object")
    return {**nested, **{key: value for key, value in entry.items() if key != "supplementary_data"}}


def _result(algorithm: str, challenge: str, entry: dict[str, Any]) -> UpstreamResult:
    flat, where = _flat(entry), f"{algorithm}, {challenge}"
    if "error" in flat:
        lines = str(flat["error"]).split("\n")
        return UpstreamResult(
            algorithm=algorithm,
            challenge=challenge,
            snapshots=0,
            centuries=0,
            dimensions=0,
            failed=(),
            scores=None,
            best={},
            submitted=_number(flat.get("score")),
            error=lines[0].strip() or "an error without a message",
        )
    human_key, scored_key = VECTORS["simulated" if challenge == "Coevolve" else "tracking"]
    human, scored = (_table(flat, key, where) for key in (human_key, scored_key))
    if human.shape[1] != scored.shape[1]:
        raise _Misfit(
            f"{where}: {human_key} has {human.shape[1]} numbers a vector and {scored_key} {scored.shape[1]}; "
            "they must be equal"
        )
    if len(scored) > len(human):
        raise _Misfit(f"{where}: {len(scored)} vectors in {scored_key} but only {len(human)} in {human_key}")
    failed = _failed(human[len(human) - len(scored) :], scored)
    return UpstreamResult(
        algorithm=algorithm,
        challenge=challenge,
        snapshots=len(scored),
        centuries=len(human),
        dimensions=human.shape[1],
        failed=failed,
        scores=_scores(human, scored, zero=challenge == "Coevolve" and bool(failed)),
        best=best_values(len(scored), len(human)),
        submitted=_number(flat.get("score")),
        error=None,
    )


def _scores(human: Floats, scored: Floats, *, zero: bool) -> dict[str, float]:
    """All definitions; a failed vector becomes zeros, whose similarity to anything is 0."""
    h, v = np.nan_to_num(_without_failed(human)), np.nan_to_num(_without_failed(scored))
    definitions = {
        "follow_sum": follow_sum,
        "code_sum_of_maxes": code_sum_of_maxes,
        "table2_double_sum": table2_double_sum,
    }
    return {name: 0.0 if zero else score(h, v) for name, score in definitions.items()}


def _without_failed(table: Floats) -> Floats:
    return np.where(np.isfinite(table).all(1, keepdims=True), table, 0.0)


def _failed(human: Floats, scored: Floats) -> tuple[int, ...]:
    good = [np.isfinite(table).all(1) & (np.abs(np.nan_to_num(table)).max(1) > 0) for table in (human, scored)]
    return tuple((np.flatnonzero(~(good[0] & good[1])) + 1).tolist())


def _table(flat: dict[str, Any], key: str, where: str) -> Floats:
    """(S, D) vectors; a null or NaN entry stays NaN."""
    if key not in flat:
        raise _Misfit(f"{where}: no {key}; a result needs it, at the top or in supplementary_data")
    rows = flat[key]
    if not isinstance(rows, list) or not rows:
        raise _Misfit(f"{where}: {key} is {_kind(rows)}, expected a list of vectors")
    lengths = {len(row) for row in rows if isinstance(row, list)}
    if len(lengths) != 1 or 0 in lengths:
        raise _Misfit(f"{where}: {key} must hold vectors of one length, found lengths {sorted(lengths) or 'none'}")
    width = lengths.pop()
    table = np.full((len(rows), width), np.nan)
    for n, row in enumerate(rows):
        if _missing(row):
            continue  # the whole round is missing
        if not isinstance(row, list):
            raise _Misfit(f"{where}: {key}[{n}] is {_kind(row)}, expected a vector of numbers")
        for d, value in enumerate(row):
            if _missing(value):
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise _Misfit(f"{where}: {key}[{n}][{d}] is {_kind(value)}, expected a number")
            if math.isinf(value):
                raise _Misfit(f"{where}: {key}[{n}][{d}] is infinite; a round that failed is NaN, null or zeros")
            table[n, d] = value
    sizes = np.abs(np.nan_to_num(table)).max(1)
    odd = np.flatnonzero((sizes > LARGEST) | ((sizes > 0) & (sizes < 1 / LARGEST)))
    if odd.size:
        raise _Misfit(
            f"{where}: {key}[{odd[0]}] holds {sizes[odd[0]]:.3g}; a vector's largest number lies between "
            f"{1 / LARGEST:g} and {LARGEST:g}, or all are 0"
        )
    return table


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _number(value: Any) -> float | None:
    """A finite number or nothing."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return "an empty " + names[type(value)].split()[-1] if value in ({}, []) else names.get(type(value), "a number")
