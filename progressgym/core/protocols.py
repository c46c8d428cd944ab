"""What the floors expect of each other, as structural types: anything with these methods will do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Observation = Mapping[str, Any]
Info = Mapping[str, Any]


@runtime_checkable
class Respondent(Protocol):
    """Anything that answers the items of a questionnaire: a model behind a reading, a table, a scripted test double."""

    @property
    def name(self) -> str:
        """What to call it in tables."""
        ...

    def answers(self, instrument: Any) -> NDArray[np.float64]:
        """Choice probabilities (N, K) over the options of every item of an instrument."""
        ...


@runtime_checkable
class OptionScorer(Protocol):
    """A language model as far as reading its values needs it."""

    @property
    def name(self) -> str:
        """What to call it in tables."""
        ...

    @property
    def fingerprint(self) -> str:
        """sha256 of everything that can change a number: weights, adapter, tokenizer, precision."""
        ...

    def option_logprobs(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[NDArray[np.float64]]:
        """Mean log-probability per token of every option's text after its prompt.

        Args:
            prompts: B contexts.
            options: B lists of K_i continuations; the text scored is `prompt + option`.

        Returns:
            B arrays of shape (K_i,), natural logarithm, always <= 0.
        """
        ...

    def framed_option_logprobs(
        self, contexts: Sequence[str], framings: Sequence[str], options: Sequence[Sequence[str]]
    ) -> list[NDArray[np.float64]]:
        """As `option_logprobs` for every framing of every context, each shared beginning computed once.

        The text scored is `context + framing + option`.

        Returns:
            B arrays of shape (F, K_i).
        """
        ...


@runtime_checkable
class Chooser(Protocol):
    """Somebody who chooses among options as they are shown: a person at a screen, a scripted test double."""

    @property
    def name(self) -> str:
        """What to call it in tables."""
        ...

    def choose(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> Sequence[NDArray[np.float64]]:
        """Choice probabilities.

        Args:
            prompts: B situations.
            options: B lists of K_i options, in the order in which they are shown.

        Returns:
            B arrays of shape (K_i,).
        """
        ...


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str:
        """What to call it in tables."""
        ...

    @property
    def fingerprint(self) -> str:
        """sha256 of everything that can change a number."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """One vector for every text: (n, d)."""
        ...


@runtime_checkable
class Writer(Protocol):
    """Continues texts."""

    @property
    def name(self) -> str:
        """What to call it in tables."""
        ...

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
        """Continuations, the same for the same arguments.

        Args:
            prompts: B texts.
            n: continuations of each.
            seed: of the draws.
            temperature: 0 takes the likeliest token every time.
            top_p: tokens are drawn from the likeliest ones that together have this probability.
            max_tokens: of a continuation.

        Returns:
            B lists of n texts, without the prompt.
        """
        ...


@runtime_checkable
class AgentLike(Protocol):
    """An agent of the benchmark. A user's own class needs nothing else."""

    def reset(self, task: Any, seed: int | None = None) -> None:
        """Begin an episode. `task` holds what an agent may know and nothing more."""
        ...

    def act(self, observation: Observation, info: Info) -> NDArray[np.float32]:
        """Answer every item: unnormalised log-probabilities, shape (N, K_max)."""
        ...
