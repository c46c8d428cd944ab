"""Run tasks in this process or in several others, and survive what happens to them.

Other processes are spawned, never forked, compute on one thread each, ignore Ctrl-C (this process answers it for all)
and end when this process does, however it ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol, Self, TypeVar

from progressgym.bench.threads import limit_threads, one_thread
from progressgym.core.processes import end_with_parent
from progressgym.core.streams import substitute_signs

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)
ATTEMPTS = 2
"""How often a task may take its process down before it is given up."""


class Work(Protocol[Result_co]):
    """A task: it can be pickled and run anywhere."""

    def __call__(self) -> Result_co:
        """Do it."""
        ...


class Crashed(RuntimeError):
    """A task took its process down, or asked for more memory than there is."""


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool:
    """Processes that run tasks, or this one; others are started when they are first needed and kept until the end."""

    def __init__(self, workers: int) -> None:
        """Prepare; with 1 worker, or for a single task, everything is run in this process."""
        self.workers = workers
        self._executor: ProcessPoolExecutor | None = None
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def run_all(self, tasks: Sequence[Work[Result]], done: Callable[[int, Result | BaseException], None]) -> None:
        """Run every task and report each as it ends, in any order.

        Args:
            tasks: what to run.
            done: called here with the index of a task and its result or its error.
        """
        if not tasks:
            return
        if self.workers <= 1 or len(tasks) <= 1:
            with one_thread():
                for index, task in enumerate(tasks):
                    try:
                        result: Result | BaseException = task()
                    except Exception as error:  # noqa: BLE001  (reported, not hidden)
                        result = error
                    done(index, result)
            return
        attempts, workers = dict.fromkeys(range(len(tasks)), 0), self.workers
        while attempts:
            crashed = self._round(tasks, list(attempts), workers, attempts, done)
            # After a crash nobody knows which task did it: the rest goes on one at a time until it is found.
            for index in [i for i, count in attempts.items() if count >= ATTEMPTS]:
                done(index, Crashed("its process was killed, perhaps for lack of memory"))
                del attempts[index]
            workers = 1 if crashed else workers

    def _round(
        self,
        tasks: Sequence[Work[Result]],
        indices: list[int],
        workers: int,
        attempts: dict[int, int],
        done: Callable[[int, Result | BaseException], None],
    ) -> bool:
        """Run tasks until all are done or a process dies; returns whether one did."""
        executor = self._processes(workers)
        waiting = list(reversed(indices))
        running: dict[Future[Result], int] = {}
        while waiting or running:
            # No more than one task a process in flight, so that a crash is blamed on few.
            while waiting and len(running) < workers:
                index = waiting.pop()
                running[executor.submit(tasks[index])] = index
            ready, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ready:
                index = running.pop(future)
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    for victim in (index, *running.values()):
                        attempts[victim] += 1
                    self._end()
                    return True
                done(index, future.result() if error is None else error)
                del attempts[index]
        return False

    def _processes(self, workers: int) -> ProcessPoolExecutor:
        """As many processes, those of the last round where there are some."""
        if self._executor is None or self._size != workers:
            self._end()
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(
                workers, mp_context=context, initializer=_start, initargs=(os.getpid(),)
            )
            self._size = workers
        return self._executor

    def _end(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
            for process in multiprocessing.active_children():
                process.terminate()


def model_threads(workers: int) -> int:
    """Threads of a language model: what `OMP_NUM_THREADS` says, else an even share of the cores."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) > 0 else max(usable_cores() // max(workers, 1), 1)


def _start(parent: int) -> None:
    """Prepare a process of the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent)
    substitute_signs()
    limit_threads(1)
