"""The board's side of the pipe to a sandboxed agent: frames out, frames in, and a watch on everything the agent does.

The agent may do as it likes: say nothing, too much, nonsense, or never read. Whatever happens becomes a `GuestFailure`
with a reason, within the time limits, and everything in its sandbox is killed.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from progressgym.core.frames import PREFIX, Frame, FrameError, decode, encode, lengths
from progressgym.envs.messages import FAILED
from progressgym.leaderboard.problems import plain
from progressgym.leaderboard.sandbox import OUTSIDE, SCRATCH, SCRATCH_BYTES

CHUNK = 2**16
WATCH_SECONDS = 0.05
"""How often memory and processes are counted."""
MOST_HEADER = 4096
"""Bytes of a header from the agent."""
MOST_TOLD = 2**20
"""Bytes that an agent may print in a run; the first `KEPT_TOLD` are kept."""
KEPT_TOLD = 2000


class GuestFailure(Exception):
    """The agent did not do what it should; the message says what instead."""


@dataclass(kw_only=True, frozen=True)
class GuestLimits:
    """What the run of an agent may use."""

    memory: int = 2 * 2**30
    """Bytes in memory, all its processes together."""
    address_space: int = 8 * 2**30
    """Bytes of a process."""
    processor_seconds: int = 900
    """Of a process."""
    processes: int = 32
    """Threads count."""
    file_bytes: int = 32 * 2**20
    start_seconds: float = 120.0
    """From the start, or from new tasks, to readiness."""
    step_seconds: float = 60.0
    """From an observation to its answer."""
    run_seconds: float = 900.0
    """From the start of a process to its end."""
    total_seconds: float = 3600.0
    """All processes of one reproduction."""


class Guest:
    """A sandboxed process on the other end of two pipes."""

    def __init__(self, command: Sequence[str], limits: GuestLimits) -> None:
        """Start it.

        Args:
            command: of `sandbox.command`.
            limits: of the run.
        """
        self.limits = limits
        self.stderr_text = b""
        """Beginning of what it printed."""
        self._began = time.monotonic()
        self._printed = 0
        self._ahead = bytearray()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=OUTSIDE,
            cwd="/",
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._in, self._out, self._err = self._process.stdin, self._process.stdout, self._process.stderr
        for pipe in (self._in, self._out, self._err):
            os.set_blocking(pipe.fileno(), False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def ask(self, frame: Frame, seconds: float, most_body: int) -> Frame:
        """Send a frame and wait for the answer.

        Args:
            frame: what to say.
            seconds: how long the answer may take.
            most_body: bytes of the answer's arrays at most.

        Raises:
            GuestFailure: anything but one frame in time. The agent's own words are in its message, made printable.
        """
        self.tell(frame, seconds)
        deadline = time.monotonic() + seconds
        prefix = self._read(PREFIX.size, deadline)
        try:
            header, body = lengths(prefix, MOST_HEADER, most_body)
            answer = decode(self._read(header, deadline), self._read(body, deadline))
        except FrameError as error:
            raise GuestFailure(f"its answer cannot be read: {error}") from None
        if answer.kind == FAILED:
            raise GuestFailure(f"the agent failed: {plain(str(answer.fields.get('reason', '')))}")
        return answer

    def tell(self, frame: Frame, seconds: float) -> None:
        """Send a frame.

        Raises:
            GuestFailure: it spoke before it was asked, does not read, or is gone.
        """
        data, deadline = memoryview(encode(frame)), time.monotonic() + seconds
        self._hush()
        while data:
            self._watch(deadline, writing=True)
            with contextlib.suppress(BlockingIOError):
                try:
                    data = data[os.write(self._in.fileno(), data[:CHUNK]) :]
                except BrokenPipeError:
                    raise GuestFailure(self._gone()) from None

    def end(self) -> None:
        """Kill it and everything that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._in, self._out, self._err):
            pipe.close()

    def _read(self, count: int, deadline: float) -> bytes:
        """Exactly so many bytes."""
        while len(self._ahead) < count:
            self._watch(deadline)
            with contextlib.suppress(BlockingIOError):
                chunk = os.read(self._out.fileno(), CHUNK)
                if not chunk:
                    raise GuestFailure(self._gone())
                self._ahead += chunk
        taken = bytes(self._ahead[:count])
        del self._ahead[:count]
        return taken

    def _watch(self, deadline: float, *, writing: bool = False) -> None:
        """Wait until there is something to do, and see to the limits meanwhile."""
        wanted = self._in if writing else self._out
        while True:
            now = time.monotonic()
            if now > deadline:
                raise GuestFailure("it took too long for a step" if not writing else "it does not read what it is sent")
            if now > self._began + self.limits.run_seconds:
                raise GuestFailure(f"the run took longer than {self.limits.run_seconds:g} seconds")
            self._listen()
            self._count()
            with selectors.DefaultSelector() as selector:
                selector.register(wanted, selectors.EVENT_WRITE if writing else selectors.EVENT_READ)
                if selector.select(WATCH_SECONDS):
                    return

    def _listen(self) -> None:
        """Take what it printed off the pipe; keep the beginning."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._err.fileno(), CHUNK):
                self._printed += len(chunk)
                self.stderr_text = (self.stderr_text + chunk)[:KEPT_TOLD]
                if self._printed > MOST_TOLD:
                    raise GuestFailure(f"it printed more than {MOST_TOLD} bytes")

    def _count(self) -> None:
        """Count memory and processes in the sandbox."""
        processes = descendants(self._process.pid)
        memory = sum(map(_held, processes)) + _scratch(processes)
        if memory > self.limits.memory:
            raise GuestFailure(f"it used more than {self.limits.memory >> 20} MiB of memory")
        if len(processes) > self.limits.processes + SANDBOX_PROCESSES:
            raise GuestFailure(f"it started more than {self.limits.processes} processes")

    def _hush(self) -> None:
        """It may not have said anything yet."""
        with contextlib.suppress(BlockingIOError):
            if not self._ahead and not os.read(self._out.fileno(), 1):
                raise GuestFailure(self._gone())
            raise GuestFailure("it spoke without being asked, or said more than it was asked")

    def _gone(self) -> str:
        """Why the pipe is closed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1.0)
        with contextlib.suppress(GuestFailure):
            self._listen()
        lines = [
            line for line in plain(self.stderr_text.decode("utf-8", "replace"), KEPT_TOLD).split("\\n") if line.strip()
        ]
        tail = f": {lines[-1].strip()}" if lines else ""
        code = self._process.returncode
        how = "closed its pipe" if code is None else f"ended with exit code {code}"
        return f"it {how} before it answered{tail}"


