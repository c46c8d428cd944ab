"""A loaded language model: what it is called, what it weighs, how likely it finds a text, and how it goes on."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.models import packed
from progressgym.models.embedding import mean_states
from progressgym.models.general import score_rows
from progressgym.models.selfcheck import check_scoring
from progressgym.models.tokens import Ids, Request, encode, encode_prompts, tags_of
from progressgym.models.window import check_fit, check_texts
from progressgym.models.writing import Drawing, continuations

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Floats = NDArray[np.float64]
LAYOUT = "forest-2"
"""How texts are laid out in a forward pass. In bfloat16 another layout gives other sums, so it is part of the
fingerprint; raise the number with every change of it."""


_NO_SETTINGS = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "architectures")
"""Entries of a configuration that change no number."""


@dataclass(frozen=True, kw_only=True)
class ScoringStats:
    """What the last scoring cost."""

    unique_tokens: int
    """Token positions computed, each shared beginning once."""
    predicting_tokens: int
    """Of these, those that the output head was applied to."""
    scored_tokens: int
    """Option tokens whose probability was asked for."""
    plain_tokens: int
    """Positions that scoring every text alone would compute (all but its last token, which predicts nothing)."""
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Unique tokens a second."""
        return self.unique_tokens / max(self.seconds, 1e-9)


class LanguageModel:
    """A causal language model and its tokenizer; an `OptionScorer`, an `Embedder` and a `Writer`.

    All numbers are natural logarithms. In float32 they agree with a plain one-by-one forward pass of the joined text to
    1e-4; a model that cannot be scored so is refused when it is first asked (see `selfcheck` and `window`). In bfloat16
    rounding differs between ways to lay texts out, machines and devices, by up to some tenths of a nat a text, so the
    layout is fixed and part of the fingerprint: compare only numbers of the same fingerprint and machine type.
    """

    def __init__(self, *, name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.name = name
        self.model = model
        self.tokenizer = tokenizer
        self.last_stats: ScoringStats | None = None
        self._checked = False
        self._score = packed.Scorer(model).score if packed.supports(model) else functools.partial(score_rows, model)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self.model.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the weights."""
        dtype: torch.dtype = self.model.dtype
        return dtype

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of everything that can change a number: weights (adapter merged), settings, tokenizer, precision,
        layout."""
        import torch

        settings = {key: value for key, value in self.model.config.to_dict().items() if key not in _NO_SETTINGS}
        tags = tags_of(self.tokenizer)
        head = [LAYOUT, str(self.dtype), settings, _pipeline(self.tokenizer), *([tags] if tags else [])]
        digest = hashlib.sha256(json.dumps(head, sort_keys=True, default=str).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        for token, number in sorted(self.tokenizer.get_vocab().items(), key=lambda entry: entry[1]):
            digest.update(f"{number} {token}\n".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def option_logprobs(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        """Mean log-probability per token of every option's text after its prompt; see `OptionScorer`."""
        return [table[0] for table in self.framed_option_logprobs(prompts, [""], options)]

    def option_token_sums(
        self, prompts: Sequence[str], options: Sequence[Sequence[str]]
    ) -> tuple[list[Floats], list[NDArray[np.int64]]]:
        """Sums of log-probabilities and numbers of tokens, B arrays (K_i,) each."""
        requests = encode(self.tokenizer, prompts, [""], options)
        counts = [np.array([len(option) for option in request.options]) for request in requests]
        return [table[0] for table in self._sums(requests)], counts

    def framed_option_logprobs(
        self, contexts: Sequence[str], framings: Sequence[str], options: Sequence[Sequence[str]]
    ) -> list[Floats]:
        """Mean log-probability per token for every framing and option, B arrays (F, K_i); see `OptionScorer`."""
        requests = encode(self.tokenizer, contexts, framings, options)
        counts = [np.array([len(option) for option in request.options]) for request in requests]
        return [sums / count for sums, count in zip(self._sums(requests), counts, strict=True)]

    @property
    def width(self) -> int:
        """d, of the vectors that `embed` gives."""
        settings: Any = self.model.config.get_text_config()
        return int(settings.hidden_size)

    def embed(self, texts: Sequence[str]) -> Floats:
        """Mean of the last hidden states over each text's tokens, (n, d).

        Raises:
            UserError: a text that is too long for the model, or states that are not finite.
        """
        rows = self._rows(texts, 0)
        vectors = mean_states(self.model, rows) if rows else np.zeros((0, self.width))
        if not np.isfinite(vectors).all():
            raise UserError(f"model {self.name!r} gives a state that is NaN or infinite in {self.dtype}")
        return vectors

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
        """Continuations, the same for the same seed; see `Writer`. A continuation depends on its own prompt only.

        Raises:
            UserError: an argument out of its range, or a prompt that leaves no room in the model's window.
        """
        how = Drawing(n=n, seed=seed, temperature=temperature, top_p=top_p, max_tokens=max_tokens)
        return continuations(self.model, self.tokenizer, prompts, self._rows(prompts, max_tokens), how)

    def _rows(self, texts: Sequence[str], more: int) -> list[Ids]:
        """Tokens of texts that are followed by so many more."""
        rows = encode_prompts(self.tokenizer, texts)
        check_texts(self.model, max(map(len, rows), default=0) + more, rows)
        if rows:
            self._make_ready()
        return rows

    def _make_ready(self) -> None:
        self.model.eval()  # training leaves dropout on
        if not self._checked:
            check_scoring(self.model, self._score)
            self._checked = True

    def _sums(self, requests: Sequence[Request]) -> list[Floats]:
        check_fit(self.model, requests)
        if requests:
            self._make_ready()
        start = time.perf_counter()
        sums, computed, predicting = self._score(requests) if requests else ([], 0, 0)
        if not all(np.isfinite(table).all() for table in sums):
            raise UserError(f"model {self.name!r} gives a log-probability that is NaN or infinite in {self.dtype}")
        scored = sum(len(request.prefixes) * sum(map(len, request.options)) for request in requests)
        plain = scored + sum(
            (len(prefix) - 1) * len(request.options) for request in requests for prefix in request.prefixes
        )
        self.last_stats = ScoringStats(
            unique_tokens=computed,
            predicting_tokens=predicting,
            scored_tokens=scored,
            plain_tokens=plain,
            seconds=time.perf_counter() - start,
        )
        return sums


def _pipeline(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """How a tokenizer makes tokens of a text, beside its vocabulary; nothing for one that is written in Python."""
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return {}
    state = json.loads(backend.to_str())
    merges = state.get("model", {}).get("merges")
    return {part: state.get(part) for part in ("normalizer", "pre_tokenizer", "post_processor")} | {"merges": merges}
