"""What every request passes: size and time of its body, rate, and the headers of every answer. Plain ASGI.

Sizes are counted while the body arrives, so a body is never read beyond its limit, whatever it declares.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from progressgym.leaderboard.server.errors import Refusal, because
from progressgym.leaderboard.server.rates import Rate
from progressgym.leaderboard.server.settings import Settings
from progressgym.leaderboard.site.pages import SECURITY_POLICY

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADER_BYTES = 16 * 2**10
"""Of a request's first line and headers."""
SMALL_BODY = 64 * 2**10
"""Bytes of a body that is no submission."""
FORM_ROOM = 16 * 2**10
"""What a form adds to the file in it."""
UPLOADS = ("/submit", "/api/v1/submissions")
HEADERS = {
    "content-security-policy": f"{SECURITY_POLICY}; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


MOST_LINGERING = 64
"""Refused senders at a time that are listened to for a moment."""
SENT = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
LINGER_SECONDS = 2.0


class Guard:
    """Wraps an application."""

    def __init__(self, app: App, settings: Settings) -> None:
        """Guard it."""
        self._app, self._settings = app, settings
        self._rate = Rate(settings.requests_a_minute, 60.0)
        self._lingering = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = Body(receive, self._most(scope), self._settings.upload_seconds, whole=has_no_body(scope))
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                closing = [] if body.whole else [(b"connection", b"close")]
                message["headers"] = [*message.get("headers", []), *SENT, *closing]
            elif message["type"] == "http.response.body" and not message.get("more_body") and not body.whole:
                await send({**message, "more_body": True})
                await self._linger(body)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, body.receive, answer)
        except Refusal as refusal:
            if not started:
                await respond(refusal, answer)

    async def _linger(self, body: Body) -> None:
        """Hear a refused sender out for a moment, if not too many others are heard out."""
        if self._lingering < MOST_LINGERING:
            self._lingering += 1
            try:
                await body.throw_away()
            finally:
                self._lingering -= 1

    def _check(self, scope: Scope) -> None:
        """What is known before the body arrives."""
        if head_bytes(scope) > HEADER_BYTES:
            raise because(431, "headers", "", f"first line and headers are longer than {HEADER_BYTES} bytes")
        who = address_of(scope)
        if (wait := self._rate.wait(who)) > 0:
            raise because(429, "rate", "", "too many requests from this address; wait a little", retry_after=wait)
        self._rate.count(who)
        headers = dict(scope["headers"])
        if b"transfer-encoding" in headers and b"content-length" in headers:  # a proxy may believe the other one
            raise because(400, "length", "", "the body's length is told in two ways; send one of them")
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._most(scope):
            raise too_large(self._most(scope))

    def _most(self, scope: Scope) -> int:
        upload = scope["method"] == "POST" and scope["path"] in UPLOADS
        return self._settings.upload_bytes + FORM_ROOM if upload else SMALL_BODY


class Body:
    """A request's body: counted and timed while it arrives."""

    def __init__(self, receive: Receive, most: int, seconds: float, *, whole: bool = False) -> None:
        """Expect at most so many bytes in so many seconds; or none, where the head says so (`whole`)."""
        self._receive, self._most, self._seen = receive, most, 0
        self._ends = asyncio.get_running_loop().time() + seconds
        self.whole = whole
        """Whether all of it has arrived."""

    async def receive(self) -> Message:
        """The next part.

        Raises:
            Refusal: too much, or too slow.
        """
        if self.whole:  # nothing but a disconnection can follow, and for that there is no hurry
            return await self._receive()
        left = self._ends - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(left, 0.001)):  # wait_for may swallow a cancellation from outside
                message = await self._receive()
        except TimeoutError:
            raise because(408, "slow", "", "the body did not arrive in time; send it again") from None
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            self.whole = not message.get("more_body", False)
            if self._seen > self._most:
                self.whole = False
                raise too_large(self._most)
        return message

    async def throw_away(self) -> None:
        """Take what is still coming for a moment: one who is cut off in the midst of sending cannot read the answer."""
        ends = asyncio.get_running_loop().time() + LINGER_SECONDS
        while (left := ends - asyncio.get_running_loop().time()) > 0:
            try:
                async with asyncio.timeout(left):
                    message = await self._receive()
            except TimeoutError:
                return
            if message["type"] != "http.request" or not message.get("more_body", False):
                return


def has_no_body(scope: Scope) -> bool:
    """Whether a request is at its end with its head, so that its connection may be used again whatever the answer."""
    headers = dict(scope["headers"])
    return b"transfer-encoding" not in headers and headers.get(b"content-length", b"0") == b"0"


def head_bytes(scope: Scope) -> int:
    """Bytes of a request's first line and headers, blanks around values left out."""
    line = (
        len(scope["method"]) + len(scope.get("raw_path") or b"") + len(scope["query_string"]) + len(" ? HTTP/1.1\r\n")
    )
    return line + sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"])


def too_large(most: int) -> Refusal:
    """For a body beyond its limit."""
    return because(413, "size", "", f"the body is larger than {most} bytes")


def address_of(scope: Scope) -> str:
    """Address of who asks. Behind a proxy uvicorn puts the forwarded one here (`--proxy`)."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


async def respond(refusal: Refusal, send: Send) -> None:
    """Answer with reasons."""
    body = json.dumps({"problems": [one.model_dump() for one in refusal.problems]}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if refusal.retry_after is not None:
        headers.append((b"retry-after", str(math.ceil(refusal.retry_after)).encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
