"""Hard limits on this process: memory, processor time, file sizes, open files, processes."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(kw_only=True, frozen=True)
class Limits:
    """What one process may use. The defaults are those of verifying a submission."""

    memory: int = 1_000_000_000
    """Bytes of address space."""
    processor_seconds: int = 60
    wall_seconds: float = 90.0
    """Counted by whoever waits for the process."""
    file_bytes: int = 160 * 2**20
    open_files: int = 64
    processes: int | None = None
    """Processes and threads of its user; None leaves them alone."""


def set_limits(limits: Limits) -> None:
    """Set hard limits on this process; they cannot be raised again. Windows has none of them: there only time counts."""
    if sys.platform == "win32":
        return
    import resource

    wanted = [
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.processor_seconds),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
    ]
    if limits.processes is not None:
        wanted.append((resource.RLIMIT_NPROC, limits.processes))
    for kind, amount in wanted:
        top = resource.getrlimit(kind)[1]
        lower = amount if top == resource.RLIM_INFINITY else min(amount, top)
        try:
            resource.setrlimit(kind, (lower, lower))
        except ValueError:
            if sys.platform == "linux":  # macOS refuses limits of address space
                raise
