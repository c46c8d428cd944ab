"""Connections of whoever has not asked anything yet: timed, few at a time, and with headers no longer than promised.

uvicorn waits for the head of a request for ever, and counts such connections like all others, so that some hundred
half-open ones would keep everybody out. Here a head has to be there in time, and of too many that are waiting for one
the oldest of the address that has most of them is closed: whoever sends a request at once is always let in.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from progressgym.leaderboard.server.guard import HEADER_BYTES

MOST_WAITING = 256
"""Connections without a request at a time."""
LEAST_TAKEN = 64 * 2**10
"""Bytes of an answer that is still on its way which a client has to take in the time that a head may take."""


class Connection(H11Protocol):
    """uvicorn's protocol with limits on what comes before a request."""

    seconds: ClassVar[float]
    """From the connection, or the answer before, to the end of a request's headers."""
    waiting: ClassVar[dict[Connection, asyncio.TimerHandle]]
    """Connections without a request, the one waiting longest first."""
    _unsent = 0

    @classmethod
    def limited(cls, seconds: float) -> type[Connection]:
        """The protocol of one server."""
        return type("LimitedConnection", (cls,), {"seconds": seconds, "waiting": {}})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._wait_no_longer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hand over no more of a head at once than a head may have: a parser measures only what is not whole yet."""
        while data and self.conn.their_state is h11.IDLE:
            room = HEADER_BYTES + 1 - len(self.conn.trailing_data[0])
            super().data_received(data[:room])
            if self.transport.is_closing():
                return
            data = data[room:]
        if data:
            super().data_received(data)

    def handle_events(self) -> None:
        """Take what has come; from the end of a head on nobody waits."""
        super().handle_events()
        if self._busy():
            self._wait_no_longer()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is there."""
        super().on_response_complete()
        if not self._busy():
            self._unsent = self.transport.get_write_buffer_size()
            self._wait()

    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._wait_no_longer()
        if len(self.waiting) >= MOST_WAITING:
            self._make_room()
        self.waiting[self] = self.loop.call_later(self.seconds, self._expire)

    def _wait_no_longer(self) -> None:
        if (timer := self.waiting.pop(self, None)) is not None:
            timer.cancel()

    def _make_room(self) -> None:
        """Close one of those that wait, not one that is still taking an answer."""
        idle = [one for one in self.waiting if not one.transport.get_write_buffer_size()] or list(self.waiting)
        crowd = Counter(one.address for one in idle).most_common(1)[0][0]
        victim = next(one for one in idle if one.address == crowd)
        victim._wait_no_longer()
        victim.transport.abort()

    @property
    def address(self) -> str:
        """Where it comes from."""
        return self.client[0] if self.client else ""

    def _expire(self) -> None:
        """Close it, unless it is still taking an answer."""
        self._wait_no_longer()
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent <= self._unsent - LEAST_TAKEN:
            self._unsent = unsent
            self._wait()
        else:
            self.transport.abort()