SANDBOX_PROCESSES = 8
"""Processes of the sandbox itself, at most."""


def descendants(process: int) -> list[int]:
    """All processes below one, as far as they can be seen."""
    processes: list[int] = []
    waiting = [process]
    while waiting:
        parent = waiting.pop()
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{parent}/task"):
                with contextlib.suppress(OSError):
                    text = Path(f"/proc/{parent}/task/{task}/children").read_text(encoding="ascii")
                    children = [int(child) for child in text.split()]
                    processes += children
                    waiting += children
    return processes


HELD = ("VmRSS:", "VmSwap:", "VmPTE:", "HugetlbPages:")
"""What of a process takes memory, in kB: resident, swapped out, page tables, huge pages (in none of the others)."""


def _held(process: int) -> int:
    """Bytes of memory that a process holds. What lies in no page table the sandbox's filter does not let it make."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace").splitlines()
        return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(HELD))
    return 0


INODE_BYTES = 1024
"""What a file in memory takes beside its content, by the kernel's own reckoning (BOGO_INODE_SIZE of mm/shmem.c)."""


def _scratch(processes: Sequence[int]) -> int:
    """Bytes of memory in the files of a sandbox: empty ones, too, of which there could be millions."""
    for process in reversed(processes):  # the outermost may still see the board's own folders
        with contextlib.suppress(OSError):
            disks = [os.statvfs(f"/proc/{process}/root{folder}") for folder in SCRATCH]
            if all(one.f_blocks * one.f_frsize == SCRATCH_BYTES for one in disks):
                blocks = sum((one.f_blocks - one.f_bfree) * one.f_frsize for one in disks)
                return blocks + INODE_BYTES * sum(one.f_files - one.f_ffree for one in disks)
    return 0
