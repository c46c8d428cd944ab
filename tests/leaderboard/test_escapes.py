"""Agents that try everything, in the real sandbox: each ends as a recorded failure, and the board is none the worse."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import progressgym
from progressgym.core.errors import UserError
from progressgym.leaderboard import sandbox
from progressgym.leaderboard.board import CellKey, load_board
from progressgym.leaderboard.channel import GuestLimits
from progressgym.leaderboard.play import Performer
from progressgym.leaderboard.private import PrivateSplit, new_key
from progressgym.leaderboard.records import Reproduction
from progressgym.leaderboard.reproduce import reproduce
from progressgym.leaderboard.sandbox import HIDDEN, check_sandbox
from progressgym.leaderboard.store import Store
from progressgym.leaderboard.submission import Submission
from progressgym.leaderboard.truth import episode_truth
from tests.leaderboard.stores import verdict

AGENTS = Path(__file__).parent / "agents"
LIMITS = GuestLimits(
    memory=300 << 20, address_space=4 << 30, processes=24, start_seconds=60.0, step_seconds=20.0, run_seconds=90.0
)
OTHER: dict[str, dict[str, Any]] = {
    "Hang": {"step_seconds": 4.0},
    "HangAtImport": {"start_seconds": 8.0},
    "EmptyFiles": {"memory": 100 << 20, "step_seconds": 60.0},
}
"""Limits that let an agent come to its end sooner, or at all on a slow machine."""
STOPPED = r"the agent failed: RuntimeError: stopped: "
CASES = {
    "Histories": STOPPED
    + "UserError, UserError, FileNotFoundError, FileNotFoundError, ModuleNotFoundError, LookupError",
    "Memory": STOPPED + r"FileNotFoundError, (OSError|ProcessLookupError|PermissionError), "
    r"(OSError|ProcessLookupError|PermissionError), (FileNotFoundError|PermissionError), LookupError",
    "Secrets": STOPPED + r"(FileNotFoundError|PermissionError|, )+$",
    "Environment": STOPPED + "LookupError, LookupError, AttributeError, KeyError",
    "Variables": STOPPED + "LookupError, LookupError",
    "Network": STOPPED
    + r"(ConnectionRefusedError|OSError), OSError, OSError, OSError, gaierror, \w+, ConnectionRefusedError",
    "Signals": STOPPED + r"(ProcessLookupError|PermissionError|, )+$",
    "SignalsToAll": "ended with exit code|ended before|closed its pipe",
    "Writing": STOPPED + r"(OSError|PermissionError|, )+$",
    "Privileges": STOPPED + r"(OSError|PermissionError|CalledProcessError|FileNotFoundError|, )+$",
    "ForkBomb": "BlockingIOError|started more than|took too long|more than 300 MiB of memory",
    "FillDisk": "No space left on device|File too large",
    "FillMemory": "more than 300 MiB of memory|MemoryError|exit code",
    "FillMemoryTogether": "more than 300 MiB of memory",
    "Hang": "took too long for a step",
    "HangAtImport": "took too long",
    "Flood": "cannot be read: it does not begin as a frame",
    "FloodPrinting": "printed more than",
    "Malformed": "cannot be read: it announces 16 [+] 18446744073709551615 bytes",
    "BadHeader": "cannot be read: its header is not JSON",
    "Pickled": "cannot be read: it does not begin as a frame",
    "TooEarly": "spoke without being asked",
    "ClosesPipe": "closed its pipe before it answered|took too long for a step",
    "NotANumber": "the actions hold NaN",
    "WrongShape": r"expected float32 of shape \(1, ",
    "KeyRings": STOPPED + r"(PermissionError, ){12}LookupError$",
    "MemoryFiles": STOPPED + r"(PermissionError, ){8}FileNotFoundError$",
    "FullSockets": "the agent failed: OSError: .*Too many open files",
    "PageCache": STOPPED + r"(PermissionError|, )+$",
    "SharedFiles": STOPPED + r"OSError, (PermissionError|, )+$",
    "OtherNetworks": STOPPED + "LookupError$",
    "EmptyFiles": "more than 100 MiB of memory",
    "Doors": STOPPED + r"(PermissionError|, )+$",
    "CallsOfX32": "ended with exit code (159|-31) before",
    "CallsOf32Bits": "ended with exit code (159|-31) before",
    "Terminal": r"RuntimeError: \\x1b\[2J\\x1b\]0;owned\\x07",
}


def sandboxed() -> str:
    """Why there is no sandbox here, or nothing."""
    try:
        check_sandbox()
    except UserError as error:
        return str(error)
    return ""


pytestmark = [pytest.mark.heavy, pytest.mark.skipif(bool(sandboxed()), reason=sandboxed())]


@dataclass(kw_only=True, frozen=True)
class Scene:
    """A small board, a store with one entry, and everything that an agent might want to have."""

    submission: Submission
    split: PrivateSplit
    store: Store
    digest: str
    secrets: tuple[Path, ...]
    targets: dict[str, Any]


def small_submission(agent: str) -> Submission:
    """A submission of a single cell: century 0's answers."""
    board = load_board()
    small = replace(board, histories=board.histories[2:], challenges=board.challenges[:1], seeds=(0,))
    keys = [CellKey(*small.groups[0], seed) for seed in small.seeds]
    told, _ = verdict()
    assert told.record is not None
    record = told.record.model_copy(update={"agent": told.record.agent.model_copy(update={"id": agent})})
    actions = {key: episode_truth(small, key).static_actions() for key in keys}
    return Submission(record=record, digest="0" * 64, signer=None, board=small, actions=actions, files={})


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("board")
    store = Store.open(folder / "store")
    digest = str(store.submit(*verdict(), "mallory").id)
    key = new_key(folder / "board.key", "1")
    submission = small_submission("hostile:Agent")
    secrets = (folder / "board.key", folder / "store")
    package = Path(progressgym.__file__).resolve().parent
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix, socket.socket(socket.AF_UNIX) as abstract:
        tcp.bind(("127.0.0.1", 0))
        unix.bind(str(folder / "s"))
        abstract.bind(f"\0progressgym-{os.getpid()}")
        for one in (tcp, unix, abstract):
            one.listen()
        targets = {
            "pid": os.getpid(),
            "group": os.getpgrp(),
            "port": tcp.getsockname()[1],
            "unix": str(folder / "s"),
            "abstract": f"progressgym-{os.getpid()}",
            "answers": str(package / "data/histories/histsmol-v1/answers.npz"),
            "masked": str(package / HIDDEN[0]),
            "command": Path("/proc/self/cmdline").read_text(encoding="utf-8"),
            "beside": [str(package.parent / name) for name in ("docs", "tests", "leaderboard", "benchmarks")],
            "home": str(Path.home() / ".cache"),
            "secrets": [str(folder / "board.key"), str(folder / "store/board.sqlite")],
        }
        yield Scene(
            submission=submission,
            split=PrivateSplit(key=key, board=submission.board),
            store=store,
            digest=digest,
            secrets=secrets,
            targets=targets,
        )
    store.close()


