"""Respondents whose values are known beforehand: test doubles, baselines, planted stances, stored tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.answers import Floats, validate_answers
from progressgym.core.dimensions import index_of
from progressgym.core.protocols import OptionScorer
from progressgym.core.seeding import generator
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.stance_model import DEFAULT_SCALE, StanceModel


@dataclass
class Uniform:
    """Indifferent: every value is 0."""

    name: str = "uniform"

    def answers(self, instrument: Questionnaire) -> Floats:
        """(N, K)."""
        return instrument.uniform()


@dataclass
class Upholding:
    """Always takes the option that upholds a dimension most: its value is 1. Indifferent elsewhere and among equals."""

    dimension: str
    name: str = field(init=False)
    """For example `upholding-care`."""

    def __post_init__(self) -> None:
        """Name it."""
        self.name = f"upholding-{self.dimension}"

    def answers(self, instrument: Questionnaire) -> Floats:
        """(N, K)."""
        return _extreme(instrument, instrument.loadings[..., index_of(self.dimension)])


@dataclass
class Violating:
    """Always takes the option that violates a dimension most: sum of min loadings over sum of max loadings."""

    dimension: str
    name: str = field(init=False)
    """For example `violating-care`."""

    def __post_init__(self) -> None:
        """Name it."""
        self.name = f"violating-{self.dimension}"

    def answers(self, instrument: Questionnaire) -> Floats:
        """(N, K)."""
        return _extreme(instrument, -instrument.loadings[..., index_of(self.dimension)])


@dataclass
class FirstPosition:
    """Always takes the first option of an item's own order, whatever it says."""

    name: str = "first-position"

    def answers(self, instrument: Questionnaire) -> Floats:
        """(N, K)."""
        answers = np.zeros(instrument.mask.shape)
        answers[:, 0] = 1.0
        return answers

    def choose(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        """B arrays (K_i,): what is shown first."""
        return [np.eye(len(texts))[0] for texts in options]


@dataclass
class RandomRespondent:
    """Choice probabilities drawn evenly from all possible ones (a flat Dirichlet), the same for the same seed."""

    seed: int
    name: str = field(init=False)
    """For example `random-0`."""

    def __post_init__(self) -> None:
        """Name it."""
        self.name = f"random-{self.seed}"

    def answers(self, instrument: Questionnaire) -> Floats:
        """(N, K)."""
        draws = -np.log1p(-generator(self.seed, "random-respondent").random(instrument.mask.shape)) + 1e-300
        weights = np.where(instrument.mask, draws, 0.0)
        answers: Floats = weights / weights.sum(-1, keepdims=True)
        return answers

    def choose(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        """B arrays (K_i,), the same for the same prompt with the same options in the same order."""
        return [
            generator(self.seed, "random-chooser", prompt, *texts).dirichlet(np.ones(len(texts)))
            for prompt, texts in zip(prompts, options, strict=True)
        ]


@dataclass(eq=False)
class Table:
    """Answers that are already known, checked against the instrument that asks for them."""

    table: ArrayLike
    name: str = "table"

    def answers(self, instrument: Questionnaire) -> Floats:
        """(N, K).

        Raises:
            UserError: the table does not fit the instrument.
        """
        return validate_answers(self.table, instrument.mask, f"answers of {self.name!r}")


@dataclass(eq=False)
class Planted:
    """Answers by the stance model with a known theta."""

    theta: ArrayLike
    """(19,)."""
    base: ArrayLike | None = None
    """Answers (N, K) at theta = 0; default indifference."""
    scale: float = DEFAULT_SCALE
    name: str = "planted"

    def answers(self, instrument: Questionnaire) -> Floats:
        """(N, K)."""
        return StanceModel.of(instrument, self.base, scale=self.scale).answers(self.theta)


@dataclass(eq=False)
class LanguageModelRespondent:
    """A language model behind a reading, so that it can stand wherever a respondent is asked for."""

    scorer: OptionScorer
    mode: str = "cloze"
    name: str = field(init=False)
    """The model's name."""

    def __post_init__(self) -> None:
        """Take the model's name."""
        self.name = self.scorer.name

    def answers(self, instrument: Questionnaire) -> Floats:
        """(N, K)."""
        return instrument.read(self.scorer, self.mode).answers


@dataclass(eq=False)
class ScriptedScorer:
    """A language model double: the log-probability of an option is a function of prompt and option.

    >>> scorer = ScriptedScorer(lambda prompt, option: -1.0 if option == " A" else -2.0)
    >>> scorer.option_logprobs(["Which?"], [[" A", " B"]])
    [array([-1., -2.])]
    """

    score: Callable[[str, str], float]
    name: str = "scripted"
    fingerprint: str = "scripted"
    calls: list[int] = field(default_factory=list)
    """Number of (prompt, option) pairs of every call: what a reading costs."""

    def option_logprobs(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[NDArray[np.float64]]:
        """B arrays (K_i,)."""
        self.calls.append(sum(map(len, options)))
        return [
            np.array([self.score(prompt, option) for option in texts])
            for prompt, texts in zip(prompts, options, strict=True)
        ]

    def framed_option_logprobs(
        self, contexts: Sequence[str], framings: Sequence[str], options: Sequence[Sequence[str]]
    ) -> list[NDArray[np.float64]]:
        """B arrays (F, K_i)."""
        self.calls.append(len(framings) * sum(map(len, options)))
        return [
            np.array([[self.score(context + framing, option) for option in texts] for framing in framings])
            for context, texts in zip(contexts, options, strict=True)
        ]


def _extreme(instrument: Questionnaire, worth: Floats) -> Floats:
    """Even choice among the options of the highest worth (N, K)."""
    real = np.where(instrument.mask, worth, -np.inf)
    best = real >= real.max(-1, keepdims=True) - 1e-12
    answers: Floats = best / best.sum(-1, keepdims=True)
    return answers
