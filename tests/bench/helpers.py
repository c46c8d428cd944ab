"""Helpers of the benchmark tests: small plans, folders as comparable dictionaries."""

from __future__ import annotations

import json
from pathlib import Path

from progressgym.bench.plan import Plan, make_plan
from progressgym.bench.runner import BenchOutcome, run_bench
from progressgym.scores.cells import read_cell

LINEAR = "synthetic:linear?coherence=0.5"


def small_plan(agents: str = "static,lifelong-map", seeds: int = 2, challenges: str = "follow") -> Plan:
    return make_plan(
        agents=agents.split(","),
        challenges=challenges.split(","),
        histories=[LINEAR],
        seeds=seeds,
        labels=["probability"],
    )


def bench(plan: Plan, out: Path, workers: int = 1, folders: bool = False) -> BenchOutcome:
    """Without pictures, and with few resamples: what is tested here is bookkeeping."""
    return run_bench(plan, out, workers=workers, resamples=50, reports=False, progress=False, folders=folders)


def cells(out: Path) -> dict[str, bytes]:
    """Every byte of every cell that says what came out; the code version may change between two runs of a test."""
    found = {}
    for path in _cells(out):
        for file, data in read_cell(path.with_suffix("")).files.items():
            name = f"{path.with_suffix('').relative_to(out)}/{file}"
            if file == "config.json":
                record = json.loads(data)
                kept = {key: value for key, value in record.items() if key not in ("git_commit", "sha256")}
                found[name] = json.dumps(kept).encode()
            elif file != "DONE.json":
                found[name] = data
    return found


def stamps(out: Path) -> dict[str, int]:
    """When each cell was finished, in nanoseconds."""
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in _cells(out)}


def _cells(out: Path) -> list[Path]:
    """Every finished cell, as an archive or as a folder."""
    folders = [path.parent for path in out.glob("*/*/*/*/DONE.json")]
    return [path for path in sorted([*out.glob("*/*/*/*.zip"), *folders]) if not path.name.startswith(".tmp-")]
