"""Rates: how often somebody may do something in a span of time, kept in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque

MOST_KEYS = 10_000
"""Addresses remembered; the one seen longest ago is forgotten first."""


class Rate:
    """At most so many events a span for every key."""

    def __init__(self, most: int, seconds: float) -> None:
        """Begin with nothing."""
        self._most, self._seconds = most, seconds
        self._events: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str) -> float:
        """Seconds until this key may go on; 0 when it may now. Counts nothing."""
        with self._lock:
            events = self._recent(key)
            return 0.0 if len(events) < self._most else max(events[0] + self._seconds - time.monotonic(), 0.001)

    def count(self, key: str) -> None:
        """One event of this key."""
        with self._lock:
            events = self._recent(key)
            if len(events) < self._most:
                events.append(time.monotonic())
            self._events[key] = events
            self._events.move_to_end(key)
            while len(self._events) > MOST_KEYS:
                self._events.popitem(last=False)

    def _recent(self, key: str) -> deque[float]:
        events = self._events.get(key, deque())
        oldest = time.monotonic() - self._seconds
        while events and events[0] <= oldest:
            events.popleft()
        return events
