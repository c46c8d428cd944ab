"""One request to an endpoint that may stall, be busy, fail, or be somebody else: it ends in an answer or a clear error.

* Transient failures (no connection, time-out, 408, 425, 429, 5xx, a reply that breaks off or is no JSON) are repeated
  with exponential backoff and full jitter; `Retry-After` is heeded, and a busy server pauses all threads.
* Everything else is told at once: a refusal (4xx), another model's id, a redirect. Redirects are never followed: they
  could lead to an internal address.
* A reply has a deadline to its last byte, and a largest size, so a server that drips or streams for ever ends too.
* The key is sent in the Authorization header to the given address, and is cut out of every message.
"""

from __future__ import annotations

import email.utils
import json
import random
import re
import threading
import time
from typing import Any

import httpx2

from progressgym.core.errors import UserError
from progressgym.models.endpoints.address import KEY_VARIABLE, Address

LARGEST_REPLY = 32 * 2**20
LONGEST_PAUSE = 30.0
LONGEST_WAIT = 120.0
"""Seconds that a server may ask to wait (`Retry-After`); if more, better run again later."""
TRANSIENT = (408, 425, 429)
EXCERPT = 160


class EndpointError(UserError):
    """An endpoint gave no usable answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status of the last reply, if there was one."""


class Refused(EndpointError):
    """The endpoint does not do what was asked; it may do something else."""