def install(source: Path, agent: str, targets: dict[str, Any], into: Path) -> Path:
    """The code of one hostile agent as its submitter would send it."""
    into.mkdir()
    shutil.copy(source, into / source.name)
    calls = source.with_name(f"{source.stem}_calls.py").read_text(encoding="utf-8")
    (into / f"{source.stem}_calls.py").write_text(calls.replace("tests.leaderboard.agents.", ""), encoding="utf-8")
    chosen = f"from {source.stem}_calls import {agent} as Agent" if f"class {agent}(" in calls else f"Agent = {agent}"
    with open(into / source.name, "a", encoding="utf-8") as file:
        file.write(f"\n\n{chosen}\n")
    (into / "targets.json").write_text(json.dumps(targets), encoding="utf-8")
    for path in (into, *into.iterdir()):
        path.chmod(0o755)
    return into


def run_all(agents: Iterable[str], scene: Scene, folder: Path, way: str | None = None) -> dict[str, Reproduction]:
    """Every agent's run; some side by side, for most of them wait for a limit."""

    def run(agent: str) -> Reproduction:
        code = install(AGENTS / "hostile.py", agent, scene.targets, folder / agent)
        limits = replace(LIMITS, **OTHER.get(agent, {}))
        performer = Performer(agent="hostile:Agent", code=(code,), limits=limits, secrets=scene.secrets)
        return reproduce(scene.submission, scene.split, performer, resamples=20)

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(4) as pool:
        patch.setenv("PROGRESSGYM_TEST_SECRET", "the secret")
        if way is not None:
            patch.setattr(sandbox, "check_sandbox", lambda: way)
        return dict(zip(agents, pool.map(run, agents), strict=True))


@pytest.fixture(scope="module")
def outcomes(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reproduction]:
    return run_all(list(CASES), scene, tmp_path_factory.mktemp("code"))


@pytest.mark.skipif(sandbox.probe(sandbox.UNSHARE) is not None, reason=str(sandbox.probe(sandbox.UNSHARE)))
def test_without_bubblewrap_the_walls_are_the_same(scene: Scene, tmp_path: Path) -> None:
    agents = ["Histories", "Memory", "Secrets", "Network", "Signals", "Writing", "Privileges", "ForkBomb"]
    agents += [
        "KeyRings",
        "MemoryFiles",
        "PageCache",
        "SharedFiles",
        "OtherNetworks",
        "Doors",
        "CallsOfX32",
        "CallsOf32Bits",
    ]
    for agent, done in run_all(agents, scene, tmp_path, sandbox.UNSHARE).items():
        assert not done.matches and "ESCAPED" not in done.note and re.search(CASES[agent], done.note), done.note


@pytest.mark.parametrize("agent", CASES)
def test_every_attempt_ends_as_a_recorded_failure(agent: str, scene: Scene, outcomes: dict[str, Reproduction]) -> None:
    done = outcomes[agent]
    scene.store.record_reproduction(scene.digest, done)
    entry = scene.store.entry(scene.digest)
    assert entry.reproduction is not None and not entry.reproduction.matches and entry.rung == "recomputed"
    note = entry.reproduction.note
    assert "ESCAPED" not in note and re.search(CASES[agent], note), note
    assert note.isascii() and note.isprintable()
    assert scene.store.log()[-1].action == "not-reproduced"
    assert scene.store.scores("private") == {}
    scene.store.check_log()
    assert Path(scene.targets["answers"]).is_file() and Path(scene.targets["secrets"][0]).is_file()
