"""One episode's numbers: everything that can be computed when it begins.

Legend of shapes: T centuries, Q asked comparisons, N items, K options, D = 19.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import centred_log
from progressgym.histories.history import History
from progressgym.histories.timeline import Timeline
from progressgym.preferences.comparisons import (
    RNG_SCHEME,
    SHORT_SCHEME,
    PairChooser,
    draw_asked,
    probabilities,
    short_draws,
    short_words,
)

Floats = NDArray[np.float64]


class Truth(NamedTuple):
    """What follows from a history alone, read-only: episodes of one history share it."""

    timeline: Timeline
    """Values on the items that are rewarded."""
    initial_answers: Floats
    """(N, K) the first answers, century 0's where all items were asked in it, in float64."""
    initial_logits: Floats
    """(N, K) their centred logarithms."""

    @staticmethod
    @lru_cache(maxsize=32)
    def of(history: History, reward_items: str = "evaluation") -> Truth:
        """Compute it, or remember it for the last histories, among them the splits of a benchmark.

        Args:
            history: whose answers.
            reward_items: name of the instrument's items that values are on.
        """
        instrument = history.instrument
        first = history.first_answers.astype(np.float64)
        logits = centred_log(first, instrument.mask)
        for array in (first, logits):
            array.setflags(write=False)
        return Truth(Timeline.of(history, getattr(instrument, reward_items)), first, logits)


class Questions(NamedTuple):
    """What an episode asks, and the random numbers that sample its labels."""

    asked: NDArray[np.int64]
    """(Q,) indices into the list of all pairs."""
    uniforms: Floats
    """(T-1, Q) for the labels shown."""
    initial_uniforms: Floats
    """(Q,) for century 0's labels in the task."""

    @classmethod
    def draw(cls, chooser: PairChooser, centuries: int, rng: np.random.Generator, scheme: str) -> Questions:
        """Draw after the history; see `progressgym.preferences.comparisons.RNG_SCHEMES` for the order of the draws."""
        ranks = rng.random(cls.ranks(chooser, scheme))
        asked = chooser.choose(ranks) if len(ranks) else np.arange(len(chooser.pairs))
        if scheme == SHORT_SCHEME:
            short = short_draws(rng, centuries * len(asked)).reshape(centuries, -1)
            uniforms = (short.astype(np.float64) + 0.5) / 2.0**16
            return cls(asked, uniforms[1:], uniforms[0])
        return cls(asked, rng.random((centuries - 1, len(asked))), rng.random(len(asked)))

    @staticmethod
    def ranks(chooser: PairChooser, scheme: str) -> int:
        """How many random numbers rank the pairs."""
        every = chooser.queries == len(chooser.pairs)
        return 0 if every and scheme == SHORT_SCHEME else len(chooser.pairs)

    @classmethod
    def numbers(cls, chooser: PairChooser, centuries: int, scheme: str) -> int:
        """How many steps of a generator `draw` takes."""
        labels = centuries * chooser.queries
        return cls.ranks(chooser, scheme) + (short_words(labels) if scheme == SHORT_SCHEME else labels)


@dataclass(kw_only=True, frozen=True, eq=False)
class Episode:
    """A history, the questions asked about it, and the random numbers that label them."""

    history: History
    timeline: Timeline
    """Values on the scored items."""
    asked: NDArray[np.int64]
    """(Q,) indices into the list of all pairs."""
    pairs: NDArray[np.int64]
    """(Q, 3) item, option a, option b."""
    uniforms: Floats
    """(T-1, Q) for the labels shown."""
    initial_uniforms: Floats
    """(Q,) for century 0's labels in the task."""
    initial_answers: Floats
    """(N, K) century 0's answers in float64."""
    initial_logits: Floats
    """(N, K) their centred logarithms."""

    @classmethod
    def begin(
        cls,
        history: History,
        chooser: PairChooser,
        rng: np.random.Generator,
        reward_items: str = "evaluation",
        scheme: str = RNG_SCHEME,
    ) -> Episode:
        """Draw the questions about a history, and look up what follows from it."""
        questions = Questions.draw(chooser, len(history), rng, scheme)
        truth = Truth.of(history, reward_items)
        return cls(
            history=history,
            timeline=truth.timeline,
            asked=questions.asked,
            pairs=chooser.pairs[questions.asked],
            uniforms=questions.uniforms,
            initial_uniforms=questions.initial_uniforms,
            initial_answers=truth.initial_answers,
            initial_logits=truth.initial_logits,
        )

    def label_uniforms(self, labels: str) -> Floats:
        """(T-1, Q) numbers behind the labels shown: those of century 0 again where annotators stay the same."""
        if labels != "annotators":
            return self.uniforms
        return np.broadcast_to(self.initial_uniforms, self.uniforms.shape)

    def initial_labels(self, labels: str) -> NDArray[np.float32]:
        """(Q,) century 0's labels."""
        first = self.initial_answers if self.history.complete else self.history.answers[0]
        return draw_asked(probabilities(first, self.pairs), labels, self.initial_uniforms)
