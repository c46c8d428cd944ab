"""One row of the table: all seeds of an agent on a challenge and history, with intervals.

The intervals need the raw answers and half a second, so a row is kept beside its cells and used again while it still
belongs to the same cells.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import progressgym
from progressgym.agents import spec_of
from progressgym.bench.cells import DONE, FinishedCell, group_folder
from progressgym.bench.episodes import replay
from progressgym.bench.execute import baseline_of, environment, finished
from progressgym.bench.own_agents import is_own
from progressgym.bench.plan import Group
from progressgym.bench.scoring import estimate
from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, read_json, sha256_bytes, sha256_file, write_json
from progressgym.scores.intervals import RESAMPLES, Interval
from progressgym.scores.records import Aggregate, IntervalRecord

FILE = "aggregate.json"
METHOD = 2
"""Goes up when the way rows are computed changes."""


def aggregate(group: Group, out: Path, resamples: int = RESAMPLES) -> Aggregate | None:
    """The row of a group, from the cells that are finished; None when none is."""
    cells = finished(group, out)
    if not cells:
        return None
    folder = group_folder(out, group.history.id, group.challenge.id, group.agent)
    key = _key(folder, cells, resamples)
    kept = _kept(folder / FILE, key)
    if kept is not None:
        return kept
    row = _row(group, cells, resamples)
    write_json(folder / FILE, {"key": key, "row": row.model_dump(mode="json")})
    return row


def is_privileged(agent: str) -> bool:
    """Whether an agent reads the truth."""
    return not is_own(agent) and spec_of(agent).privileged


def _row(group: Group, cells: list[FinishedCell], resamples: int) -> Aggregate:
    challenge, spec = group.challenge, group.history.spec
    env = environment(challenge.id, spec)
    traces = [replay(env, cell.config.seed, cell.actions) for cell in cells]
    bases = [baseline_of(challenge.id, spec, cell.config.seed) for cell in cells]
    result = estimate(challenge, traces, bases, resamples)
    scores = [cell.scores for cell in cells]
    justified = [x for score in scores for x in score.justifiability if x is not None]
    drift = [x for score in scores for x in score.drift_cosine if x is not None]
    return Aggregate(
        agent=group.agent,
        challenge=challenge.id,
        history=group.history.id,
        seeds=len(cells),
        skill=None if result.skill is None else _record(result.skill),
        utility=_record(result.utility),
        static=result.static,
        reference=result.reference,
        lead=_record(result.lead),
        similarity=float(np.mean([score.utilities for score in scores])),
        drift_cosine=float(np.mean(drift)) if drift else None,
        dimension_error=float(np.mean([score.dimension_error for score in scores])),
        published={name: float(np.mean([score.published[name] for score in scores])) for name in scores[0].published},
        lock_in={name: float(np.mean([score.lock_in[name] for score in scores])) for name in scores[0].lock_in},
        justifiability=float(np.mean(justified)) if justified else None,
        privileged=is_privileged(group.agent),
        labels=challenge.labels,
    )


def _record(interval: Interval) -> IntervalRecord:
    return IntervalRecord(low=interval.low, mid=interval.mid, high=interval.high)


def _key(folder: Path, cells: list[FinishedCell], resamples: int) -> str:
    """What a row depends on."""
    content = {
        "method": METHOD,
        "version": progressgym.__version__,
        "resamples": resamples,
        "cells": [sha256_file(folder / str(cell.config.seed) / DONE) for cell in cells],
    }
    return sha256_bytes(canonical_json(content).encode())


def _kept(path: Path, key: str) -> Aggregate | None:
    try:
        kept = read_json(path)
        return Aggregate.model_validate(kept["row"]) if kept["key"] == key else None
    except (UserError, KeyError, TypeError, ValueError):
        return None
