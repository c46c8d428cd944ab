"""Kill -9 at random points of five commands: does the next start give what an uninterrupted run gives?

    python -m research.kills --kills 20

Every job runs once to its end, and is then killed again and again: by turns at a random call that changes a file
(`replace`, `unlink`, `rmdir`, `fsync`, `mkdir`, counted in a whole run) and at a random moment after its first file.
The same command is then run again and must end with code 0 and without a traceback, leave the same bytes as the run
that nobody disturbed (but for times and TensorBoard's event files), and nothing half written or half removed, neither
in its folder nor in the temporary folder.

Models are tiny and made here. With `--seed 2` (four kills of each command) 20 of 20 went on to the same bytes, without a
traceback and without a leftover. The machine was busy then: 6 of the 10 kills by time came when the command had ended, so
that 14 hit one at work, the 10 kills at a call among them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

TIMES = ("seconds", "created", "command")
"""Entries of records that differ between two runs that nobody disturbed."""
NOT_COMPARED = (".lock", ".migrate.lock", "seconds.json", "board.sqlite-shm", "board.sqlite-wal")
LEFTOVERS = ("**/.tmp-*", "**/.work-*", "**/*.centuries", "**/.unfinished")
COUNTED = """
import os, shutil, signal, sys
limit, told, calls = int(sys.argv[1]), sys.argv[2], 0
def counted(original):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)
    return call
for name in ("replace", "unlink", "rmdir", "fsync", "mkdir"):
    setattr(os, name, counted(getattr(os, name)))
from progressgym.cli.main import main
try:
    main(sys.argv[3:])
finally:
    open(told, "w").write(str(calls))
