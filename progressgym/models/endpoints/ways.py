"""Ways to get log-probabilities out of an endpoint, and which of them a server offers.

| way | asks | gives | offered by |
|---|---|---|---|
| `echo` | completions with `echo`, `logprobs` | every option's text scored | vLLM, SGLang, llama-cpp-python (`--logits_all`) |
| `prompt_logprobs` | completions with `prompt_logprobs` | the same | vLLM |
| `top_logprobs` | one token with its likeliest alternatives | letters only | llama.cpp and all above |
| `chat_top_logprobs` | the same of a chat reply | letters only | most chat servers |
| `sampling`, `chat_sampling` | many replies of one token | letters only, counted | everyone |

They are tried in this order. An unlisted letter gets an upper bound: the smallest listed log-probability, or that of all
that is not listed if it is smaller.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from progressgym.models.endpoints import replies
from progressgym.models.endpoints.address import WAYS
from progressgym.models.endpoints.client import Client, EndpointError, Refused
from progressgym.models.endpoints.replies import Echo, Unusable

COMPLETIONS, CHAT = "/completions", "/chat/completions"
CANARY = "The old man gave his only coat to a stranger, and his neighbours said that it was"
"""A fixed text whose numbers tell whether the same model still answers."""
LETTER_CANARY = "Which of these is a colour?\nA. red\nB. seven\nAnswer:"
TOP = (20, 5)
"""How many alternatives are asked for: many servers refuse more than 20, OpenAI's completions more than 5."""
SMALLEST = 2.0**-24
"""Probability below which a server's rounded numbers say nothing."""
SAMPLED_TOKENS = 1
PROBE_ATTEMPTS = 3
NOT_OFFERED = (500, 501)
"""Some servers answer so to a field that they do not know."""
UNKNOWN_FIELD = (400, 422)
"""And strict ones so."""


@dataclass(frozen=True)
class Way:
    """A way that a server offers."""

    name: str
    extra: dict[str, Any]
    """Fields of the request beside model and prompt."""
    canary: tuple[float, ...]
    """Log-probabilities of the canary; empty for sampling."""
    salted: bool = False
    """Whether the server takes a `cache_salt`: then every request has one of its own, and none meets what an earlier one
    left in the server's cache of beginnings."""

    @property
    def scores_text(self) -> bool:
        """Whether any option's text can be scored, not only letters."""
        return self.name in SCORING

    @property
    def is_chat(self) -> bool:
        """Whether the prompt is sent as a user's message."""
        return self.name.startswith("chat_")

    @property
    def is_sampling(self) -> bool:
        """Whether replies are counted."""
        return self.name.endswith("sampling")

    def ask(self, client: Client, prompt: str, **extra: Any) -> dict[str, Any]:
        """Send a prompt in this way."""
        return _ask(client, self.is_chat, prompt, self.extra | extra | (_salt() if self.salted else {}))


SCORING: dict[str, tuple[dict[str, Any], Any]] = {
    "echo": ({"echo": True, "logprobs": 1}, replies.echoed),
    "prompt_logprobs": ({"prompt_logprobs": 0}, replies.prompt_scored),
}


def find_way(client: Client, wanted: str = "auto") -> Way:
    """The first way that the server offers.

    Raises:
        EndpointError: it offers none, or not the one wanted; nobody is there.
    """
    reasons = []
    for name in WAYS[1:] if wanted == "auto" else (wanted,):
        try:
            return _probe(client, name)
        except EndpointError as error:
            if not isinstance(error, Refused) and error.status not in NOT_OFFERED:
                raise
            reasons.append(f"{name}: {error}")
    raise EndpointError(f"{client.address.url} offers no way to read answers; {'; '.join(reasons)}")


def echo_of(client: Client, way: Way, text: str) -> tuple[Echo, int]:
    """Score a text; also how many tokens the server read."""
    reply = way.ask(client, text)
    echo: Echo = SCORING[way.name][1](reply)
    if not replies.covers(echo, text):
        raise Unusable(f"the reply's tokens are not those of the whole text {text[:40]!r}; the server may have cut it")
    return echo, replies.prompt_tokens(reply)


def option_score(echo: Echo, prompt: Echo | None, option: str) -> tuple[float, int] | None:
    """Sum of log-probabilities and number of tokens of an option at the end of a text.

    Args:
        echo: of prompt + option.
        prompt: of the prompt alone, where it is known.
        option: its text.

    Returns:
        None when the joint can only be found with the prompt's own tokens, and these are not given.

    Raises:
        Unusable: prompt and option share a token, or the option has none.
    """
    if prompt is not None:
        count = len(prompt.tokens)
        if echo.tokens[:count] != prompt.tokens or len(echo.tokens) == count:
            raise Unusable(f"the server's tokens do not divide between prompt and option {option!r}"[:200])
    else:
        ending, count = "", len(echo.tokens)
        while len(ending) < len(option) and count:
            count -= 1
            ending = echo.tokens[count] + ending
        if ending != option:
            return None
    scores = [value for value in echo.logprobs[count:] if value is not None]
    if len(scores) != len(echo.tokens) - count or not scores:
        raise Unusable("an option cannot begin the text; a prompt must stand before it")
    return float(np.sum(scores)), len(scores)


