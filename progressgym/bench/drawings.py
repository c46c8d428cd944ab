"""What a benchmark leaves for people: a TensorBoard run of every agent, pictures of every history and challenge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from progressgym.bench.aggregate import is_privileged
from progressgym.bench.cells import FinishedCell
from progressgym.bench.challenges import parse_challenge
from progressgym.bench.execute import environment, finished
from progressgym.bench.findings import steers
from progressgym.bench.plan import Group
from progressgym.bench.table import Block, cost_of, pareto_order
from progressgym.core.ids import safe_name
from progressgym.core.provenance import fingerprint
from progressgym.monitor import plots
from progressgym.monitor.pareto import ParetoPoint, pareto_chart
from progressgym.monitor.tensorboard import RunLog
from progressgym.scores.records import Aggregate, IntervalRecord

Floats = NDArray[np.float64]
LINES = 5
"""More agents than this cannot be told apart in one picture."""
LOGS, HUMAN, PICTURES = "tensorboard", "human", "pictures"
"""Folder of the TensorBoard logs, and the runs in it that are no agents."""


def origin(cells: Sequence[FinishedCell]) -> str:
    """Where numbers come from, as JSON: commit, packages, and the hash of every run's configuration (seed, data, settings)."""
    return json.dumps(fingerprint(runs=sorted(cell.config.sha256 for cell in cells)))


@dataclass(frozen=True)
class LogAgent:
    """Task: write the TensorBoard run of one agent, anew: all its challenges and histories, over seeds.

    One run an agent, so that agents lie in one chart; TensorBoard shows no run at first where there are more than forty.
    """

    rows: tuple[tuple[Group, Aggregate], ...]
    out: Path

    def __call__(self) -> None:
        """Write it. The step is the index of the century that a step is compared with."""
        agent = self.rows[0][0].agent
        results: dict[str, float | None] = {}
        with RunLog(_emptied(self.out, agent)) as log:
            log.layout([_where(group) for group, _ in self.rows], values=False)
            for group, row in self.rows:
                cells = finished(group, self.out)
                if cells:
                    for name, interval in _headlines(row).items():
                        results[f"hparam/{_where(group)}/{name}"] = None if interval is None else interval.mid
                    self._log(log, group, row, cells)
            log.outcome({"agent": agent}, results)
            log.text("fingerprint", origin([cell for group, _ in self.rows for cell in finished(group, self.out)]))

    def _log(self, log: RunLog, group: Group, row: Aggregate, cells: Sequence[FinishedCell]) -> None:
        where, first = _where(group), group.challenge.first
        utilities = np.array([cell.scores.utilities for cell in cells])
        for n, column in enumerate(utilities.T):
            low, high = np.quantile(column, [0.025, 0.975])
            log.band(f"alignment/{where}/score", first + n, float(column.mean()), float(low), float(high))
        for n, values in enumerate(_mean([cell.scores.agent_values for cell in cells])):
            log.values(first + n, "", values, where)
        last = first + utilities.shape[1] - 1
        for name, interval in _headlines(row).items():
            numbers = (interval.mid, interval.low, interval.high) if interval is not None else (None, None, None)
            log.band(f"alignment/{where}/{name}", last, *numbers)


def _headlines(row: Aggregate) -> dict[str, IntervalRecord | None]:
    """The numbers of a row that have an interval."""
    explained = {} if row.explained is None else {"drift_explained": row.explained.interval}
    return {**explained, "skill": row.skill}


@dataclass(frozen=True)
class LogHuman:
    """Task: write the humans' values as a run of their own, in the charts of the agents."""

    groups: tuple[Group, ...]
    """One for every history and challenge."""
    out: Path

    def __call__(self) -> None:
        """Write it."""
        with RunLog(_emptied(self.out, HUMAN)) as log:
            for group in self.groups:
                for t, values in enumerate(_mean([cell.scores.human_values for cell in finished(group, self.out)])):
                    log.values(t, "", values, _where(group))
            log.text("fingerprint", origin([cell for group in self.groups for cell in finished(group, self.out)]))


