"""One row of the table: all seeds of an agent on a challenge and history, with intervals.

The intervals need the raw answers, so a row is kept beside its cells, with the resampled runs that comparisons across
histories need, and used again while it still belongs to the same cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import progressgym
from progressgym.agents import spec_of
from progressgym.bench.cells import FinishedCell, group_folder
from progressgym.bench.challenges import parse_challenge
from progressgym.bench.episodes import replay
from progressgym.bench.execute import baseline_of, environment, finished
from progressgym.bench.explained import Compared, compared, explained_by
from progressgym.bench.plan import Group
from progressgym.bench.scoring import contributions, draw_panel
from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, read_npz, sha256_bytes, write_npz
from progressgym.core.reading import numbers, parse_json
from progressgym.scores.improvement import RunDraws
from progressgym.scores.intervals import Interval, centred_interval, estimate_skill
from progressgym.scores.records import Aggregate, IntervalRecord
from progressgym.scores.resampling import RESAMPLES, Panel, draw_counts

FILE = "aggregate.npz"
METHOD = 3
"""Goes up when the way rows are computed changes."""


def aggregate(
    group: Group, out: Path, resamples: int = RESAMPLES, seconds: Mapping[int, float] | None = None
) -> Aggregate | None:
    """The row of a group, from the cells that are finished; None when none is.

    Args:
        group: whose row.
        out: folder of the benchmark.
        resamples: of the bootstrap.
        seconds: seed -> wall time, of runs that were just made. Times lie beside the cells and not in them: a run that
            is repeated gives the same bytes in another time.
    """
    cells = finished(group, out)
    if not cells:
        return None
    stored = kept_row(group, out, cells, resamples)
    if stored is not None:
        return stored
    path = _path(group, out)
    times = {int(seed): float(each) for seed, each in _record(path)["seconds"].items()} | dict(seconds or {})
    row, draws = _row(group, cells, resamples, times)
    record = {
        "key": _key(cells, resamples),
        "row": row.model_dump(mode="json"),
        "seconds": {str(seed): round(each, 6) for seed, each in sorted(times.items())},
    }
    write_npz(path, **draws, record=np.frombuffer(canonical_json(record).encode(), np.uint8))
    return row


def kept_row(group: Group, out: Path, cells: Sequence[FinishedCell], resamples: int = RESAMPLES) -> Aggregate | None:
    """The row that was computed of these cells before; None if there is none."""
    record = _record(_path(group, out))
    try:
        return Aggregate.model_validate(record["row"]) if record["key"] == _key(cells, resamples) else None
    except (KeyError, ValueError):
        return None


def run_draws(group: Group, out: Path) -> RunDraws:
    """The resampled runs of a group whose row has been computed.

    Raises:
        UserError: they are missing or damaged.
    """
    path = _path(group, out)
    return RunDraws(scores=numbers(read_npz(path, "scores")["scores"], f"scores of {path}"))


def run_errors(group: Group, out: Path) -> Compared | None:
    """What comparisons of a group's drift explained need; None for challenges that it does not rank.

    Raises:
        UserError: it is damaged.
    """
    return Compared.read(_path(group, out))


def is_privileged(agent: str) -> bool:
    """Whether an agent reads the truth."""
    return spec_of(agent).privileged


def to_record(interval: Interval) -> IntervalRecord:
    """An interval for `results.json`."""
    return IntervalRecord(low=interval.low, mid=interval.mid, high=interval.high)


def _row(
    group: Group, cells: Sequence[FinishedCell], resamples: int, seconds: Mapping[int, float]
) -> tuple[Aggregate, dict[str, NDArray[Any]]]:
    challenge = group.challenge
    seeds = tuple(cell.config.seed for cell in cells)
    runs = tuple((group.history.at(seed), seed) for seed in seeds)
    traces = [
        replay(environment(challenge.id, spec), seed, cell.actions)
        for (spec, seed), cell in zip(runs, cells, strict=True)
    ]
    panel = _panel(challenge.id, runs, resamples)
    added = contributions(challenge, traces)
    utilities = panel.utilities(added)
    errors = compared(challenge.id, runs, added) if challenge.headline == "explained" else None
    result = estimate_skill(panel, utilities)
    scores = [cell.scores for cell in cells]
    justified = [x for score in scores for x in score.justifiability if x is not None]
    drift = [x for score in scores for x in score.drift_cosine if x is not None]
    times = [seconds[cell.config.seed] for cell in cells if cell.config.seed in seconds]
    row = Aggregate(
        agent=group.agent,
        challenge=challenge.id,
        history=group.history.id,
        seeds=len(cells),
        splits=group.history.splits,
        explained=None if errors is None else explained_by(errors),
        skill=None if result.skill is None else to_record(result.skill),
        item_bias=result.item_bias,
        runs=list(result.runs),
        utility=to_record(result.utility),
        static=result.static,
        reference=result.reference,
        lead=to_record(result.lead),
        similarity=float(np.mean([score.utilities for score in scores])),
        drift_cosine=float(np.mean(drift)) if drift else None,
        dimension_error=float(np.mean([score.dimension_error for score in scores])),
        published={name: float(np.mean([score.published[name] for score in scores])) for name in scores[0].published},
        lock_in={name: _over_seeds([score.lock_in[name] for score in scores]) for name in scores[0].lock_in},
        seconds=float(np.mean(times)) if times else None,
        justifiability=float(np.mean(justified)) if justified else None,
        privileged=is_privileged(group.agent),
        labels=challenge.labels,
    )
    lead = result.lead.mid if result.runs else np.nan
    gains = np.broadcast_to(utilities - panel.static, (len(utilities), panel.seeds))
    samples: dict[str, NDArray[Any]] = {"scores": (gains / lead).astype(np.float32)}
    return row, samples | ({} if errors is None else errors.arrays(seeds))


@lru_cache(maxsize=2)
def _panel(challenge: str, runs: tuple[tuple[str, int], ...], resamples: int) -> Panel:
    """Kept for the next agent: groups of one challenge and history come one after the other."""
    bases = [baseline_of(challenge, spec, seed) for spec, seed in runs]
    return draw_panel(parse_challenge(challenge), bases, resamples)


def _over_seeds(numbers: list[float]) -> IntervalRecord:
    """Mean over seeds with its bootstrap interval; of one seed, the number itself."""
    values = np.array(numbers)
    count = len(values)
    shares = draw_counts(np.random.default_rng(0), RESAMPLES, count) / count
    spread = (count / (count - 1)) ** 0.5 if count > 1 else 0.0
    return to_record(centred_interval(float(values.mean()), spread * (shares @ values)))


def _key(cells: Sequence[FinishedCell], resamples: int) -> str:
    """What a row depends on."""
    content = {
        "method": METHOD,
        "version": progressgym.__version__,
        "resamples": resamples,
        "cells": [cell.digest for cell in cells],
    }
    return sha256_bytes(canonical_json(content).encode())


def _path(group: Group, out: Path) -> Path:
    return group_folder(out, group.history.id, group.challenge.id, group.agent) / FILE


def _record(path: Path) -> dict[str, Any]:
    """What is kept beside the resampled runs; nothing where nothing is, or where it is damaged."""
    try:
        arrays = read_npz(path)
        text = arrays["record"].tobytes().decode("utf-8", "replace")
        record = parse_json(text, str(path)) if "scores" in arrays else None
    except (UserError, KeyError, ValueError):
        record = None
    return record if isinstance(record, dict) and isinstance(record.get("seconds"), dict) else {"seconds": {}}
