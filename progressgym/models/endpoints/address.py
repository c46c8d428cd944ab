"""Where an endpoint is and how to talk to it: `openai:http://host:port#model?concurrency=8`.

Without `#model` it is the only model that the server lists: `openai:http://host:port?concurrency=8`.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from progressgym.core.errors import UserError, unknown
from progressgym.core.ids import Scalar, parse_id

PREFIX = "openai:"
KEY_VARIABLE = "PROGRESSGYM_API_KEY"
"""Environment variable with the endpoint's key; the only place that a key is taken from."""
WAYS = ("auto", "echo", "prompt_logprobs", "top_logprobs", "chat_top_logprobs", "sampling", "chat_sampling")
EXAMPLE = "openai:http://127.0.0.1:8000#my-model"


@dataclass(kw_only=True, frozen=True)
class Address:
    """An endpoint, the model asked for, and how to ask."""

    url: str
    """Base address, as `http://127.0.0.1:8000/v1`."""
    model: str
    """Id of the model as the server knows it; empty: the only one that it lists."""
    way: str = "auto"
    """How log-probabilities are got: see `progressgym.models.endpoints.ways`."""
    samples: int = 32
    """Replies a prompt, where nothing but sampling is offered."""
    concurrency: int = 8
    """Requests under way at the same time."""
    timeout: float = 60.0
    """Seconds until a reply must be there, to its last byte."""
    attempts: int = 6
    """How often a request is tried."""
    backoff: float = 0.5
    """Seconds of the first pause between attempts; it doubles each time."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.way not in WAYS:
            raise unknown("way of asking an endpoint", self.way, WAYS)
        for name in ("samples", "concurrency", "attempts"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}; an endpoint needs 1 or more")
        for name in ("timeout", "backoff"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UserError(f"{name} is {getattr(self, name)}; a positive number of seconds is expected")

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, where no proxy stands between."""
        host = urlsplit(self.url).hostname or ""
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


def parse_address(spec: str) -> Address:
    """Read a spec.

    Raises:
        UserError: not an address, credentials in it, unknown arguments.

    >>> parse_address("openai:http://127.0.0.1:8000#tiny?samples=8").url
    'http://127.0.0.1:8000/v1'
    """
    place, _, asked = spec.removeprefix(PREFIX).partition("#")
    if not asked:  # the only model that the server lists; arguments follow the address
        place, mark, query = place.partition("?")
        asked = mark + query
    try:
        parts = urlsplit(place)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UserError(f"{spec!r} holds no valid address ({error}); write {EXAMPLE}") from None
    if parts.username is not None or parts.password is not None:
        raise UserError(f"an endpoint's address must not hold credentials; set {KEY_VARIABLE} in the environment")
    if parts.query:
        raise UserError(
            f"{spec!r} holds arguments before the model; write them after it, as in {EXAMPLE}?concurrency=4"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise UserError(f"{spec!r} holds no address of an endpoint; write {EXAMPLE}")
    url = place.rstrip("/")
    name, mark, query = asked.partition("?")
    given = parse_id(f"endpoint{mark}{query}").arguments
    return Address(url=url if parts.path.strip("/") else f"{url}/v1", model=name, **_arguments(spec, given))


def api_key() -> str | None:
    """The key of the environment, if there is one."""
    return os.environ.get(KEY_VARIABLE) or None


def _arguments(spec: str, given: dict[str, Scalar]) -> dict[str, Any]:
    """Arguments of the right kinds."""
    kinds: dict[str, type] = {
        "way": str,
        "samples": int,
        "concurrency": int,
        "attempts": int,
        "timeout": float,
        "backoff": float,
    }
    for key, value in given.items():
        if key not in kinds:
            raise unknown(f"argument in {spec!r}:", key, kinds)
        if isinstance(value, bool) or not isinstance(value, (int, float) if kinds[key] is float else kinds[key]):
            raise UserError(f"{key} is {value!r} in {spec!r}; {kinds[key].__name__} is expected")
    return dict(given)
