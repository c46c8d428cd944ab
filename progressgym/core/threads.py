"""Work on several cores, and memory to work in: numpy lets go of the interpreter in its loops, so threads suffice."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Part = TypeVar("Part")
Result = TypeVar("Result")
MOST = 8
"""More threads wait for each other, and for memory, longer than they work."""


@cache
def cores() -> int:
    """How many threads work: `OMP_NUM_THREADS` where it is set, as for other numerical libraries, else all cores."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return min(int(asked), MOST)
    affinity = getattr(os, "sched_getaffinity", None)
    return min(len(affinity(0)) if affinity else os.cpu_count() or 1, MOST)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), thread_name_prefix="progressgym")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork


def each(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """What `work` makes of every part, in order; parts must not depend on each other, nor `work` call `each`."""
    if len(parts) < 2 or cores() == 1:
        return [work(part) for part in parts]
    return list(_pool().map(work, parts))


_KEPT = threading.local()


def scratch(name: str, shape: tuple[int, ...], dtype: Any = np.float64) -> NDArray[Any]:
    """An array of this thread with any contents, the same one again for the same name, shape and type.

    The system hands out large new arrays page by page, which costs more than a few operations on them. What is written
    here must be used up before the next call with this name.
    """
    buffers: dict[str, NDArray[Any]] = _KEPT.__dict__
    buffer = buffers.get(name)
    if buffer is None or buffer.shape != shape or buffer.dtype != dtype:
        buffer = buffers[name] = np.empty(shape, dtype=dtype)
    return buffer
