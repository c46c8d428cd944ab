"""Run one group: its missing seeds together where the agent has a batch axis, one after the other otherwise."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import progressgym
from progressgym.agents import make_for
from progressgym.bench.apart import play
from progressgym.bench.cells import FinishedCell, archive_of, group_folder, reusable, write_cell
from progressgym.bench.challenges import parse_challenge
from progressgym.bench.episodes import environments, replay, run_batch
from progressgym.bench.own_agents import code_hash
from progressgym.bench.plan import Group, has_model
from progressgym.bench.scoring import Baseline, baseline, score_cell, step_log
from progressgym.bench.threads import limited_threads
from progressgym.core.errors import UserError
from progressgym.core.files import discard
from progressgym.core.ids import is_own
from progressgym.core.provenance import git_commit
from progressgym.envs.base import ProgressEnv
from progressgym.histories.source import HistorySource, resolve_history
from progressgym.preferences.comparisons import RNG_SCHEME
from progressgym.scores.records import RunConfig, Source

if TYPE_CHECKING:
    from progressgym.agents.agent import Agent

CHECKPOINTS = ".centuries"
"""Beside the folder of a cell that is not finished: the centuries it has done."""
KEPT = 64
"""How many episodes' baselines a process keeps: all agents of a challenge share them."""


@dataclass(kw_only=True)
class GroupOutcome:
    """What became of a group."""

    fresh: int = 0
    """Cells that were run now."""
    reused: int = 0
    """Cells that were there already."""
    redone: list[str] = field(default_factory=list)
    """Why cells that were there were run again, one line each."""
    failures: list[str] = field(default_factory=list)
    """Why cells are missing, one line each."""
    seconds: dict[int, float] = field(default_factory=dict)
    """Seed -> wall time of its run, for those that were run now. Seeds of one batch share its time evenly."""


def execute(
    group: Group, out: Path, device: str = "auto", *, threads: int = 1, live: bool = False, folders: bool = False
) -> GroupOutcome:
    """Run what is missing of a group.

    Errors of single cells are reported in the outcome and leave the others alone.

    Args:
        group: what to run.
        out: folder of the benchmark.
        device: for shipped learning agents.
        threads: of a language model.
        live: tell of every century of a language model.
        folders: keep every cell as a folder with a readable log; those of a language model always are.
    """
    outcome = GroupOutcome()
    folder = _folder(group, out)
    own = code_hash(group.agent)
    configs = {seed: run_config(group, seed) for seed in group.seeds}
    missing = []
    for seed, config in configs.items():
        cell = reusable(folder / str(seed), config, own)
        if cell is not None:
            if any(not getattr(cell.scores, name) for name in group.measures):
                _finish(group, folder / str(seed), config, cell.actions, own, cell.place.is_dir())  # run without it
            outcome.reused += 1
            discard(folder / f"{seed}{CHECKPOINTS}")  # a run may be killed after its cell was written
            continue
        if (folder / str(seed)).exists() or archive_of(folder / str(seed)).exists():
            outcome.redone.append(f"{group.title} seed {seed}: damaged, unfinished or of another configuration")
        missing.append(seed)
    if has_model(group.agent):
        runner = ModelCell(group, out, device, threads, live)
        for seed in missing:
            runner.run(seed, configs[seed], outcome)
        return outcome
    started = time.perf_counter()
    ran = _run(group, missing, device, outcome)
    if ran:
        each = (time.perf_counter() - started) / len(ran)
        outcome.seconds = {seed: each for seed, _ in ran}
    for seed, actions in ran:
        try:
            _finish(group, folder / str(seed), configs[seed], actions, own, folders)
            outcome.fresh += 1
        except (OSError, UserError, ArithmeticError, MemoryError) as error:
            outcome.failures.append(_reason(group, seed, error))
    return outcome


def rehearse(group: Group, out: Path, device: str, *, threads: int = 1) -> None:
    """See that the language model of a group can be read and trained, if anything of the group is still to be run.

    Raises:
        UserError: it cannot.
    """
    if has_model(group.agent) and len(finished(group, out)) < len(group.seeds):
        ModelCell(group, out, device, threads, live=False).rehearse(group.seeds[0])


