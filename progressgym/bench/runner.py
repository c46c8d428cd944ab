"""Run a benchmark: every missing cell, then rows, logs, pictures and `results.json`.

A folder that holds finished cells is continued: what is whole and answers the same question is not run again, so a
benchmark that was interrupted, or that gets more seeds or agents, only does what is missing.
"""

from __future__ import annotations

import contextlib
import datetime
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from progressgym.bench.across import across_histories
from progressgym.bench.aggregate import aggregate, kept_row, run_draws, run_errors
from progressgym.bench.cells import FinishedCell
from progressgym.bench.drawings import DrawBlock, DrawPareto, LogAgent, LogHuman, drawings, pareto_drawings
from progressgym.bench.execute import GroupOutcome, environment, execute, finished, rehearse
from progressgym.bench.explained import Compared, with_differences
from progressgym.bench.findings import findings, stray, with_conditions
from progressgym.bench.plan import Group, Plan
from progressgym.bench.pool import Pool, Work, model_threads, usable_cores
from progressgym.bench.table import blocks, seed_warnings, with_fronts
from progressgym.core.errors import UserError
from progressgym.core.files import discard, write_text
from progressgym.core.locks import LOCK, alone
from progressgym.core.provenance import describe_device, git_commit, package_versions
from progressgym.monitor.progress import Progress
from progressgym.preferences.conditions import read_conditions
from progressgym.scores.improvement import RunDraws
from progressgym.scores.records import Aggregate, Cell, Results, save_record
from progressgym.scores.resampling import RESAMPLES

RESULTS = "results.json"
UNFINISHED = ".unfinished"
"""Lies in the folder while a benchmark runs: where it is found at the start, logs and pictures may be missing."""
MOST_WORKERS = 4
"""Processes by default at most: each holds its own copy of torch, about 350 MB."""


@dataclass(kw_only=True)
class BenchOutcome:
    """What came of a benchmark."""

    results: Results
    failures: list[str] = field(default_factory=list)
    """Why cells are missing, one line each."""
    fresh: int = 0
    """Cells that were run now."""
    reused: int = 0
    """Cells that were there already."""
    changed: list[bool] = field(default_factory=list)
    """For every group of the plan, whether cells of it were run now."""


GroupResult = tuple[GroupOutcome, Aggregate | None]
"""What became of a group, and its row."""


@dataclass(frozen=True)
class RunGroup:
    """Task: run what is missing of a group and compute its row."""

    group: Group
    out: Path
    device: str
    resamples: int
    threads: int = 1
    """Of a language model; everything else computes on one."""
    live: bool = False
    """Tell of every century of a language model on standard error."""
    folders: bool = False
    """Keep every cell as a folder with a readable log."""

    def __call__(self) -> GroupResult:
        """Do it."""
        outcome = execute(self.group, self.out, self.device, threads=self.threads, live=self.live, folders=self.folders)
        try:
            return outcome, aggregate(self.group, self.out, self.resamples, outcome.seconds)
        except OSError as error:
            outcome.failures.append(f"{self.group.title}: its row could not be written: {error}")
            return outcome, None


GroupRunner = Callable[[Sequence[RunGroup], Callable[[int, GroupResult | BaseException], None]], None]
"""Runs groups and reports each as it ends."""


