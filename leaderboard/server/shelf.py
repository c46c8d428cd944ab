"""What is shown, kept by the store's revision: standings, orders, rendered answers, portraits.

One thread at a time makes new standings; meanwhile readers get those of the revision before, after a short wait.
"""

from __future__ import annotations

import contextlib
import gc
import gzip
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass

from progressgym.core.files import sha256_bytes
from progressgym.leaderboard.site.portrait import Portrait, make_portrait
from progressgym.leaderboard.site.sources import StoreSource
from progressgym.leaderboard.site.view import Snapshot
from progressgym.leaderboard.store import Store

PATIENCE = 0.1
"""Seconds after a decision that readers wait for newer standings before taking the older ones."""
SHOWING = frozenset(["accepted", "recomputed", "withdrawn", "reproduced", "not-reproduced"])
"""Decisions that change what is shown."""
MOST_ANSWERS, MOST_PORTRAITS = 128, 64


@dataclass(frozen=True)
class Answer:
    """A rendered answer, packed once for everybody."""

    body: bytes
    packed: bytes
    tag: str


class Shelf:
    """Keeps what is shown."""

    def __init__(self, store: Store) -> None:
        """Make the first standings."""
        self._store, self._source = store, StoreSource(store)
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="standings")
        self._lock, self._drawing, self._heavy = threading.Lock(), threading.Lock(), threading.Lock()
        self._making: Future[None] | None = None
        self._begun = 0.0
        self._answers: OrderedDict[tuple[int, str], Answer] = OrderedDict()
        self._portraits: OrderedDict[str, Portrait | None] = OrderedDict()
        self._seen = store.revision()
        self._snapshot = Snapshot(self._source.standings())
        gc.freeze()

    def close(self) -> None:
        """Stop making standings."""
        self._maker.shutdown(wait=True, cancel_futures=True)

    def snapshot(self) -> Snapshot:
        """The standings: the newest, or those before while new ones are being made."""
        revision = self._store.revision()
        with self._lock:
            if revision != self._seen and self._making is None:
                self._making, self._begun = self._maker.submit(self._make, revision), time.monotonic()
            making, left = self._making, self._begun + PATIENCE - time.monotonic()
        if making is not None and left > 0:
            wait_for([making], left)
        return self._snapshot

    def renew(self, seconds: float = 2.0) -> Snapshot:
        """The standings with what has been decided by now, if they can be made in so many seconds."""
        revision, ends = self._store.revision(), time.monotonic() + seconds
        snapshot = self.snapshot()
        while self._seen < revision and time.monotonic() < ends:
            time.sleep(0.02)
            snapshot = self.snapshot()
        return snapshot

    def answer(self, snapshot: Snapshot, key: str, make: Callable[[], bytes], *, heavy: bool = False) -> Answer:
        """A rendered answer of this revision, made once.

        Args:
            snapshot: that it shows.
            key: says which answer; everything it depends on beside the standings.
            make: renders it.
            heavy: it takes long; only one at a time is made.
        """
        place = (id(snapshot), key)
        with self._heavy if heavy else contextlib.nullcontext():
            return self._kept(place) or self._keep(snapshot, place, make())

    def _kept(self, place: tuple[int, str]) -> Answer | None:
        with self._lock:
            if (answer := self._answers.get(place)) is not None:
                self._answers.move_to_end(place)
            return answer

    def _keep(self, snapshot: Snapshot, place: tuple[int, str], body: bytes) -> Answer:
        answer = Answer(body, gzip.compress(body, 5, mtime=0), f'W/"{sha256_bytes(body)[:24]}"')
        with self._lock:
            if snapshot is self._snapshot:
                self._answers[place] = answer
                while len(self._answers) > MOST_ANSWERS:
                    self._answers.popitem(last=False)
        return answer

    def portrait(self, digest: str, board: str) -> Portrait | None:
        """What an entry did; None when its evidence is not there."""
        with self._drawing:  # replayed environments are shared, so one at a time
            if digest not in self._portraits:
                evidence = self._source.evidence(digest)
                self._portraits[digest] = None if evidence is None else make_portrait(evidence, digest, board)
                while len(self._portraits) > MOST_PORTRAITS:
                    self._portraits.popitem(last=False)
            return self._portraits[digest]

    def evidence(self, digest: str) -> bytes | None:
        """The zip of an entry."""
        return self._source.evidence(digest)

    def _make(self, revision: int) -> None:
        # A full collection walks over every row of a large board and lets nobody else run meanwhile; standings hold no
        # cycles, so they are taken out of its sight.
        gc.disable()
        try:
            snapshot = Snapshot(self._source.standings()) if self._shows(revision) else self._snapshot
            gc.freeze()
            with self._lock:
                if snapshot is not self._snapshot:
                    self._answers.clear()
                self._snapshot, self._seen = snapshot, revision
        finally:
            gc.enable()
            with self._lock:
                self._making = None

    def _shows(self, revision: int) -> bool:
        """Whether anything since changes what is shown."""
        after = self._seen
        while after < revision and (decisions := self._store.log(after)):
            if any(one.action in SHOWING for one in decisions):
                return True
            after = decisions[-1].sequence
        return False