def execute_along(group: Group, out: Path, device: str, *, threads: int = 1) -> None:
    """Do the share of a process that is not the first one of `torchrun` in what is missing of a group.

    Args:
        group: with a language-model policy; other groups need no company.
        out: folder of the benchmark, which the first process writes.
        device: of this process.
        threads: of the language model.
    """
    if has_model(group.agent):
        folder = _folder(group, out)
        cell = ModelCell(group, out, device, threads, live=False)
        for seed in group.seeds:
            if reusable(folder / str(seed), run_config(group, seed), code_hash(group.agent)) is None:
                cell.run_along(seed)


def finished(group: Group, out: Path) -> list[FinishedCell]:
    """The cells of a group that are there, in the order of its seeds."""
    folder = _folder(group, out)
    own = code_hash(group.agent)
    cells = [reusable(folder / str(seed), run_config(group, seed), own) for seed in group.seeds]
    return [cell for cell in cells if cell is not None]


def run_config(group: Group, seed: int) -> RunConfig:
    """What the record of a cell says was run."""
    name, digest, instrument = _identity(group.challenge.id, group.history.at(seed), seed)
    return RunConfig.make(
        environment=group.challenge.environment,
        arguments={"history": group.history.id_at(seed), **dict(group.challenge.arguments)},
        challenge=group.challenge.id,
        agent=group.agent,
        seed=seed,
        history=Source(name=name, hash=digest),
        instrument=Source(name=instrument[0], hash=instrument[1]),
        rng_scheme=RNG_SCHEME,
        package_version=progressgym.__version__,
        git_commit=_commit(),
    )


@lru_cache(maxsize=KEPT)
def baseline_of(challenge: str, spec: str, seed: int) -> Baseline:
    """Static and reference of an episode, kept for the next agent."""
    return baseline(environment(challenge, spec), seed)


@lru_cache(maxsize=KEPT)
def environment(challenge: str, spec: str) -> ProgressEnv:
    """An environment for replays, kept for the next agent."""
    return environments(parse_challenge(challenge), _source(spec), spec, 1)[0]


@dataclass(frozen=True)
class ModelCell:
    """How the cells of a group with a language-model policy are run: one by one, century by century.

    The checkpoints lie beside a cell and go when it is finished. Whatever stops one cell leaves the others alone.
    """

    group: Group
    out: Path
    device: str
    threads: int
    live: bool

    def run(self, seed: int, config: RunConfig, outcome: GroupOutcome) -> None:
        """Run a cell, from its checkpoints where it has some."""
        from progressgym.bench.live import run_live
        from progressgym.tuning.processes import wait_for_all

        group, checkpoints = self.group, self._checkpoints(seed)
        try:
            with limited_threads(self.threads):
                actions = run_live(
                    _agent(group, self.device),
                    self._env(seed),
                    seed,
                    checkpoints=checkpoints,
                    log=_folder(group, self.out / "tensorboard") / f"live-{seed}",
                    quiet=not self.live,
                )
            wait_for_all(self.device)  # the others may still be reading the checkpoints
            _finish(group, _folder(group, self.out) / str(seed), config, actions, code_hash(group.agent), True)
        except Exception as error:  # noqa: BLE001  (out of memory, a full disk, NaN: this cell fails, the rest goes on)
            outcome.failures.append(_reason(group, seed, error))
            return
        discard(checkpoints)
        outcome.fresh += 1

    def rehearse(self, seed: int) -> None:
        """See that the model can be read and trained; see `LanguageModelLearner.rehearse`."""
        from progressgym.bench.live import with_model

        env = self._env(seed)
        env.reset(seed=seed)
        with limited_threads(self.threads):
            with_model(_agent(self.group, self.device)).rehearse(env.task)

    def run_along(self, seed: int) -> None:
        """The part of another process than the first one of `torchrun`: train with it and write nothing."""
        from progressgym.bench.live import run_along
        from progressgym.tuning.processes import wait_for_all

        with limited_threads(self.threads):
            run_along(_agent(self.group, self.device), self._env(seed), seed, checkpoints=self._checkpoints(seed))
        wait_for_all(self.device)

    def _env(self, seed: int) -> ProgressEnv:
        spec = self.group.history.at(seed)
        return environments(self.group.challenge, _source(spec), spec, 1)[0]

    def _checkpoints(self, seed: int) -> Path:
        return _folder(self.group, self.out) / f"{seed}{CHECKPOINTS}"


