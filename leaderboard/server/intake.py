"""Submissions on their way in: a bounded queue before the limited child processes, and one writer behind them.

Nothing is promised before it is written: the answer to an upload is the decision itself, after its commit. A client that
did not hear it sends the same bytes again and gets the same answer. The same bytes sent several times at once are
verified once.
"""

from __future__ import annotations

import asyncio
import datetime
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from progressgym.core.files import sha256_file
from progressgym.leaderboard.limited import verify_apart
from progressgym.leaderboard.records import Verdict
from progressgym.leaderboard.server.errors import because
from progressgym.leaderboard.server.settings import Settings
from progressgym.leaderboard.store import Receipt, Store

HOUR = datetime.timedelta(hours=1)
Verified = tuple[Verdict, bytes | None]
T = TypeVar("T")


class Intake:
    """Takes uploads."""

    def __init__(self, store: Store, settings: Settings) -> None:
        """Begin with an empty queue."""
        self._store, self._settings = store, settings
        self._verifiers = ThreadPoolExecutor(settings.workers, thread_name_prefix="verify")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._flights: dict[str, asyncio.Task[Verified]] = {}
        self._under_way: Counter[str] = Counter()

    def close(self) -> None:
        """End what waits; what is being verified is finished first."""
        self._verifiers.shutdown(wait=True, cancel_futures=True)
        self._writer.shutdown(wait=True)

    @asynccontextmanager
    async def seat(self, submitter: str) -> AsyncIterator[None]:
        """A place for one submission, from its first byte to its decision.

        Raises:
            Refusal: too often, or too many are under way.
        """
        before = self._under_way[submitter]
        self._under_way[submitter] += 1
        try:
            if self._under_way.total() > self._settings.waiting:
                raise because(
                    503, "busy", "", "too many submissions are under way; send it again later", retry_after=60
                )
            used = await self._write(partial(self._used, submitter)) + before
            if used >= self._settings.submissions_an_hour:
                most = self._settings.submissions_an_hour
                reason = f"{submitter} has sent {used} submissions within an hour or has them under way; at most {most}"
                raise because(429, "rate", "", reason, retry_after=600)
            yield
        finally:
            self._under_way[submitter] -= 1
            if not self._under_way[submitter]:
                del self._under_way[submitter]

    async def take(self, folder: Path, upload: Path, submitter: str) -> Receipt:
        """Verify an upload and take it into the store.

        Args:
            folder: scratch folder that the upload lies in; it is removed.
            upload: a file.
            submitter: who sent it.

        Raises:
            UserError: the board cannot write what it has to; nothing is decided and nothing counted then.
        """
        verdict, evidence = await self._verify(folder, upload)
        return await self._write(partial(self._store.submit, verdict, evidence, submitter))

    async def _verify(self, folder: Path, upload: Path) -> Verified:
        digest = await asyncio.to_thread(sha256_file, upload)
        flight = self._flights.get(digest)
        if flight is None:
            flight = asyncio.create_task(self._fly(folder, upload, digest))
            self._flights[digest] = flight
        else:
            shutil.rmtree(folder, ignore_errors=True)
        return await asyncio.shield(flight)  # one who hangs up does not end it for the others

    async def _fly(self, folder: Path, upload: Path, digest: str) -> Verified:
        run = partial(verify_apart, upload, resamples=self._settings.resamples, within=folder)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._verifiers, run)
        finally:
            del self._flights[digest]
            shutil.rmtree(folder, ignore_errors=True)

    async def _write(self, call: partial[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, call)

    def _used(self, submitter: str) -> int:
        since = datetime.datetime.now(datetime.UTC) - HOUR
        return self._store.count(submitter, "accepted", since) + self._store.count(submitter, "refused", since)
