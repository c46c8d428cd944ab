"""One row of the table: all seeds of an agent on a challenge and history, with intervals.

The intervals need the raw answers, so a row is kept beside its cells, with the resampled runs that comparisons across
histories need, and used again while it still belongs to the same cells.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import progressgym
from progressgym.agents import spec_of
from progressgym.bench.cells import DONE, FinishedCell, group_folder
from progressgym.bench.challenges import parse_challenge
from progressgym.bench.episodes import replay
from progressgym.bench.execute import baseline_of, environment, finished, run_seconds
from progressgym.bench.explained import Compared, compared, explained_by
from progressgym.bench.plan import Group
from progressgym.bench.scoring import contributions, draw_panel
from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, read_json, read_npz, sha256_bytes, sha256_file, write_json, write_npz
from progressgym.core.reading import numbers
from progressgym.scores.improvement import RunDraws
from progressgym.scores.intervals import Interval, centred_interval, estimate_skill
from progressgym.scores.records import Aggregate, IntervalRecord
from progressgym.scores.resampling import RESAMPLES, Panel, draw_counts

FILE, DRAWS = "aggregate.json", "draws.npz"
METHOD = 3
"""Goes up when the way rows are computed changes."""


def aggregate(group: Group, out: Path, resamples: int = RESAMPLES) -> Aggregate | None:
    """The row of a group, from the cells that are finished; None when none is."""
    cells = finished(group, out)
    if not cells:
        return None
    folder = group_folder(out, group.history.id, group.challenge.id, group.agent)
    key = _key(folder, cells, resamples)
    kept = _kept(folder, key)
    if kept is not None:
        return kept
    row, draws = _row(group, cells, resamples, run_seconds(folder))
    write_npz(folder / DRAWS, **draws)
    content = {"key": key, "draws": sha256_file(folder / DRAWS), "row": row.model_dump(mode="json")}
    write_json(folder / FILE, content)
    return row


def run_draws(group: Group, out: Path) -> RunDraws:
    """The resampled runs of a group whose row has been computed.

    Raises:
        UserError: they are missing or damaged.
    """
    path = group_folder(out, group.history.id, group.challenge.id, group.agent) / DRAWS
    return RunDraws(scores=numbers(read_npz(path, "scores")["scores"], f"scores of {path}"))


def run_errors(group: Group, out: Path) -> Compared | None:
    """What comparisons of a group's drift explained need; None for challenges that it does not rank.

    Raises:
        UserError: it is damaged.
    """
    path = group_folder(out, group.history.id, group.challenge.id, group.agent) / DRAWS
    return Compared.read(path)


def is_privileged(agent: str) -> bool:
    """Whether an agent reads the truth."""
    return spec_of(agent).privileged


def to_record(interval: Interval) -> IntervalRecord:
    """An interval for `results.json`."""
    return IntervalRecord(low=interval.low, mid=interval.mid, high=interval.high)


def _row(
    group: Group, cells: list[FinishedCell], resamples: int, seconds: dict[int, float]
) -> tuple[Aggregate, dict[str, NDArray[Any]]]:
    challenge = group.challenge
    seeds = tuple(cell.config.seed for cell in cells)
    runs = tuple((group.history.at(seed), seed) for seed in seeds)
    traces = [
        replay(environment(challenge.id, spec), seed, cell.actions)
        for (spec, seed), cell in zip(runs, cells, strict=True)
    ]
    panel = _panel(challenge.id, runs, resamples)
    added = contributions(traces)
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
    kept: dict[str, NDArray[Any]] = {"scores": (gains / lead).astype(np.float32)}
    return row, kept | ({} if errors is None else errors.arrays(seeds))


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


def _key(folder: Path, cells: list[FinishedCell], resamples: int) -> str:
    """What a row depends on."""
    content = {
        "method": METHOD,
        "version": progressgym.__version__,
        "resamples": resamples,
        "cells": [sha256_file(folder / str(cell.config.seed) / DONE) for cell in cells],
    }
    return sha256_bytes(canonical_json(content).encode())


def _kept(folder: Path, key: str) -> Aggregate | None:
    try:
        kept = read_json(folder / FILE)
        if kept["key"] != key or sha256_file(folder / DRAWS) != kept["draws"]:
            return None
        return Aggregate.model_validate(kept["row"])
    except (UserError, OSError, KeyError, TypeError, ValueError):
        return None
