"""Respondents that an instrument should not believe, for those who are shown options, and for scorers and embedders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.protocols import Chooser
from progressgym.instruments.choosers import Cyclic, Sycophant
from progressgym.instruments.protocol import Instrument, Planting, Question
from progressgym.instruments.respondents import FirstPosition, RandomRespondent


@dataclass(kw_only=True)
class Deaf:
    """A language model double that does not hear what it is asked: `random` for every text anew, or `constant`."""

    kind: str

    @property
    def name(self) -> str:
        return self.kind

    @property
    def fingerprint(self) -> str:
        return self.kind

    def option_logprobs(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        return [np.array([self._score(p, o) for o in texts]) for p, texts in zip(prompts, options, strict=True)]

    def framed_option_logprobs(
        self, contexts: Sequence[str], framings: Sequence[str], options: Sequence[Sequence[str]]
    ) -> list[Floats]:
        return [
            np.array([[self._score(context + framing, option) for option in texts] for framing in framings])
            for context, texts in zip(contexts, options, strict=True)
        ]

    def embed(self, texts: Sequence[str]) -> Floats:
        return np.array([self._draws(text, 16) for text in texts])

    def _score(self, prompt: str, option: str) -> float:
        return -3.0 - float(self._draws(f"{prompt}|{option}", 1)[0])

    def _draws(self, text: str, count: int) -> Floats:
        if self.kind == "constant":
            return np.ones(count)
        seed = int.from_bytes(sha256(text.encode()).digest()[:8], "big")
        return np.random.default_rng(seed).normal(size=count).clip(-2.5, 2.5)


@dataclass(kw_only=True)
class Insisting:
    """Answers one question with one option, wherever it stands, and everything else as somebody else does."""

    other: Chooser
    question: Question
    option: str
    name: str = "insisting"

    def choose(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        chosen = self.other.choose(prompts, options)
        return [
            np.array([float(text == self.option) for text in texts])
            if prompt == self.question.prompt and set(texts) == set(self.question.options)
            else np.asarray(answer)
            for prompt, texts, answer in zip(prompts, options, chosen, strict=True)
        ]


def flawed(instrument: Instrument, given: Planting) -> list[Any]:
    """Everybody whom an instrument must not believe, of the kind that it asks."""
    if not isinstance(given.respondent, Chooser):
        return [Deaf(kind="random"), Deaf(kind="constant")]
    circle = given.circle or tuple(
        dict.fromkeys(text for question in instrument.questions() for text in question.options)
    )
    return [RandomRespondent(0), RandomRespondent(1), FirstPosition(), Cyclic(circle=circle), Sycophant()]