def letter_scores(client: Client, way: Way, prompt: str, options: Sequence[str], samples: int) -> dict[str, Any]:
    """Log-probabilities (K,) of one-token options as the next token, and whether any of them came up at all.

    Sampling: log((count + 1/2) / (n + K/2)) of n replies, so that what never came up is not impossible.
    """
    if way.is_sampling:
        counts, other = _sampled(client, way, prompt, options, samples)
        smoothed = np.log((counts + 0.5) / (counts.sum() + other + 0.5 * len(options)))
        return {"logprobs": smoothed.tolist(), "answered": bool(counts.sum()), "tokens": 0}
    reply = way.ask(client, prompt)
    listed = replies.first_token(reply)
    if way.is_chat:  # a reply begins anew, so its first token has no space before it
        folded: dict[str, float] = {}
        for token, value in listed.items():
            folded[token.strip()] = float(np.logaddexp(folded.get(token.strip(), -np.inf), value))
        listed = folded
    # what is not listed is no likelier than the least of what is, nor than all that is left
    left = max(1.0 - float(np.exp(list(listed.values())).sum()), SMALLEST)
    least = min(*listed.values(), float(np.log(left)))
    wanted = [option.strip() if way.is_chat else option for option in options]
    return {
        "logprobs": [min(listed.get(option, least), 0.0) for option in wanted],
        "answered": any(option in listed for option in wanted),
        "tokens": replies.prompt_tokens(reply),
    }


def _sampled(client: Client, way: Way, prompt: str, options: Sequence[str], samples: int) -> tuple[Any, int]:
    """How often each option was the whole reply; how often none was. A server may give fewer replies than asked."""
    counts, got = np.zeros(len(options)), 0
    wanted = [option.strip() for option in options]
    while got < samples:
        said = replies.texts(way.ask(client, prompt, n=samples - got, seed=got))[: samples - got]
        for text in said:
            if text.strip() in wanted:
                counts[wanted.index(text.strip())] += 1
        got += len(said)
    return counts, int(got - counts.sum())


def _probe(client: Client, name: str) -> Way:
    """The way, if the server offers it.

    Raises:
        EndpointError: it does not.
    """
    chat = name.startswith("chat_")
    if name in SCORING:
        extra, read = SCORING[name]
        extra = {"max_tokens": 1, "temperature": 0, **extra}
        try:
            reply, salted = _ask(client, False, CANARY, extra | _salt(), PROBE_ATTEMPTS), True
        except Refused as error:
            if error.status not in UNKNOWN_FIELD:
                raise
            reply, salted = _ask(client, False, CANARY, extra, PROBE_ATTEMPTS), False
        echo = read(reply)
        if not replies.covers(echo, CANARY):
            raise Unusable("the prompt is not in the reply")
        return Way(name, extra, tuple(value for value in echo.logprobs if value is not None), salted)
    problems: list[Refused] = []
    for extra in _forms_of(name):
        try:
            reply = _ask(client, chat, LETTER_CANARY, extra, PROBE_ATTEMPTS)
            if name.endswith("sampling"):
                replies.texts(reply)
                return Way(name, extra, ())
            listed = replies.first_token(reply)
            return Way(name, extra, tuple(sorted(listed.values(), reverse=True)[:5]))
        except Refused as error:
            problems.append(error)
            if isinstance(error, Unusable) or error.status == 404:  # another spelling changes nothing
                break
    raise problems[-1]


def _salt() -> dict[str, str]:
    """A field that keeps a request apart from all others in the cache of vLLM and its kin."""
    return {"cache_salt": secrets.token_hex(8)}


def _forms_of(name: str) -> list[dict[str, Any]]:
    """Spellings of a request for one token, to be tried in turn.

    Newer chat models know `max_completion_tokens` only, and some of them no temperature but their own.
    """
    chat = name.startswith("chat_")
    limits = ("max_tokens", "max_completion_tokens") if chat else ("max_tokens",)
    if name.endswith("sampling"):
        forms = [{limit: SAMPLED_TOKENS, "temperature": 1} for limit in limits]
    else:
        tops = [{"logprobs": True, "top_logprobs": top} if chat else {"logprobs": top} for top in TOP]
        forms = [{limit: 1, "temperature": 0, **asked} for asked in tops for limit in limits]
    plain = [{key: value for key, value in form.items() if key != "temperature"} for form in forms]
    return [*forms, *(form for form in plain if "max_completion_tokens" in form)]


def _ask(client: Client, chat: bool, prompt: str, extra: dict[str, Any], attempts: int | None = None) -> dict[str, Any]:
    asked = {"messages": [{"role": "user", "content": prompt}]} if chat else {"prompt": prompt}
    return client.post(CHAT if chat else COMPLETIONS, {"model": client.model, **asked, **extra}, attempts)