class _Transient(Exception):
    """It may go better next time."""

    def __init__(self, reason: str, status: int | None = None, after: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.after = after
        """Seconds that the server asks to wait."""


class Client:
    """Sends JSON and gets JSON; safe for several threads."""

    def __init__(self, address: Address, key: str | None = None) -> None:
        """Prepare; nothing is sent yet.

        Args:
            address: where to, and how patiently.
            key: the endpoint's key, or None.
        """
        self.address = address
        self.model = address.model
        """Whose answers are accepted; empty accepts any."""
        self._key = key
        self._http = httpx2.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=address.timeout,
            follow_redirects=False,
            trust_env=not address.is_local,
            limits=httpx2.Limits(max_connections=address.concurrency, max_keepalive_connections=address.concurrency),
        )
        self._random = random.Random()
        self._stop = threading.Event()
        self._gate = threading.Lock()
        self._not_before = 0.0

    def get(self, path: str) -> Any:
        """GET, tried once.

        Raises:
            EndpointError: nobody is there, or no JSON came.
        """
        try:
            return self._once("GET", path, None)
        except _Transient as failure:
            raise EndpointError(f"{self._place(path)}: {failure}", failure.status) from None

    def post(self, path: str, payload: dict[str, Any], attempts: int | None = None) -> dict[str, Any]:
        """POST until an answer of the right model comes.

        Args:
            path: after the base address, as `/completions`.
            payload: the request.
            attempts: fewer or more than the address says.

        Raises:
            Refused: the server does not do that.
            EndpointError: it is another model, redirects or wants a key; no answer in all attempts; a pause asked for
                that is too long; or `stop` was called.
        """
        tries = attempts or self.address.attempts
        for attempt in range(1, tries + 1):
            self._pause(self._not_before - time.monotonic())
            try:
                reply = self._once("POST", path, payload)
                return self._checked(path, reply)
            except _Transient as failure:
                if failure.after is not None and failure.after > LONGEST_WAIT:
                    raise EndpointError(
                        f"{self._place(path)} asks to wait {failure.after:.0f} s ({failure}); run again later",
                        failure.status,
                    ) from None
                if attempt == tries:
                    raise EndpointError(
                        f"{self._place(path)} gave no answer in {tries} attempt{'s' if tries > 1 else ''}; "
                        f"the last: {failure}",
                        failure.status,
                    ) from None
                self._back_off(attempt, failure.after)
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """End all pauses and start nothing new, because the whole has failed."""
        self._stop.set()

    def resume(self) -> None:
        """Take requests again."""
        self._stop.clear()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _once(self, method: str, path: str, payload: dict[str, Any] | None) -> Any:
        """One attempt.

        Raises:
            _Transient: worth another attempt.
            EndpointError: not worth it.
        """
        url, deadline = self.address.url + path, time.monotonic() + self.address.timeout
        try:
            with self._http.stream(method, url, json=payload) as response:
                body = self._body(response, deadline)
                return self._judge(path, response, body)
        except httpx2.TimeoutException:
            raise _Transient(f"no reply within {self.address.timeout:g} s") from None
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise _Transient(self._clean(f"{type(error).__name__}: {error}")) from None
        except (httpx2.InvalidURL, httpx2.RequestError) as error:
            raise EndpointError(f"{self._place(path)}: {self._clean(str(error))}") from None

    def _body(self, response: httpx2.Response, deadline: float) -> bytes:
        parts, size = [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > LARGEST_REPLY:
                raise EndpointError(f"{self.address.url} sent more than {LARGEST_REPLY >> 20} MiB for one answer")
            if time.monotonic() > deadline:
                raise _Transient(f"the reply was not complete within {self.address.timeout:g} s")
        return b"".join(parts)

    def _judge(self, path: str, response: httpx2.Response, body: bytes) -> Any:
        status, excerpt = response.status_code, self._clean(body[:2000].decode("utf-8", "replace"))
        if status in TRANSIENT or status >= 500:
            wait = _retry_after(response.headers.get("retry-after"))
            raise _Transient(f"HTTP {status} {excerpt}".strip(), status, wait)
        if 300 <= status < 400:
            target = self._clean(response.headers.get("location", "nowhere"))
            raise EndpointError(
                f"{self._place(path)} redirects to {target}; redirects are not followed, they could lead to an "
                "internal address; give the final address if you trust it"
            )
        if status in (401, 403):
            raise EndpointError(f"{self._place(path)}: HTTP {status}, is {KEY_VARIABLE} right? {excerpt}", status)
        if status >= 400:
            raise Refused(f"{self._place(path)}: HTTP {status} {excerpt}".strip(), status)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            kind = response.headers.get("content-type", "no content type")
            raise _Transient(self._clean(f"the reply is no JSON ({kind}): {excerpt}")) from None

    def _checked(self, path: str, reply: Any) -> dict[str, Any]:
        """The reply, if it is an object and of the right model (or a dated snapshot or revision of it)."""
        if not isinstance(reply, dict):
            raise EndpointError(f"{self._place(path)} answers with a {type(reply).__name__}, not with a JSON object")
        said = reply.get("model")
        if self.model and isinstance(said, str) and not is_snapshot(said, self.model):
            raise EndpointError(
                f"{self._place(path)} answers as model {self._clean(said)!r}, not as {self.model!r}; "
                "nothing of it was taken"
            )
        return reply

    def _back_off(self, attempt: int, after: float | None) -> None:
        """Wait before the next attempt: as long as the server asks, else up to twice as long as last time."""
        if after is not None:
            with self._gate:
                self._not_before = max(self._not_before, time.monotonic() + after)
        longest = min(LONGEST_PAUSE, self.address.backoff * 2 ** (attempt - 1))
        self._pause(self._random.uniform(0, longest) + (after or 0.0))

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise EndpointError(f"{self.address.url}: stopped")

    def _place(self, path: str) -> str:
        return f"endpoint {self.address.url}{path}"

    def _clean(self, text: str) -> str:
        """A stranger's words on one short line: no control signs, no key."""
        line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
        line = line.replace(self._key, "***") if self._key else line
        return line if len(line) <= EXCERPT else line[:EXCERPT] + "..."


def is_snapshot(said: str, asked: str) -> bool:
    """Whether a model's name is the one asked for, or that of a dated snapshot or a revision of it.

    >>> [is_snapshot(said, "gpt-4") for said in ("gpt-4-0613", "gpt-4-2024-04-09", "gpt-4@main", "gpt-4:20230824-v2")]
    [True, True, True, True]
    >>> [is_snapshot(said, "gpt-4") for said in ("gpt-4-turbo", "gpt-4-32k-0613", "gpt-4o", "gpt-4-20b")]
    [False, False, False, False]
    """
    name = re.sub(r"[-:]latest$", "", asked)
    rest = said.removeprefix(name) if said.startswith(name) else None
    return rest == "" or said == asked or (rest is not None and _SNAPSHOT.fullmatch(rest) is not None)


_YEAR, _SHORT, _MONTH, _DAY = r"20\d\d", r"2\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_DATES = (
    f"{_YEAR}-?{_MONTH}-?{_DAY}",
    f"{_YEAR}-?{_MONTH}",
    f"{_MONTH}-{_YEAR}",
    f"{_SHORT}{_MONTH}{_DAY}",
    f"{_SHORT}{_MONTH}",
    f"{_MONTH}-?{_DAY}",
    r"00\d",  # a numbered revision
)
_SNAPSHOT = re.compile(rf"[-:@_.](?:{'|'.join(_DATES)})(?:-?v\d+(?::\d+)?)?|@\S+|[-:]latest")
"""What follows a model's name in the name of a snapshot: a date as servers write it, a revision, or `latest`."""


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, from a number or a date; None when there is neither.

    >>> _retry_after("3"), _retry_after("soon")
    (3.0, None)
    """
    if value is None:
        return None
    try:
        seconds = float(value)
        return max(0.0, seconds) if seconds < float("inf") else None
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