def run_bench(
    plan: Plan,
    out: Path | str,
    *,
    workers: int | None = None,
    ray: str | None = None,
    device: str = "auto",
    resamples: int = RESAMPLES,
    reports: bool = True,
    progress: bool = True,
    live: bool = False,
    folders: bool = False,
    command: Sequence[str] = (),
) -> BenchOutcome:
    """Run a benchmark.

    Args:
        plan: see `progressgym.bench.plan.make_plan`.
        out: folder of the benchmark; what it holds already is continued.
        workers: processes; by default as many as there are cores, at most four. The numbers do not depend on it.
        ray: run cells on Ray: `local`, or the address of a cluster (`progressgym.bench.on_ray`).
        device: for shipped learning agents.
        resamples: of the bootstrap behind the intervals.
        reports: write TensorBoard logs and pictures.
        progress: show progress on standard error.
        live: with progress, say where it can be watched, and show every century of a language-model policy.
        folders: keep every cell as a folder with a readable log, not as one file.
        command: what was typed, for the record.

    Raises:
        UserError: the folder cannot be used, or another benchmark is using it; a language model that cannot be read or
            trained; no Ray cluster is there.
    """
    started = time.monotonic()
    if device != "auto":
        from progressgym.agents.devices import choose_device

        choose_device(device, rows=1)
    folder = Path(out)
    count = min(usable_cores(), MOST_WORKERS) if workers is None else workers
    if count < 1:
        raise UserError(f"workers is {workers}; use 1 or more")
    threads, bars = (model_threads(count), live and progress) if ray is None else (1, False)
    for group in {(group.agent, group.history): group for group in plan.groups}.values():
        rehearse(group, folder, device, threads=threads)
    if bars:
        print(f"watch     tensorboard --logdir {folder / 'tensorboard'}", file=sys.stderr, flush=True)
    conditions = read_conditions(folder)
    with alone(folder, "benchmark"), Pool(count) as pool:
        tasks = [RunGroup(group, folder, device, resamples, threads, bars, folders) for group in plan.groups]
        killed = (folder / UNFINISHED).exists()
        with contextlib.suppress(OSError):  # a full disk fails the cells, with their own reasons
            write_text(folder / UNFINISHED, "")
        outcome, rows, whole = _run_groups(plan, tasks, _runner(pool, ray, device, folder), progress)
        outcome.changed = [changed or killed for changed in outcome.changed]
        results = with_fronts(with_conditions([row for row in rows if row is not None], conditions))
        results = with_differences(results, _errors_of(plan, folder))
        if reports and results:
            _report(plan, folder, results, rows, pool, outcome, progress)
        cells = [
            cell
            for index, (group, row) in enumerate(zip(plan.groups, rows, strict=True))
            if row is not None
            for cell in whole.get(index) or _cells(finished(group, folder))
        ]
        outcome.results = Results(
            command=list(command) or list(sys.argv),
            git_commit=git_commit(),
            packages=package_versions(),
            device=describe_device(),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - started, 3),
            cells=cells,
            aggregates=results,
            across=across_histories(results, _draws_of(plan, folder)),
            findings=findings(results),
            warnings=[
                *seed_warnings(results),
                *stray(results, conditions),
                *(f"not run: {line}" for line in outcome.failures),
            ],
        )
        try:
            save_record(folder / RESULTS, outcome.results.without_paths())
        except OSError as error:
            outcome.failures.append(f"{RESULTS} could not be written: {error}")
        else:
            discard(folder / UNFINISHED)
    return outcome


def _draws_of(plan: Plan, folder: Path) -> Callable[[Aggregate], RunDraws]:
    """Finds the resampled runs behind a row."""
    groups = {(group.history.id, group.challenge.id, group.agent): group for group in plan.groups}
    return lambda row: run_draws(groups[row.history, row.challenge, row.agent], folder)


def _errors_of(plan: Plan, folder: Path) -> Callable[[Aggregate], Compared | None]:
    """Finds the squared errors behind a row."""
    groups = {(group.history.id, group.challenge.id, group.agent): group for group in plan.groups}
    return lambda row: run_errors(groups[row.history, row.challenge, row.agent], folder)


def steps_of(plan: Plan) -> dict[str, int]:
    """Number of steps of every challenge of a plan, by id without labels."""
    return {g.challenge.unlabelled: environment(g.challenge.id, g.history.spec).steps for g in plan.groups}


def _runner(pool: Pool, ray: str | None, device: str, folder: Path) -> GroupRunner:
    """Where groups are run: in processes of this machine, or on Ray."""
    if ray is None:
        return pool.run_all
    from progressgym.bench.on_ray import run_on_ray

    gpus = 1 if device.startswith("cuda") else 0
    return lambda tasks, done: run_on_ray(tasks, pool.workers, done, address=ray, proof=folder / LOCK, gpus=gpus)


