"""What comes back: the reply shapes of OpenAI's protocol as vLLM, SGLang and llama.cpp write them.

| field | written by |
|---|---|
| `logprobs: {tokens, token_logprobs, top_logprobs}` | OpenAI's completions, vLLM, SGLang, llama-cpp-python |
| `logprobs: {content: [{token, logprob, top_logprobs}]}` | chat completions everywhere, llama.cpp's completions |
| `prompt_logprobs: [null, {id: {logprob, decoded_token}}]` | vLLM |
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from progressgym.models.endpoints.client import Refused

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
    usage = reply.get("usage")
    made = usage.get("completion_tokens") if isinstance(usage, dict) else None
    kept = entries[: len(entries) - (made if isinstance(made, int) and made >= 0 else 1)]
    return _checked(kept)


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
        entries.append((str(first.get("decoded_token") or ""), first.get("logprob")))
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
        pairs = [(e.get("token"), e.get("logprob")) for e in listed or [] if isinstance(e, dict)]
    if not pairs:
        raise Unusable("the reply holds no top_logprobs")
    return {spaced(str(token)): _number(value) for token, value in pairs}


def texts(reply: dict[str, Any]) -> list[str]:
    """The text of every choice of a completion or a chat completion.

    Raises:
        Unusable: there is none.
    """
    choices = reply.get("choices")
    found = []
    for choice in choices if isinstance(choices, list) else []:
        message = choice.get("message") if isinstance(choice, dict) else None
        text = message.get("content") if isinstance(message, dict) else choice.get("text")
        found.append(text if isinstance(text, str) else "")
    if not found:
        raise Unusable("the reply holds no choices")
    return found


def prompt_tokens(reply: dict[str, Any]) -> int:
    """Tokens that the server read for a reply; 0 where it does not say."""
    usage = reply.get("usage")
    count = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return count if isinstance(count, int) and count >= 0 else 0


def spaced(token: str) -> str:
    """A token as text.

    >>> spaced("\\u0120just")
    ' just'
    """
    return token.translate(_SPACES)


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
        return [(str(entry.get("token")), entry.get("logprob")) for entry in content if isinstance(entry, dict)]
    tokens, values = logprobs.get("tokens"), logprobs.get("token_logprobs")
    if not isinstance(tokens, list) or not isinstance(values, list) or len(tokens) != len(values):
        raise Unusable("the reply's logprobs are of an unknown shape")
    return [(str(token), value) for token, value in zip(tokens, values, strict=True)]


def _checked(entries: list[tuple[str, Any]]) -> Echo:
    if len(entries) < 2:
        raise Unusable("the prompt's tokens are not in the reply")
    if any(value is None for _, value in entries[1:]):
        raise Unusable("the prompt's tokens have no log-probabilities")
    numbers = [None if value is None else _number(value) for _, value in entries]
    return Echo(tuple(spaced(token) for token, _ in entries), tuple(numbers))


def _number(value: Any) -> float:
    """A log-probability; a stranger's NaN or text is refused.

    Raises:
        Unusable: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value > 1e-3:
        raise Unusable(f"a log-probability in the reply is {value!r}"[:100])
    return min(float(value), 0.0)
