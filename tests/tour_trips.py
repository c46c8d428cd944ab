"""The four trips of docs/tour.md, walked with a profiler; prints the files that each passes, as JSON.

    python -m tests.tour_trips

A hop is a call from one file of the package into another.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import gymnasium as gym
import torch

import progressgym.agents
from progressgym import Instrument
from progressgym.bench.aggregate import aggregate
from progressgym.bench.execute import execute
from progressgym.bench.plan import make_plan
from progressgym.bench.table import print_table
from progressgym.leaderboard.manifest import pack
from progressgym.leaderboard.standings import make_standings
from progressgym.leaderboard.store import Store
from progressgym.leaderboard.verify import verify
from tests.leaderboard.helpers import base_files
from tests.tuning.century_models import save_history

HISTORY = "synthetic:linear?seed=0"
PACKAGE = "/progressgym/"


class Trip:
    """What was passed so far."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.files: list[str] = []
        self.hops: list[int] = []
        """Of each part of the way."""

    @contextmanager
    def walked(self) -> Iterator[None]:
        """Take note of calls."""
        self.hops.append(0)
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        file, before = frame.f_code.co_filename, frame.f_back
        if event != "call" or PACKAGE not in file:
            return
        while before is not None and PACKAGE not in before.f_code.co_filename:
            before = before.f_back
        self.hops[-1] += before is None or before.f_code.co_filename != file
        name = file.rpartition(PACKAGE)[2]
        if name not in self.files:
            self.files.append(name)


def action(trip: Trip, folder: Path) -> None:
    """To its reward."""
    env = gym.make("ProgressGym/Follow-v0", history=HISTORY)
    env.reset(seed=0)
    with trip.walked():
        env.step(env.action_space.sample())


def item(trip: Trip, folder: Path) -> None:
    """To a number in the table."""
    plan = make_plan(
        agents=["static", "lifelong-map"],
        challenges=["follow"],
        histories=[HISTORY],
        seeds=2,
        labels=["probability"],
        measures=["none"],
    )
    for group in plan.groups:
        execute(group, folder, "cpu")
    items = Instrument.load("moral19-v1").items
    with trip.walked():
        Instrument.from_items(items, name="again")
        rows = [aggregate(group, folder, 20) for group in plan.groups]
        print_table([row for row in rows if row is not None], {"follow": 8})


def pair(trip: Trip, folder: Path) -> None:
    """Into a trained policy: a stance, and a language model."""
    base, history, _ = save_history(folder, centuries=3)
    env = gym.make("ProgressGym/Follow-v0", history=str(history))
    for name in ("lifelong-dpo", f"lifelong-dpo?comparisons=4&policy=lm:{base}"):
        observation, info = env.reset(seed=0)
        agent = progressgym.agents.make(name)
        agent.reset(env.unwrapped.task, seed=0)  # type: ignore[attr-defined]
        with trip.walked():
            agent.act(observation, info)


def submission(trip: Trip, folder: Path) -> None:
    """To a row."""
    path = folder / "mine.zip"
    path.write_bytes(pack(base_files()))
    store = Store.open(str(folder / "board"))
    with trip.walked():
        verdict, evidence = verify(path, resamples=20)
        store.submit(verdict, evidence, "ada")
        make_standings(store)
    store.close()


TRIPS: tuple[Callable[[Trip, Path], None], ...] = (action, item, pair, submission)


def main() -> None:
    """Walk them; what they print themselves goes to standard error."""
    torch.set_num_threads(1)
    out, sys.stdout = sys.stdout, sys.stderr
    passed = {}
    for walk in TRIPS:
        trip = Trip()
        with tempfile.TemporaryDirectory() as folder:
            walk(trip, Path(folder))
        passed[walk.__name__] = {"hops": trip.hops, "files": trip.files}
    json.dump(passed, out)


if __name__ == "__main__":
    main()