def _run_groups(
    plan: Plan, tasks: Sequence[RunGroup], run: GroupRunner, progress: bool
) -> tuple[BenchOutcome, list[Aggregate | None], dict[int, list[Cell]]]:
    """Run what is not finished.

    Returns:
        What came of it, the rows, and the cells of groups that were finished before, by index.
    """
    outcome = BenchOutcome(results=_nothing())
    outcome.changed = [True] * len(plan.groups)
    rows: list[Aggregate | None] = [None] * len(plan.groups)
    whole: dict[int, list[Cell]] = {}
    for index, task in enumerate(tasks):  # here, so that a run that has nothing to do starts no processes
        there = finished(task.group, task.out)
        rows[index] = kept_row(task.group, task.out, there, task.resamples)
        measured = all(getattr(cell.scores, name) for cell in there for name in task.group.measures)
        if rows[index] is not None and measured and len(there) == len(task.group.seeds):
            whole[index] = _cells(there)
            outcome.changed[index] = False
            outcome.reused += len(there)
    left = [index for index in range(len(tasks)) if index not in whole]
    with Progress(len(tasks), "bench", quiet=not progress, done=len(whole)) as bar:
        if whole and progress:
            bar.message(f"{len(whole)} of {len(tasks)} groups are finished already, {outcome.reused} cells reused")

        def done(place: int, result: GroupResult | BaseException) -> None:
            index = left[place]
            group = plan.groups[index]
            if isinstance(result, BaseException):
                failures, note = [f"{group.title}: {type(result).__name__}: {result}"], "failed"
            else:
                one, rows[index] = result
                outcome.changed[index] = one.fresh > 0
                outcome.fresh += one.fresh
                outcome.reused += one.reused
                failures, note = one.failures, f"{one.fresh} run, {one.reused} reused"
                for line in one.redone:
                    bar.message(f"redone: {line}")
            outcome.failures += failures
            for line in failures:
                bar.message(f"failed: {line}")
            bar.advance(f"{group.title}: {note}")

        run([tasks[index] for index in left], done)
    return outcome, rows, whole


def _cells(finished_cells: Sequence[FinishedCell]) -> list[Cell]:
    return [Cell(config=cell.config, scores=cell.scores) for cell in finished_cells]


def _report(
    plan: Plan,
    folder: Path,
    results: list[Aggregate],
    rows: Sequence[Aggregate | None],
    pool: Pool,
    outcome: BenchOutcome,
    progress: bool,
) -> None:
    """TensorBoard logs and pictures; they are extras, so their errors are reported and nothing is lost."""
    fresh = {group for group, changed in zip(plan.groups, outcome.changed, strict=True) if changed}
    sorted_rows = blocks(results)
    every: list[DrawBlock | DrawPareto] = [*drawings(sorted_rows, plan.groups, folder)]
    every += pareto_drawings(sorted_rows, plan.groups, folder)
    pictures = [task for task in every if not fresh.isdisjoint(task.groups)]
    there = {group: row for group, row in zip(plan.groups, rows, strict=True) if row is not None}
    tasks: list[Work[object]] = [*pictures]
    for agent in dict.fromkeys(group.agent for group in there if group in fresh):
        tasks.append(LogAgent(tuple((group, row) for group, row in there.items() if group.agent == agent), folder))
    if not fresh.isdisjoint(there):
        tasks.append(LogHuman(tuple({(g.history.id, g.challenge.id): g for g in reversed(there)}.values()), folder))
    with Progress(len(tasks), "logs and pictures", quiet=True) as bar:

        def done(index: int, result: object) -> None:
            if isinstance(result, BaseException):
                outcome.failures.append(f"log or picture: {type(result).__name__}: {result}")
                if progress:
                    bar.message(f"failed: {outcome.failures[-1]}")
            bar.advance()

        pool.run_all(tasks, done)


def _nothing() -> Results:
    return Results(
        command=[], git_commit=None, packages={}, device="", created="", seconds=0.0, cells=[], aggregates=[]
    )
