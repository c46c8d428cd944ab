"""Play episodes: the environment and the truth here, the agent in its sandbox, task and observations between them.

Legend of shapes: S seeds, n steps, N items, K options.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from progressgym.agents.text_reader import PLACE
from progressgym.core.errors import UserError
from progressgym.core.frames import Frame
from progressgym.core.ids import is_own
from progressgym.core.limits import Limits
from progressgym.envs import messages
from progressgym.envs.base import ProgressEnv
from progressgym.leaderboard.board import Board, CellKey, GroupKey
from progressgym.leaderboard.channel import Guest, GuestFailure, GuestLimits
from progressgym.leaderboard.sandbox import Room, command

GUEST = "progressgym.bench.guest"
OPEN_FILES = 64
"""Of a process. A full socket holds 0.2 MB that no process is charged for."""
Actions = NDArray[np.float32]


@dataclass(kw_only=True, frozen=True)
class Performer:
    """An agent and how it is run."""

    agent: str
    """A shipped agent's id, or `module:Class`."""
    code: tuple[Path, ...] = ()
    """Folders of an own agent's installed code, in the order of the search path."""
    model: Path | None = None
    """Folder of the weights (and of the prompt) of an agent that is a language model."""
    limits: GuestLimits = field(default_factory=GuestLimits)
    secrets: tuple[Path, ...] = ()
    """Places that no sandbox may show: key, store, private histories."""

    @property
    def own(self) -> bool:
        """Whether its code is a stranger's. Then every episode has a sandbox of its own."""
        return is_own(self.agent)


class Stage:
    """Where an agent plays.

    A shipped agent is the board's own code: one sandbox for all groups, and all seeds of a group side by side as in a
    benchmark, step n of all of them before step n + 1 of any. A stranger's agent plays one episode after the other, each
    in a fresh sandbox, so that it cannot carry over what an episode told.
    """

    def __init__(self, performer: Performer) -> None:
        """Prepare; nothing is started yet."""
        self.performer = performer
        self._end = time.monotonic() + performer.limits.total_seconds
        self._guest: Guest | None = None
        self._seconds, self._decisions = 0.0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._guest is not None:
            self._guest.end()

    def play(self, board: Board, group: GroupKey, agent_seeds: Sequence[int]) -> list[Actions]:
        """Play all seeds of a group.

        Args:
            board: whose environments.
            group: history and challenge.
            agent_seeds: of the agent's own randomness, one for each of the board's seeds.

        Returns:
            S arrays (n, N, K).

        Raises:
            GuestFailure: with the reason.
        """
        seeds = list(zip(board.seeds, agent_seeds, strict=True))
        keys = [CellKey(*group, seed) for seed in board.seeds]
        if not self.performer.own:
            self._guest = self._guest or self._start()
            return self._side_by_side(self._guest, board.environments(keys), seeds)
        taken: list[Actions] = []
        for key, pair in zip(keys, seeds, strict=True):
            with self._start() as guest:
                taken += self._episode(guest, [board.make(key)], [pair])
        return taken

    def compute(self) -> float | None:
        """Processor seconds for a decision of all that was played since the last call; None where nothing was.

        A decision is the answers to one observation of one episode. What counts is what the agent's processes use between
        readiness and their last answer: reading observations, learning and writing answers, not starting.
        """
        seconds, decisions = self._seconds, self._decisions
        self._seconds, self._decisions = 0.0, 0
        return max(seconds, 0.0) / decisions if decisions else None

    def _side_by_side(
        self, guest: Guest, envs: Sequence[ProgressEnv], seeds: Sequence[tuple[int, int]]
    ) -> list[Actions]:
        """As a benchmark does: splits with as many questions run together."""
        sizes = [env.config.chooser.queries for env in envs]
        rows_taken: dict[int, Actions] = {}
        for size in dict.fromkeys(sizes):
            rows = [row for row, own in enumerate(sizes) if own == size]
            taken = self._episode(guest, [envs[row] for row in rows], [seeds[row] for row in rows])
            rows_taken |= dict(zip(rows, taken, strict=True))
        return [rows_taken[row] for row in range(len(envs))]

    def _episode(self, guest: Guest, envs: Sequence[ProgressEnv], seeds: Sequence[tuple[int, int]]) -> list[Actions]:
        """Play one episode of every environment at the same time."""
        limits = guest.limits
        observations = [env.reset(seed=seed)[0] for env, (seed, _) in zip(envs, seeds, strict=True)]
        tasks = [env.task for env in envs]
        for frame in messages.instrument_frames(tasks):
            guest.tell(frame, limits.start_seconds)
        ready = guest.ask(
            messages.reset_frame(tasks, [own for _, own in seeds], self.performer.agent), limits.start_seconds, 0
        )
        if ready.kind != messages.READY:
            raise GuestFailure("it did not say that it is ready")
        shape = (len(envs), *tasks[0].action_shape)
        mask = tasks[0].instrument.mask
        taken: list[Actions] = []
        before = guest.processor_seconds()
        for _ in range(envs[0].steps):
            answer = guest.ask(messages.act_frame(observations), limits.step_seconds, 4 * int(np.prod(shape)))
            actions = _checked(answer, shape, mask)
            taken.append(actions)
            observations = [env.step(action)[0] for env, action in zip(envs, actions, strict=True)]
        self._seconds += guest.processor_seconds() - before
        self._decisions += len(taken) * len(envs)
        return [np.stack([actions[row] for actions in taken]) for row in range(len(envs))]

    def _start(self) -> Guest:
        """A fresh sandbox, for as long as there is time left."""
        limits = self.performer.limits
        left = self._end - time.monotonic()
        if left <= 0:
            raise GuestFailure(f"its runs took longer than {limits.total_seconds:g} seconds together")
        if self.performer.own:
            forget_pages(self.performer.code)
        return start(replace(self.performer, limits=replace(limits, run_seconds=min(limits.run_seconds, left))))


def forget_pages(folders: Sequence[Path]) -> None:
    """Take the files of an agent's own code out of the page cache.

    Which of their pages were read is a message from one sandbox to the next, as long as the agent likes.
    """
    for path in (path for folder in folders for path in folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fsync(descriptor)  # what is not written yet stays
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def start(performer: Performer) -> Guest:
    """Start a sandboxed agent."""
    limits = performer.limits
    own = Limits(
        memory=limits.address_space,
        processor_seconds=limits.processor_seconds,
        wall_seconds=limits.run_seconds,
        file_bytes=limits.file_bytes,
        open_files=OPEN_FILES,
        processes=limits.processes,
    )
    program = [sys.executable, "-P", "-m", GUEST, json.dumps(asdict(own))]
    program += map(str, performer.code)
    folder = performer.model.resolve() if performer.model is not None else None
    room = Room(
        readable=(*performer.code, *((folder,) if folder is not None else ())),
        environment=((PLACE, str(folder)),) if folder is not None else (),
    )
    return Guest(command(program, room, performer.secrets), limits)


def _checked(answer: Frame, shape: tuple[int, int, int], mask: NDArray[np.bool_]) -> Actions:
    try:
        return messages.read_actions(answer, shape, mask)
    except UserError as error:
        raise GuestFailure(str(error)) from None
