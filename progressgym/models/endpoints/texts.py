"""Vectors and continuations of texts from an endpoint, or one line that says that the server gives none."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from progressgym.models.endpoints import replies
from progressgym.models.endpoints.client import Client, EndpointError, Refused
from progressgym.models.endpoints.replies import Unusable
from progressgym.models.endpoints.ways import Way
from progressgym.models.writing import Drawing

EMBEDDINGS = "/embeddings"
NOT_OFFERED = (500, 501)
"""Some servers answer so to what they do not do."""


def vector_of(client: Client, text: str) -> list[float]:
    """The vector of a text.

    Raises:
        EndpointError: the server gives none, or no finite numbers.
    """
    try:
        reply = client.post(EMBEDDINGS, {"model": client.model, "input": text})
    except EndpointError as error:
        raise _not_offered(client, "embeds no texts", error) from None
    data = reply.get("data")
    first = data[0] if isinstance(data, list) and data and isinstance(data[0], dict) else {}
    vector = first.get("embedding")
    if not isinstance(vector, list) or not vector or not all(map(_is_number, vector)):
        raise Unusable(f"{client.address.url}{EMBEDDINGS} gave no vector of finite numbers")
    return [float(value) for value in vector]


def texts_of(client: Client, way: Way, prompt: str, how: Drawing) -> list[str]:
    """n continuations of a prompt, or replies to it where the endpoint chats. A server may give fewer than it is asked.

    Raises:
        EndpointError: the server writes nothing.
    """
    count = 1 if how.temperature == 0.0 else how.n
    limit = next((key for key in way.extra if key.startswith("max_")), "max_tokens")
    asked: dict[str, Any] = {limit: how.max_tokens, "temperature": how.temperature, "top_p": how.top_p}
    writing = replace(way, extra={}, salted=False)
    strings: list[str] = []
    while len(strings) < count:
        try:
            reply = writing.ask(client, prompt, **asked, n=count - len(strings), seed=how.seed + len(strings))
        except EndpointError as error:
            raise _not_offered(client, "writes no texts in this way", error) from None
        strings += replies.texts(reply)[: count - len(strings)]
    return strings * (how.n // count)


def _not_offered(client: Client, what: str, error: EndpointError) -> EndpointError:
    """The error as it is, or that the server does not do this."""
    if isinstance(error, Refused) or error.status in NOT_OFFERED:
        return Refused(f"{client.address.url} {what}: {error}", error.status)
    return error


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
