"""Helpers of the benchmark tests: small plans, folders as comparable dictionaries."""

from __future__ import annotations

import json
from pathlib import Path

from progressgym.bench.plan import Plan, make_plan
from progressgym.bench.runner import BenchOutcome, run_bench

LINEAR = "synthetic:linear?coherence=0.5"


def small_plan(agents: str = "static,lifelong-map", seeds: int = 2, challenges: str = "follow") -> Plan:
    return make_plan(
        agents=agents.split(","),
        challenges=challenges.split(","),
        histories=[LINEAR],
        seeds=seeds,
        labels=["probability"],
    )


def bench(plan: Plan, out: Path, workers: int = 1) -> BenchOutcome:
    """Without pictures, and with few resamples: what is tested here is bookkeeping."""
    return run_bench(plan, out, workers=workers, resamples=50, reports=False, progress=False)


def cells(out: Path) -> dict[str, bytes]:
    """Every byte of every cell that says what came out; the code version may change between two runs of a test."""
    found = {}
    for path in sorted(out.glob("*/*/*/*/*")):
        if "tensorboard" in path.parts:
            continue
        name = str(path.relative_to(out))
        if path.name == "config.json":
            record = json.loads(path.read_text())
            found[name] = json.dumps({k: v for k, v in record.items() if k not in ("git_commit", "sha256")}).encode()
        elif path.name != "DONE.json":
            found[name] = path.read_bytes()
    return found


def stamps(out: Path) -> dict[str, int]:
    """When each cell was finished, in nanoseconds."""
    return {
        str(path.relative_to(out)): path.stat().st_mtime_ns
        for path in sorted(out.glob("*/*/*/*/DONE.json"))
        if not path.parent.name.startswith(".tmp-")
    }