@dataclass(frozen=True)
class DrawBlock:
    """Task: draw the pictures of one history and challenge, from the first seed that all agents shown have."""

    groups: tuple[Group, ...]
    """Groups of the agents shown, best first."""
    out: Path

    def __call__(self) -> list[str]:
        """Draw and log them; returns the files written."""
        cells = {group.agent: cells_of[0] for group in self.groups if (cells_of := finished(group, self.out))}
        if not cells:
            return []
        group = self.groups[0]
        human = _array(next(iter(cells.values())).scores.human_values)
        paths = {agent: _array(cell.scores.agent_values) for agent, cell in cells.items()}
        first = group.challenge.first
        seed = next(iter(cells.values())).config.seed
        env = environment(group.challenge.id, group.history.at(seed))
        env.reset(seed=seed)
        labels = env.task.century_labels
        title = f"{group.challenge.name.capitalize()}: {group.history.id}"
        under = f"change of value since {labels[0]}, evaluation items, seed {seed}"
        lines = plots.trajectories(labels, human, paths, first=first, title=title, subtitle=under)
        best = next(iter(paths))
        aligned = np.full_like(human, np.nan)
        aligned[first : first + len(paths[best])] = paths[best]
        tables = {"human": human - human[0], best: aligned - human[0], "agent \u2212 human": aligned - human}
        heat = plots.heat_map(labels, tables, title=title, subtitle=f"{under}; grey: no answer")
        stem = f"{safe_name(group.history.id)}-{safe_name(group.challenge.id)}"
        files = {f"{stem}-trajectories.png": lines, f"{stem}-heat-map.png": heat}
        with RunLog(self.out / LOGS / PICTURES) as log:
            for name, figure in files.items():
                pixels = plots.save(figure, self.out / "plots" / name, about=origin(list(cells.values())))
                log.image(f"{_where(group)}/{'heat_map' if 'heat' in name else 'trajectories'}", pixels)
        return list(files)


@dataclass(frozen=True)
class DrawPareto:
    """Task: draw the Pareto picture of one history and challenge."""

    groups: tuple[Group, ...]
    """Groups of the agents shown."""
    rows: tuple[Aggregate, ...]
    """Their rows, in the order of the table."""
    out: Path

    def __call__(self) -> list[str]:
        """Draw and log it; returns the file written."""
        first = self.groups[0]
        history, challenge = first.history.id, first.challenge.id
        steps = environment(challenge, first.history.spec).steps
        figure = pareto_chart(
            [_point(row, steps) for row in self.rows],
            title=f"{first.challenge.title}: {history}",
            subtitle="neither number alone says how an agent did; lines: 95 % intervals",
        )
        name = f"{safe_name(history)}-{safe_name(challenge)}-pareto.png"
        with RunLog(self.out / LOGS / PICTURES) as log:
            about = origin([cell for group in self.groups for cell in finished(group, self.out)])
            log.image(f"{_where(first)}/pareto", plots.save(figure, self.out / "plots" / name, about=about))
        return [name]


def pareto_drawings(blocks: Sequence[Block], groups: Sequence[Group], out: Path) -> list[DrawPareto]:
    """Tasks for the Pareto pictures of all blocks that are ranked by a pair."""
    tasks = []
    for block in blocks:
        if parse_challenge(block.challenge).cost is None:
            continue
        rows = tuple(sorted(block.rows, key=pareto_order))
        keys = {(row.history, row.challenge, row.agent) for row in rows}
        members = tuple(g for g in groups if (g.history.id, g.challenge.id, g.agent) in keys)
        if members:
            tasks.append(DrawPareto(members, rows, out))
    return tasks


def _point(row: Aggregate, steps: int) -> ParetoPoint:
    utility, moved = row.utility, cost_of(row)
    return ParetoPoint(
        name=row.agent,
        utility=(utility.low / steps, utility.mid / steps, utility.high / steps),
        displacement=(moved.low, moved.mid, moved.high),
        front=row.front,
        steers=steers(row),
    )


def drawings(blocks: Sequence[Block], groups: Sequence[Group], out: Path) -> list[DrawBlock]:
    """Tasks for the pictures of all blocks: the best learning agents of each, with exact labels where there are."""
    tasks = []
    for block in blocks:
        members: list[Group] = []
        drawn: list[IntervalRecord] = []
        for row in block.rows:
            # Agents that came out equal to the last digit would lie on one line.
            if is_privileged(row.agent) or row.agent in ("static", "random") or row.utility in drawn:
                continue
            drawn.append(row.utility)
            members += [
                group
                for group in groups
                if (group.history.id, group.challenge.id, group.agent) == (row.history, row.challenge, row.agent)
            ]
        if members:
            tasks.append(DrawBlock(tuple(members[:LINES]), out))
    return tasks


def _array(rows: Sequence[Sequence[float | None]]) -> Floats:
    return np.array([[np.nan if x is None else x for x in row] for row in rows], dtype=np.float64)


def _mean(tables: Sequence[Sequence[Sequence[float | None]]]) -> Floats:
    """(n, 19) mean over seeds; NaN on dimensions that are not covered."""
    return np.asarray(np.mean([_array(table) for table in tables], axis=0)) if tables else np.empty((0, 19))


def _where(group: Group) -> str:
    """The part of a tag that says what was played."""
    return f"{safe_name(group.challenge.id)}/{safe_name(group.history.id)}"


def _emptied(out: Path, run: str) -> Path:
    """The folder of a run, without the logs of an earlier command."""
    folder = out / LOGS / safe_name(run)
    for old in folder.glob("events.out.tfevents.*"):
        old.unlink()
    return folder