def _folder(group: Group, out: Path) -> Path:
    return group_folder(out, group.history.id, group.challenge.id, group.agent)


def _run(group: Group, seeds: list[int], device: str, outcome: GroupOutcome) -> list[tuple[int, NDArray[np.float32]]]:
    """Actions of every seed that could be run."""
    if not seeds:
        return []
    if not is_own(group.agent):
        try:
            return list(zip(seeds, _batch(group, seeds, device), strict=True))
        except Exception as error:  # noqa: BLE001  (one bad seed must not take the others with it)
            if len(seeds) == 1:
                outcome.failures.append(_reason(group, seeds[0], error))
                return []
    done = []
    for seed in seeds:
        try:
            done.append((seed, _single(group, seed) if is_own(group.agent) else _batch(group, [seed], device)[0]))
        except Exception as error:  # noqa: BLE001  (an agent may raise anything; its cell fails, the rest goes on)
            outcome.failures.append(_reason(group, seed, error))
    return done


def _batch(group: Group, seeds: list[int], device: str) -> list[NDArray[np.float32]]:
    """Actions of every seed. What is asked about differs between splits; those with as many questions run together."""
    specs = [group.history.at(seed) for seed in seeds]
    envs = [environments(group.challenge, _source(spec), spec, 1)[0] for spec in specs]
    sizes = [env.config.chooser.queries for env in envs]
    rows_taken: dict[int, NDArray[np.float32]] = {}
    for size in dict.fromkeys(sizes):
        rows = [row for row, own in enumerate(sizes) if own == size]
        taken = run_batch(_agent(group, device), [envs[row] for row in rows], [seeds[row] for row in rows])
        rows_taken |= dict(zip(rows, taken, strict=True))
    return [rows_taken[row] for row in range(len(seeds))]


def _agent(group: Group, device: str) -> Agent:
    return make_for(group.agent, group.challenge.horizon, device)


def _single(group: Group, seed: int) -> NDArray[np.float32]:
    return play(group.agent, group.challenge.id, group.history.at(seed), seed)


def _finish(
    group: Group,
    place: Path,
    config: RunConfig,
    actions: NDArray[np.float32],
    source: str | None,
    folders: bool,
) -> None:
    """Score and write a cell."""
    challenge, spec = group.challenge, group.history.at(config.seed)
    base = baseline_of(challenge.id, spec, config.seed)
    trace = replay(environment(challenge.id, spec), config.seed, actions)
    scores = score_cell(challenge, trace, base, group.measures)
    log = step_log(challenge, trace.history, scores, trace.compared.tolist()) if folders else None
    write_cell(place, config=config, actions=actions, scores=scores, log=log, source=source)


@lru_cache(maxsize=KEPT)
def _source(spec: str) -> HistorySource:
    return resolve_history(spec)


@lru_cache(maxsize=4096)
def _identity(challenge: str, spec: str, seed: int) -> tuple[str, str, tuple[str, str]]:
    """Name and hash of an episode's history, and of its instrument."""
    env = environment(challenge, spec)
    env.reset(seed=seed)
    history = env.history
    return history.name, history.hash, (history.instrument.name, history.instrument.hash)


@lru_cache(maxsize=1)
def _commit() -> str | None:
    return git_commit()


def _reason(group: Group, seed: int, error: BaseException) -> str:
    """One line: which cell, what happened, and where in whose code."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    text = " ".join(str(error).split()) or type(error).__name__
    kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
    return f"{group.title} seed {seed}: {kind}{text}{'' if isinstance(error, (UserError, OSError)) else where}"
