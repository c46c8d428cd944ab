"""What comes back: the reply shapes of OpenAI's protocol as vLLM, SGLang and llama.cpp write them.

| field | written by |
|---|---|
| `logprobs: {tokens, token_logprobs, top_logprobs}` | OpenAI's completions, vLLM, SGLang, llama-cpp-python |
| `logprobs: {content: [{token, logprob, top_logprobs}]}` | chat completions everywhere, llama.cpp's completions |
| `prompt_logprobs: [null, {id: {logprob, decoded_token}}]` | vLLM |
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from progressgym.models.endpoints.client import Refused

_BYTE = re.compile(r"<0x[0-9A-F]{2}>|(?:bytes:)?(?:\\\\x[0-9a-f]{2})+")
"""How single bytes are written."""
LOWEST = -500.0
"""No model's log-probability of a token is lower; servers write -9999, -1e9 or the lowest float for "not known"."""
_SPACES = str.maketrans({"\u0120": " ", "\u2581": " ", "\u010a": "\n"})
"""How byte-level BPE and sentencepiece write spaces and line ends in raw tokens."""


class Unusable(Refused):
    """A reply without the numbers that were asked for: the server does not offer them."""


@dataclass(frozen=True)
class Echo:
    """Tokens of a text that was sent, each with its log-probability given those before it."""

    tokens: tuple[str, ...]
    logprobs: tuple[float | None, ...]
    """Of every token; None where nothing stands before it."""


def echoed(reply: dict[str, Any]) -> Echo:
    """The prompt's part of a completion with `echo` and `logprobs`.

    Raises:
        Unusable: there is none.
    """
    entries = _tokens(_choice(reply))
    made = _count(reply, "completion_tokens")
    return _checked(entries[: max(len(entries) - (1 if made is None else made), 0)])


def prompt_scored(reply: dict[str, Any]) -> Echo:
    """The prompt of a completion with vLLM's `prompt_logprobs`.

    Raises:
        Unusable: there are none.
    """
    listed = _choice(reply).get("prompt_logprobs", reply.get("prompt_logprobs"))
    if not isinstance(listed, list):
        raise Unusable("the reply holds no prompt_logprobs")
    entries: list[tuple[str, Any]] = []
    for entry in listed:
        if entry is None:
            entries.append(("", None))
            continue
        first = next(iter(entry.values()), None) if isinstance(entry, dict) else None
        if not isinstance(first, dict):
            raise Unusable("the reply's prompt_logprobs are of an unknown shape")
        entries.append((_text(first.get("decoded_token", "")), first.get("logprob")))
    return _checked(entries)


def first_token(reply: dict[str, Any]) -> dict[str, float]:
    """Log-probabilities of the likeliest first tokens of a reply.

    Raises:
        Unusable: there are none.
    """
    logprobs = _choice(reply).get("logprobs")
    if not isinstance(logprobs, dict):
        raise Unusable("the reply holds no logprobs")
    tops = logprobs.get("top_logprobs")
    pairs: list[tuple[Any, Any]] = []
    if isinstance(tops, list) and tops and isinstance(tops[0], dict):
        pairs = list(tops[0].items())
    elif isinstance(content := logprobs.get("content"), list) and content and isinstance(content[0], dict):
        listed = content[0].get("top_logprobs")
        pairs = [(e.get("token"), e.get("logprob")) for e in _objects(listed or [])]
    if not pairs:
        raise Unusable("the reply holds no top_logprobs")
    scores: dict[str, float] = {}
    for token, value in pairs:
        text, score = spaced(_text(token)), _number(value)
        # two tokens may be written alike; that text comes with the sum of their probabilities
        scores[text] = min(math.log(math.exp(scores[text]) + math.exp(score)), 0.0) if text in scores else score
    return scores


def texts(reply: dict[str, Any]) -> list[str]:
    """The text of every choice of a completion or a chat completion.

    Raises:
        Unusable: there is none.
    """
    choices = reply.get("choices")
    strings = []
    for choice in _objects(choices or []):
        message = choice.get("message")
        text = message.get("content") if isinstance(message, dict) else choice.get("text")
        strings.append(text if isinstance(text, str) else "")
    if not strings:
        raise Unusable("the reply holds no choices")
    return strings


def prompt_tokens(reply: dict[str, Any]) -> int:
    """Tokens that the server read for a reply; 0 where it does not say."""
    return _count(reply, "prompt_tokens") or 0


def covers(echo: Echo, text: str) -> bool:
    """Whether the tokens are those of the whole text, its first token perhaps not shown.

    ASCII letters and digits are compared: parts of other signs and of spaces are written in many ways.

    >>> covers(Echo(("<s>", "An", " old"), (None, -1.0, -1.0)), "An old"), covers(Echo((" old",), (-1.0,)), "So an old")
    (True, False)
    """
    signs = _signs("".join(_BYTE.sub("", token) for token in echo.tokens))
    whole, first = _signs(text), _signs(text.split(maxsplit=1)[0] if text.strip() else "")
    return signs.endswith(whole) or (whole.endswith(signs) and len(whole) - len(signs) <= len(first))


def _signs(text: str) -> str:
    return "".join(sign for sign in text if sign.isascii() and sign.isalnum())


def spaced(token: str) -> str:
    """A token as text.

    >>> spaced("\\u0120just")
    ' just'
    """
    return token.translate(_SPACES)


def _count(reply: dict[str, Any], name: str) -> int | None:
    usage = reply.get("usage")
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**31 else None


def _objects(listed: Any) -> list[dict[str, Any]]:
    """A list of JSON objects.

    Raises:
        Unusable: it is none; to leave out what is odd would shift the rest.
    """
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise Unusable("the reply holds something else where a list of objects is expected")
    return listed


def _text(token: Any) -> str:
    if not isinstance(token, str):
        raise Unusable(f"a token in the reply is {str(token)[:40]!r}, which is no text")
    return token


def _choice(reply: dict[str, Any]) -> dict[str, Any]:
    choices = reply.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Unusable("the reply holds no choices")
    first: dict[str, Any] = choices[0]
    return first


def _tokens(choice: dict[str, Any]) -> list[tuple[str, Any]]:
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, dict):
        raise Unusable("the reply holds no logprobs")
    content = logprobs.get("content")
    if isinstance(content, list):
        return [(_text(entry.get("token")), entry.get("logprob")) for entry in _objects(content)]
    tokens, values = logprobs.get("tokens"), logprobs.get("token_logprobs")
    if not isinstance(tokens, list) or not isinstance(values, list) or len(tokens) != len(values):
        raise Unusable("the reply's logprobs are of an unknown shape")
    return [(_text(token), value) for token, value in zip(tokens, values, strict=True)]


def _checked(entries: list[tuple[str, Any]]) -> Echo:
    if len(entries) < 2:
        raise Unusable("the prompt's tokens are not in the reply")
    if any(value is None for _, value in entries[1:]):
        raise Unusable("the prompt's tokens have no log-probabilities")
    numbers = [None if value is None else _number(value) for _, value in entries]
    return Echo(tuple(spaced(token) for token, _ in entries), tuple(numbers))


def _number(value: Any) -> float:
    """A log-probability; a stranger's NaN, text or sign for "not known" (-9999) is refused.

    Raises:
        Unusable: it is none.
    """
    valid = isinstance(value, (int, float)) and not isinstance(value, bool) and LOWEST <= value <= 1e-3
    if not valid:
        raise Unusable(f"a log-probability in the reply is {str(value)[:40]}, which is none")
    return min(float(value), 0.0)
