"""The page's form while it arrives: whose it is first, then the file, straight to where it belongs.

A form holds its token in its body. What comes before the token is over is bounded in size, time and number, and a form
that names its file first is refused, so that nobody's bytes are kept before it is known whose they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import open_file
from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from progressgym.leaderboard.server.errors import Refusal, because

MOST_NAMELESS = 64
"""Forms at a time of which nobody knows yet whose they are; one more, and the oldest is sent away."""
MOST_BEFORE = 16 * 2**10
"""Bytes of a form until its token is over, other fields included."""
MOST_TOKEN = 1000
TOKEN, FILE = "token", "file"


class Nameless:
    """Places for forms until their token is there."""

    def __init__(self, seconds: float) -> None:
        """Begin with free places, each for so long at most."""
        self._seconds = seconds
        self._limits: dict[asyncio.Timeout, None] = {}

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place for a short time; the newest comer always gets one.

        Raises:
            Refusal: the time is over, or others came and this is the oldest.
        """
        try:
            async with asyncio.timeout(self._seconds) as limit:
                while len(self._limits) >= MOST_NAMELESS:
                    oldest = next(iter(self._limits))
                    del self._limits[oldest]
                    oldest.reschedule(0.0)
                self._limits[limit] = None
                try:
                    yield
                finally:
                    self._limits.pop(limit, None)
        except TimeoutError:
            raise because(408, "slow", "/token", "the token did not arrive in time; send the form again") from None


class Form:
    """A form of one token and one file."""

    def __init__(self, request: Request) -> None:
        """Expect one.

        Raises:
            Refusal: the request is no form.
        """
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise because(415, "content-type", "", "send the form as multipart/form-data, the token before the file")
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._on_field,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header,
                    "on_headers_finished": self._begun,
                    "on_part_data": self._on_data,
                    "on_part_end": self._end,
                    "on_end": self._close,
                },
            )
        except FormParserError as error:
            raise _malformed(str(error)) from None
        self._stream = request.stream()
        self._header, self._value, self._part = b"", b"", ""
        self._seen: list[str] = []
        self._token = bytearray()
        self._file: list[bytes] = []
        """What has arrived of the file and is not written yet."""
        self._done: set[str] = set()
        self._whole = False

    async def token(self) -> str:
        """Read on until the token is there.

        Raises:
            Refusal: it is missing, too long, or behind the file.
        """
        read = 0
        async for part in self._stream:
            read += len(part)
            self._feed(part)
            if TOKEN in self._done:
                return self._token.decode("ascii", "replace").strip()
            if FILE in self._seen:
                raise because(400, "form", "/token", "the token has to come before the file")
            if read > MOST_BEFORE:
                break
        raise because(401, "token", "/token", "this needs a token of an enrolled submitter, before everything else")

    async def save(self, path: Path) -> None:
        """Write the file, as it arrives.

        Raises:
            Refusal: there is none, or the form is malformed.
        """
        size = 0
        async with await open_file(path, "xb") as file:
            size += await self._flush(file.write)
            async for part in self._stream:
                self._feed(part)
                size += await self._flush(file.write)
        if not self._whole:
            raise _malformed("it ends in the middle")
        if not size:
            raise because(400, "file", "/file", "choose the .zip to submit")

    async def _flush(self, write: Callable[[bytes], Awaitable[int]]) -> int:
        data, self._file = b"".join(self._file), []
        if data:
            await write(data)
        return len(data)

    def _feed(self, part: bytes) -> None:
        try:
            self._parser.write(part)
        except FormParserError as error:
            raise _malformed(str(error)) from None

    def _begin(self) -> None:
        self._part = ""

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._part = parse_options_header(self._value)[1].get(b"name", b"").decode("utf-8", "replace")
        self._header, self._value = b"", b""

    def _begun(self) -> None:
        if self._part in self._seen or len(self._seen) >= 4:
            raise _malformed("it has a field twice, or too many")
        self._seen.append(self._part)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == TOKEN:
            self._token += data[start:end]
            if len(self._token) > MOST_TOKEN:
                raise because(400, "form", "/token", "is longer than any token")
        elif self._part == FILE:
            self._file.append(data[start:end])

    def _end(self) -> None:
        self._done.add(self._part)

    def _close(self) -> None:
        self._whole = True


def _malformed(why: str) -> Refusal:
    return because(400, "form", "", f"not a form that can be read: {why}")
