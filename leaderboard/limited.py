"""Verification in a child process with hard limits: memory, processor time, file sizes, open files, wall time.

What a stranger sends is parsed by the child alone. Whatever happens to it (out of memory, killed, hung) becomes a
problem in the verdict; the parent reads back one JSON file and the evidence, the verdict checked against its schema.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError

from progressgym.core.limits import Limits
from progressgym.leaderboard.problems import problem
from progressgym.leaderboard.records import Rung, Verdict
from progressgym.leaderboard.resample import RESAMPLES
from progressgym.leaderboard.scratch import own_disk, scratch

VERDICT, EVIDENCE_FILE = "verdict-{}.json", "evidence-{}.zip"
OWN_FAULT = 64
"""A child that cannot write what it found ends with this and the error's number: no fault of the submission."""

DEFAULT_LIMITS = Limits()


def verify_apart(
    source: Path | str,
    *,
    rung: Rung = "recomputed",
    resamples: int = RESAMPLES,
    limits: Limits = DEFAULT_LIMITS,
    within: Path | None = None,
) -> tuple[Verdict, bytes | None]:
    """Climb the ladder in a limited child process; see `verify` for what is returned, and `verify_all_apart`."""
    return verify_all_apart([source], rung=rung, resamples=resamples, limits=limits, within=within)[0]


def verify_all_apart(
    sources: Sequence[Path | str],
    *,
    rung: Rung = "recomputed",
    resamples: int = RESAMPLES,
    limits: Limits = DEFAULT_LIMITS,
    within: Path | None = None,
) -> list[tuple[Verdict, bytes | None]]:
    """Several submissions of one submitter in one child; if it dies, those not finished by then are refused.

    Args:
        sources: the submissions.
        rung: see `verify`.
        resamples: see `verify`.
        limits: of the child.
        within: where its temporary files go; by default the system's temporary folder.

    Raises:
        UserError: the board's own temporary files cannot be written: nobody is refused for that.
    """
    with scratch("verify", within) as out, own_disk(out):
        end = _run_child([str(Path(source).absolute()) for source in sources], out, rung, resamples, limits)
        return [_collect(out, index, end) for index in range(len(sources))]


def _run_child(sources: list[str], out: Path, rung: Rung, resamples: int, limits: Limits) -> str:
    """Run the child to its end; returns why it ended early, or nothing."""
    request = json.dumps(
        {"sources": sources, "out": str(out), "rung": rung, "resamples": resamples, "limits": asdict(limits)}
    )
    environment = {key: value for key, value in os.environ.items() if key in ("PATH", "PYTHONPATH", "HOME", "LANG")}
    # One thread: every further one of the linear algebra library reserves address space that the limit counts.
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "progressgym.leaderboard.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=out,
        env=environment,
        start_new_session=True,
        text=True,
    )
    try:
        child.communicate(request, timeout=limits.wall_seconds)
    except subprocess.TimeoutExpired:
        return f"took longer than {limits.wall_seconds:g} seconds"
    except BrokenPipeError:
        pass
    finally:
        _end(child)
    if child.returncode > OWN_FAULT:
        number = child.returncode - OWN_FAULT
        raise OSError(number, os.strerror(number))
    if sys.platform != "win32" and child.returncode == -signal.SIGXCPU:
        return f"took more than {limits.processor_seconds} seconds of processor time"
    if child.returncode:
        return "needed more memory or larger files than a submission may, or broke the verifier"
    return ""


def _end(child: subprocess.Popen[str]) -> None:
    """End the child and everything that it started."""
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _collect(out: Path, index: int, end: str) -> tuple[Verdict, bytes | None]:
    path = out / VERDICT.format(index)
    try:
        verdict = Verdict.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        reason = end or "broke the verifier"
        return Verdict(digest=None, rung=None, problems=[problem("limits", "", f"checking it {reason}")]), None
    if not verdict.accepted:
        return verdict, None
    return verdict, (out / EVIDENCE_FILE.format(index)).read_bytes()
