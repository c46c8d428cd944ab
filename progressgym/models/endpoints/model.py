"""A language model behind an endpoint, as an `OptionScorer`, and as an `Embedder` and `Writer` where the server is one."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError, did_you_mean
from progressgym.core.files import canonical_json, sha256_bytes
from progressgym.core.text import check_well_formed
from progressgym.models.endpoints.address import Address, api_key, parse_address
from progressgym.models.endpoints.client import Client, EndpointError
from progressgym.models.endpoints.kept import KeptAnswers, answer_key
from progressgym.models.endpoints.replies import Echo
from progressgym.models.endpoints.texts import texts_of, vector_of
from progressgym.models.endpoints.ways import echo_of, find_way, letter_scores, option_score
from progressgym.models.writing import Drawing

Floats = NDArray[np.float64]
_CONTROL = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|</?s>|\[/?INST\]|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>"
    r"|</?(?:think|tool_call|tool_response|tools)>|\[/?(?:TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|THINK)\]"
)
"""How the control tokens of common models are spelled."""
AGAIN, ENOUGH = 3, 8
"""So many questions are asked twice where at least so many are asked."""
UNSTEADY = 0.1
"""Nats a token, or probability of a letter, by which two answers to one question differ that are not the same up to
rounding: batches in half precision move them by hundredths."""
MOST_UNANSWERED = 0.5
"""If more of the prompts than this got no letter at all, the model is not answering the question."""


@dataclass(frozen=True, kw_only=True)
class EndpointStats:
    """What the last scoring cost."""

    unique_tokens: int
    """Prompt tokens that the server read, as it says."""
    asked: int
    """Answers that were asked for now."""
    kept: int
    """Answers that were there already."""


class EndpointModel:
    """A model behind an OpenAI-compatible endpoint.

    Where the server scores prompts, numbers are those of the same model loaded here, up to the server's precision.
    Where it does not, only single letters can be read (`scores_text` is False), and `note` says how.
    """

    def __init__(self, address: Address, kept: KeptAnswers | None = None) -> None:
        """Contact the server, find the model and the way to ask.

        Args:
            address: see `parse_address`.
            kept: where answers are kept; by default in the cache folder.

        Raises:
            UserError: nobody is there, the model is not, or no way to ask is offered.
        """
        self._client = Client(address, api_key())
        self._client.model = _choose_model(self._client)
        self.name = f"openai:{address.url}#{self._client.model}"
        self.way = find_way(self._client, address.way)
        self.samples = address.samples if self.way.is_sampling else 0
        self.last_stats: EndpointStats | None = None
        self._kept = kept or KeptAnswers()
        self._identity = self._kept.identify(address.url, self._client.model, self.way.name, self.way.canary)
        self._twice = answer_key(self._identity, "", ["asked twice"], 0)
        self._unanswered = [0, 0]

    @property
    def fingerprint(self) -> str:
        """sha256 of address, model id, way of asking and the canary's log-probabilities; weights cannot be seen."""
        return sha256_bytes(f"{self._identity} {self.samples}".encode())

    @property
    def scores_text(self) -> bool:
        """Whether any text can be scored, or only single letters."""
        return self.way.scores_text

    @property
    def note(self) -> str:
        """How the numbers are got."""
        if self.scores_text:
            return f"prompt log-probabilities of the endpoint ({self.way.name}){self._unsteady()}"
        how = f"{self.samples} sampled replies of one token" if self.samples else "the likeliest next tokens"
        missing, asked = self._unanswered
        share = f"; {missing / asked:.1%} of the prompts got no letter and count as indifferent" if missing else ""
        return (
            f"the endpoint scores no prompts, so letters are read from {how} ({self.way.name}){share}{self._unsteady()}"
        )

    def _unsteady(self) -> str:
        """What the note says of questions that got two answers, now or when they were asked."""
        repeats = self._kept.get_many([self._twice]).get(self._twice)
        if repeats is None:
            return ""
        return (
            f"; UNSTEADY: {repeats['differ']} of {repeats['asked']} questions that were asked twice, in another order, got another "
            f"answer (up to {repeats['most']:.2g} away), so answers depend on what the server was asked before: turn its prefix "
            "caching off and remove the kept answers"
        )

    def option_logprobs(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        """Mean log-probability per token of every option's text after its prompt; see `OptionScorer`."""
        return [table[0] for table in self.framed_option_logprobs(prompts, [""], options)]

    def framed_option_logprobs(
        self, contexts: Sequence[str], framings: Sequence[str], options: Sequence[Sequence[str]]
    ) -> list[Floats]:
        """Mean log-probability per token for every framing and option, B arrays (F, K_i); see `OptionScorer`.

        Raises:
            UserError: the endpoint failed; every answer that came is kept, and asking again goes on from there.
        """
        if len(contexts) != len(options):
            raise UserError(f"{len(contexts)} contexts but {len(options)} lists of options; they must pair up")
        asked = [
            [(context + framing, tuple(texts)) for framing in framings]
            for context, texts in zip(contexts, options, strict=True)
        ]
        flat = list(dict.fromkeys(question for questions in asked for question in questions))
        _refuse_controls(
            [*(prompt for prompt, _ in flat), *(prompt + text for prompt, texts in flat for text in texts)]
        )
        scores = self._scored(flat) if self.scores_text else self._lettered(flat)
        return [np.array([scores[question] for question in questions]) for questions in asked]

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector for every text, (n, d), as the server's `/embeddings` gives it; each is asked for once.

        Raises:
            UserError: the server offers none, or the endpoint failed.
        """
        _refuse_controls(texts)
        keys: dict[tuple[str, ...], str] = {
            (text,): answer_key(self._identity, text, ["embedding"], 0) for text in texts
        }
        replies = self._answers(keys, lambda asked: {"vector": vector_of(self._client, asked[0]), "tokens": 0})
        vectors = [replies[(text,)]["vector"] for text in texts]
        if len(set(map(len, vectors))) > 1:
            raise EndpointError(f"{self.name} gave vectors of different lengths")
        return np.array(vectors, dtype=np.float64).reshape(len(texts), -1)

    def sample(
        self,
        prompts: Sequence[str],
        n: int = 1,
        *,
        seed: int = 0,
        temperature: float = 1.0,
        top_p: float = 1.0,
        max_tokens: int = 64,
    ) -> list[list[str]]:
        """Continuations, or replies of a chat endpoint; see `Writer`. Each is asked for once and kept.

        The seed is sent to the server, which may heed it or not; what was kept is the same the next time.

        Raises:
            UserError: an argument out of its range, the server writes nothing, or the endpoint failed.
        """
        how = Drawing(n=n, seed=seed, temperature=temperature, top_p=top_p, max_tokens=max_tokens)
        _refuse_controls(prompts)
        mark = canonical_json(["sample", asdict(how)])
        keys: dict[tuple[str, ...], str] = {
            (prompt,): answer_key(self._identity, prompt, [mark], 0) for prompt in prompts
        }
        replies = self._answers(
            keys, lambda asked: {"texts": texts_of(self._client, self.way, asked[0], how), "tokens": 0}
        )
        return [list(replies[(prompt,)]["texts"]) for prompt in prompts]

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _scored(
        self, questions: Sequence[tuple[str, tuple[str, ...]]]
    ) -> dict[tuple[str, tuple[str, ...]], list[float]]:
        """Every (prompt, option) once, each kept for itself."""
        pairs = list(dict.fromkeys((prompt, option) for prompt, options in questions for option in options))
        prompts = _Once()

        def score(prompt: str, option: str) -> dict[str, Any]:
            echo, tokens = echo_of(self._client, self.way, prompt + option)
            value = option_score(echo, None, option)
            if value is None:
                alone: Echo = prompts.get(prompt, lambda: echo_of(self._client, self.way, prompt)[0])
                value = option_score(echo, alone, option)
            assert value is not None
            return {"sum": value[0], "count": value[1], "tokens": tokens}

        answers = self._answers(
            {pair: answer_key(self._identity, pair[0], pair[1:], 0) for pair in pairs},
            lambda pair: score(*pair),
            lambda a, b: abs(a["sum"] - b["sum"]) / a["count"] if a["count"] == b["count"] else math.inf,
        )
        means = {pair: answer["sum"] / answer["count"] for pair, answer in answers.items()}
        return {(prompt, options): [means[prompt, option] for option in options] for prompt, options in questions}

    def _lettered(
        self, questions: Sequence[tuple[str, tuple[str, ...]]]
    ) -> dict[tuple[str, tuple[str, ...]], list[float]]:
        """Every prompt once, with all its options."""
        answers = self._answers(
            {(p, *options): answer_key(self._identity, p, options, self.samples) for p, options in questions},
            lambda question: letter_scores(self._client, self.way, question[0], question[1:], self.samples),
            None
            if self.way.is_sampling
            else lambda a, b: float(np.abs(np.exp(a["logprobs"]) - np.exp(b["logprobs"])).max()),
        )
        missing = sum(not answer["answered"] for answer in answers.values())
        self._unanswered = [self._unanswered[0] + missing, self._unanswered[1] + len(answers)]
        if missing > MOST_UNANSWERED * len(answers):
            raise EndpointError(
                f"{self.name} gave none of the letters to {missing} of {len(answers)} prompts; it does not answer the "
                "question (is it a chat model that begins otherwise? try ?way=chat_sampling or another mode)"
            )
        return {(question[0], question[1:]): answer["logprobs"] for question, answer in answers.items()}

    def _answers(
        self,
        keys: dict[tuple[str, ...], str],
        ask: Callable[[tuple[str, ...]], dict[str, Any]],
        gap: Callable[[dict[str, Any], dict[str, Any]], float] | None = None,
    ) -> dict[tuple[str, ...], dict[str, Any]]:
        """Answers to questions: those kept, and the others asked for, several at a time, each kept as it comes.

        Args:
            keys: under which answers are kept.
            ask: asks one question.
            gap: how far two answers to one question are apart; None where they may differ.
        """
        answers = self._kept.get_many(list(keys.values()))
        missing = [question for question, key in keys.items() if key not in answers]
        tokens, got = 0, 0
        failed: list[EndpointError] = []

        def work(question: tuple[str, ...]) -> dict[str, Any]:
            try:
                answer = ask(question)
            except EndpointError as error:
                failed.append(error)
                self._client.stop()  # ends pauses and new requests; those under way end by their deadline and are kept
                raise
            self._kept.put(keys[question], answer)
            answers[keys[question]] = answer
            return answer

        self._client.resume()
        with ThreadPoolExecutor(self._client.address.concurrency) as pool:
            futures = [pool.submit(work, question) for question in missing]
            try:
                for future in as_completed(futures):
                    tokens, got = tokens + future.result()["tokens"], got + 1
            except BaseException as error:
                self._client.stop()
                pool.shutdown(cancel_futures=True)
                if not isinstance(error, EndpointError):
                    raise
                raise EndpointError(
                    f"{failed[0]}; {len(answers)} of {len(keys)} answers are kept, the same command goes on from there",
                    failed[0].status,
                ) from None
        if gap is not None and len(missing) >= ENOUGH:
            again = missing[:: len(missing) // AGAIN][:AGAIN][::-1]
            self._compare([gap(answers[keys[question]], ask(question)) for question in again])
        self.last_stats = EndpointStats(unique_tokens=tokens, asked=got, kept=len(keys) - got)
        return {question: answers[key] for question, key in keys.items()}

    def _compare(self, gaps: Sequence[float]) -> None:
        """Write down whether questions that were asked anew, after all others and the last ones first, got other answers."""
        if max(gaps) <= UNSTEADY:
            return
        before = self._kept.get_many([self._twice]).get(self._twice, {"asked": 0, "differ": 0, "most": 0.0})
        repeats = {
            "asked": before["asked"] + len(gaps),
            "differ": before["differ"] + sum(one > UNSTEADY for one in gaps),
            "most": min(max(before["most"], *gaps), 1e3),
        }
        self._kept.put(self._twice, repeats)


def _refuse_controls(texts: Sequence[str]) -> None:
    """Refuse texts that no endpoint reads as text."""
    check_well_formed(texts, "a text to be read")
    for text in texts:
        if match := _CONTROL.search(text):
            raise UserError(
                f"{match[0]!r} in {text[:40]!r} is a control token to many models, and an endpoint cannot be told to "
                "read it as text; leave it out, or load the model here"
            )


class _Once:
    """Values computed once each, by whichever thread comes first."""

    def __init__(self) -> None:
        self._lock, self._values = threading.Lock(), dict[str, Any]()
        self._locks: dict[str, threading.Lock] = {}

    def get(self, key: str, make: Callable[[], Any]) -> Any:
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._values:
                self._values[key] = make()
            return self._values[key]


def load_endpoint(spec: str) -> EndpointModel:
    """The model behind `openai:http://host:port#model`.

    Raises:
        UserError: see `EndpointModel` and `parse_address`.
    """
    return EndpointModel(parse_address(spec))


def _choose_model(client: Client) -> str:
    """The model that was asked for, if the server lists it, or the only one that it lists.

    A server that lists none (some answer 404 or 500) is believed to have the model.
    """
    wanted = client.model
    try:
        listing = client.get("/models")
    except EndpointError as error:
        if wanted and error.status is not None:
            return wanted
        raise EndpointError(f"{error}{'' if error.status else '; is the server running?'}") from None
    data = listing.get("data") if isinstance(listing, dict) else None
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    ids: list[str] = [entry["id"] for entry in entries if isinstance(entry.get("id"), str) and entry["id"]]
    if wanted and (wanted in ids or not ids):
        return wanted
    names = ", ".join(repr(name) for name in ids[:8]) or "none"
    if wanted:
        raise EndpointError(
            f"{client.address.url} has no model {wanted!r}{did_you_mean(wanted, ids)}; it lists {names}"
        )
    if len(ids) != 1:
        raise EndpointError(f"{client.address.url} lists {names}; name one, as in openai:{client.address.url}#MODEL")
    return ids[0]