"""


def nothing(folder: Path) -> None:
    """No inputs."""


@dataclass(frozen=True)
class Job:
    """A command; `OUT` in it stands for its folder."""

    name: str
    words: tuple[str, ...]
    prepare: Callable[[Path], None] = nothing
    """Writes its inputs."""


@dataclass(frozen=True)
class Whole:
    """What a run to the end was like."""

    contents: dict[str, Any]
    calls: int
    """That change files."""
    first: float
    """Seconds until its first file."""
    seconds: float


def models(folder: Path) -> None:
    """A base, a history of adapters on it, and a corpus."""
    from tests.histories.test_build import write_corpus
    from tests.tuning.century_models import save_history

    if not (folder / "models").exists():
        save_history(folder / "models", centuries=3)
        write_corpus(folder / "corpus")


def submission(folder: Path) -> None:
    """A good one."""
    from progressgym.leaderboard.manifest import pack
    from tests.leaderboard.helpers import base_files

    (folder / "nudged.zip").write_bytes(pack(base_files()))


def jobs(folder: Path) -> list[Job]:
    """The five commands on small inputs, which their `prepare` writes to a folder."""
    base, history, corpus = folder / "models" / "base", folder / "models" / "history", folder / "corpus"
    bench = [
        "bench",
        "--challenges",
        "follow",
        "--seeds",
        "3",
        "--labels",
        "probability",
        "--quiet",
        "--out",
        "OUT",
        "--workers",
        "1",
    ]
    agents = ("--agents", "static,lifelong-map,tests.bench.own:Steady", "--history", "synthetic:linear?coherence=0.5")
    train = ("train", "lifelong-dpo?comparisons=4", "--history", str(history), "--policy", f"lm:{base}", "--quiet")
    build = [
        "--tokens",
        "2048",
        "--rank",
        "2",
        "--top-layers",
        "1",
        "--batch-size",
        "4",
        "--centuries",
        "C013,C016",
        "--out",
        "OUT",
    ]
    debate = "debate train --domain simulator --methods isolated,maxmin --seeds 1 --updates 6 --confuser-updates 3"
    submit = ("leaderboard", "submit", str(folder / "nudged.zip"), "--store", "OUT", "--submitter", "ada")
    return [
        Job("bench", (*bench, *agents)),
        Job("train", (*train, "--out", "OUT"), models),
        Job("history build", ("history", "build", str(corpus), "--base", str(base), *build), models),
        Job("debate train", tuple(f"{debate} --games 16 --hidden 8 --quiet --out OUT".split())),
        Job("leaderboard submit", submit, submission),
    ]


def start(job: Job, out: Path, limit: int = 0, told: Path | None = None) -> subprocess.Popen[str]:
    """Start a job, to be killed at its `limit`-th call; 0 lets it run."""
    scratch = out.parent / f"{out.name}-tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"TMPDIR": str(scratch), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    words = [str(out) if word == "OUT" else word for word in job.words]
    command = [sys.executable, "-c", COUNTED, str(limit), str(told or os.devnull), *words]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def run_whole(job: Job, out: Path) -> Whole:
    """Run a job to its end."""
    began, told, first = time.monotonic(), out.parent / f"{out.name}-calls", 0.0
    process = start(job, out, told=told)
    while process.poll() is None:
        first = first or (time.monotonic() - began if _begun(out) else 0.0)
        time.sleep(0.01)
    problems = _problems(process, out)
    if problems:
        raise SystemExit(f"{job.name} does not even run undisturbed: {problems}")
    return Whole(contents(out), int(told.read_text()), first, time.monotonic() - began)


def kill_and_resume(job: Job, whole: Whole, out: Path, rng: random.Random, by_call: bool) -> tuple[str, list[str]]:
    """Kill a job once and run it again; returns where it was killed, and what was wrong afterwards."""
    if by_call:
        limit = rng.randint(1, whole.calls)
        where, process = f"call {limit} of {whole.calls}", start(job, out, limit)
    else:
        wait = rng.random() * (whole.seconds - whole.first)
        where, process = f"{wait:.2f} s after its first file", start(job, out)
        while process.poll() is None and not _begun(out):
            time.sleep(0.01)
        deadline = time.monotonic() + wait
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    process.communicate()
    if process.returncode != -signal.SIGKILL:
        where += " (it had ended)"
    for left in (out.parent / f"{out.name}-tmp").iterdir():
        os.utime(left, (0, 0))  # as if the next start were a minute later
    again = start(job, out)
    problems = _problems(again, out)
    if problems:
        return where, problems
    now = contents(out)
    names = sorted(name for name in now.keys() | whole.contents.keys() if now.get(name) != whole.contents.get(name))
    told = [f"{name}{_difference(whole.contents.get(name), now.get(name))}" for name in names[:5]]
    return where, [f"not the same: {', '.join(told)}"] if names else []


def _difference(whole: Any, now: Any) -> str:
    """Where two records differ first."""
    if isinstance(whole, dict) and isinstance(now, dict):
        for key in whole.keys() | now.keys():
            if whole.get(key) != now.get(key):
                return f"/{key}{_difference(whole.get(key), now.get(key))}"
    if isinstance(whole, list) and isinstance(now, list) and len(whole) == len(now):
        for number, (one, other) in enumerate(zip(whole, now, strict=True)):
            if one != other:
                return f"/{number}{_difference(one, other)}"
    return f" ({str(whole)[:60]} became {str(now)[:60]})"


def contents(out: Path) -> dict[str, Any]:
    """Every file of a folder, without times."""
    found: dict[str, Any] = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.is_dir() or "tensorboard" in path.parts or path.name in NOT_COMPARED:
            continue
        if path.name == "board.sqlite":
            found[name] = _board(out)
        elif path.suffix == ".json":
            found[name] = _timeless(json.loads(path.read_text(encoding="utf-8")), out)
        elif path.suffix == ".npz":
            found[name] = _arrays(path, out)
        else:
            found[name] = path.read_bytes()
    return found


def _arrays(path: Path, out: Path) -> dict[str, Any]:
    """The arrays of a file; a record that lies among them, as in a row of a benchmark, without its times."""
    from progressgym.core.reading import read_npz

    arrays = read_npz(path)
    found: dict[str, Any] = {name: (str(array.dtype), array.shape, array.tobytes()) for name, array in arrays.items()}
    if "record" in arrays:
        found["record"] = _timeless(json.loads(arrays["record"].tobytes()), out)
    return found


def _board(out: Path) -> Any:
    from progressgym.leaderboard.store import Store

    store = Store.open(str(out))
    try:
        store.check_log()
        entries = [(one.digest, one.submitter, one.rung, store.cells(one.digest)) for one in store.entries()]
        return entries, store.scores("public"), [(one.action, one.actor, one.digest) for one in store.log()]
    finally:
        store.close()


def _timeless(value: Any, out: Path) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item, out) for key, item in value.items() if key not in TIMES}
    if isinstance(value, list):
        return [_timeless(item, out) for item in value]
    return value.replace(str(out), "OUT") if isinstance(value, str) else value


def _begun(out: Path) -> bool:
    return out.is_dir() and any(path.name != ".lock" for path in out.iterdir())


def _problems(process: subprocess.Popen[str], out: Path) -> list[str]:
    """What was wrong with a run that has to end well."""
    told = process.communicate()[1]
    problems = []
    if process.returncode != 0:
        problems.append(f"exit code {process.returncode}: {' '.join(told.split())[-300:]}")
    if "Traceback" in told:
        problems.append(f"a traceback: {' '.join(told.split())[-300:]}")
    left = [path for pattern in LEFTOVERS for path in out.glob(pattern)]
    left += (out.parent / f"{out.name}-tmp").glob("progressgym-*")
    if left:
        problems.append(f"left: {', '.join(path.relative_to(out.parent).as_posix() for path in left[:5])}")
    return problems


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="of all jobs together")
    parser.add_argument("--only", default="", help="names of jobs, with commas between them")
    parser.add_argument("--seed", type=int, default=0, help="of the points")
    options = parser.parse_args(arguments)
    rng, wrong = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen = [job for job in jobs(folder) if not options.only or job.name in options.only.split(",")]
        wholes = {}
        for kill in range(options.kills):
            job = chosen[kill % len(chosen)]
            place = folder / job.name.replace(" ", "-")
            if job.name not in wholes:
                job.prepare(folder)
                wholes[job.name] = whole = run_whole(job, place / "whole")
                print(
                    f"{job.name}: {whole.seconds:.1f} s, {whole.calls} calls, {len(whole.contents)} files", flush=True
                )
            where, problems = kill_and_resume(
                job, wholes[job.name], place / str(kill), rng, by_call=kill // len(chosen) % 2 == 0
            )
            wrong += bool(problems)
            print(f"{job.name}, killed at {where}: {'; '.join(problems) or 'the same'}", flush=True)
    print(f"{options.kills} kills, {wrong} of them with something wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
