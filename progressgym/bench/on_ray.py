"""The same tasks on a Ray cluster: this machine's, or one that runs already.

A task whose worker dies is tried again, as in the local pool; then it fails alone. Tasks run in this process's folder
and with its import path, and compute on one thread each, so their numbers are those of the local pool. Cells are files:
on several machines the benchmark's folder must be on storage that all of them share.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from progressgym.bench.pool import ATTEMPTS, Crashed, Result, Work
from progressgym.bench.threads import one_thread
from progressgym.core.errors import UserError

LOCAL = "local"
"""Address of a cluster on this machine, for the time of the benchmark."""
OBJECT_STORE_BYTES = 100 * 2**20
"""Tasks and results are small; Ray would reserve a third of the memory."""
KNOCK_SECONDS = 5.0
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_DEDUP_LOGS": "0"}


@dataclass(kw_only=True, frozen=True)
class Place:
    """What a worker needs to stand in for this process."""

    folder: str
    """Current folder."""
    path: tuple[str, ...]
    """Where modules are imported from."""
    proof: str
    """A file that is there only where the benchmark's folder is shared."""

    @classmethod
    def here(cls, proof: Path) -> Place:
        """This process's."""
        return cls(folder=os.getcwd(), path=tuple(sys.path), proof=str(proof.resolve()))

    def enter(self) -> None:
        """Make this process, a worker, stand there.

        Raises:
            UserError: this machine does not share the benchmark's folder.
        """
        if not os.path.isfile(self.proof):
            folder = os.path.dirname(self.proof)
            raise UserError(f"{folder} is not on this worker's machine; put --out on storage that all machines share")
        if os.path.isdir(self.folder):
            os.chdir(self.folder)
        sys.path.extend(entry for entry in self.path if entry not in sys.path)


def run_on_ray(
    tasks: Sequence[Work[Result]],
    workers: int,
    done: Callable[[int, Result | BaseException], None],
    *,
    address: str,
    proof: Path,
    gpus: int = 0,
) -> None:
    """Run every task and report each as it ends, in any order.

    Args:
        tasks: what to run.
        workers: processes of a local cluster; a running cluster has its own number.
        done: called here with the index of a task and its result or its error.
        address: `local`, `auto`, `host:port` or `ray://host:port`.
        proof: a file in the benchmark's folder.
        gpus: how many each task needs.

    Raises:
        UserError: Ray is not installed, or no cluster answers at the address.
    """
    if not tasks:
        return
    place = Place.here(proof)
    with _cluster(address, workers, gpus) as ray:
        perform = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=ATTEMPTS - 1, retry_exceptions=False)(_perform)
        running = {perform.remote(task, place): index for index, task in enumerate(tasks)}
        while running:
            ready, _ = ray.wait(list(running), num_returns=1)
            for reference in ready:
                done(running.pop(reference), _outcome(ray, reference))


def _perform(task: Work[Result], place: Place) -> Result:
    place.enter()
    with one_thread():
        return task()


def _outcome(ray: Any, reference: Any) -> Any:
    """The result of a task, or its error; a crash is one too."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        return error.cause
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError):
        return Crashed("its process was killed, perhaps for lack of memory")
    except ray.exceptions.RayError as error:
        return Crashed(f"the cluster lost it: {' '.join(str(error).split())[:200]}")


@contextmanager
def _cluster(address: str, workers: int, gpus: int) -> Iterator[Any]:
    """Ray, connected to a cluster; left as it was found."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise UserError("--ray needs Ray: pip install 'progress-gym[ray]'") from None
    if ray.is_initialized():
        yield ray
        return
    before = signal.getsignal(signal.SIGTERM)
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, "configure_logging": False}
    if address == LOCAL:
        options |= {"address": LOCAL, "num_cpus": workers, "include_dashboard": False}
        options |= {"object_store_memory": OBJECT_STORE_BYTES} | ({} if gpus else {"num_gpus": 0})
    else:
        _knock(address)
        options |= {"address": address}
    try:
        ray.init(**options)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise UserError(f"no Ray cluster at {address!r}: {' '.join(str(error).split())[:200]}") from None
    signal.signal(signal.SIGTERM, before)  # Ray takes it, and the command line has its own
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """See whether anybody listens there: Ray itself would wait for many minutes.

    Raises:
        UserError: nobody does, or it is no address.
    """
    if address == "auto":
        return
    try:
        parts = urlsplit(address if "://" in address else f"ray-gcs://{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None:
        raise UserError(f"{address!r} is no address of a Ray cluster; write auto, HOST:PORT or ray://HOST:PORT")
    try:
        socket.create_connection((host, port), timeout=KNOCK_SECONDS).close()
    except OSError as error:
        raise UserError(f"no Ray cluster at {address!r}: {error}") from None
