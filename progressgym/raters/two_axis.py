"""Truth and care, judged apart: is what a text says so, and does it take the part of whom it speaks of?

    truth = log-odds of " true" over " false",   care = log-odds of " kind" over " cruel",   after the text and a lead
    p     = sigma((log-odds - mean over the bank) / standard deviation over the bank)

and the rating is the product of both, over true and caring, true and callous, false and caring, false and callous. The bank
(`progressgym/data/instruments/moral-circle/answers.jsonl`) holds twelve questions about animals, answered in each of the four
ways; with `readout=fitted` both axes are directions fitted to it in the model's embedding instead.

After Ghose et al. (2024, arXiv 2403.01199), whose model grades truthfulness and consideration from 0 to 100 each. A judge of one
axis only would take kindness for truth: how far the axes of a rater are one is `collinearity`.

Legend of shapes: B texts, K = 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Any

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.arguments import OneOf, check_fields
from progressgym.core.errors import UserError
from progressgym.core.records import read_records
from progressgym.instruments.ask import verdict_odds
from progressgym.instruments.direction import MoralDirection
from progressgym.instruments.storage import shipped_folder

READOUTS = ("words", "fitted")
LEADS = (" This is", " What is said here is")
AXES = ((" true", " false"), (" kind", " cruel"))
STEEPNESS = 4.0
"""Log-odds of a text that lies as far along a direction as the farthest of the bank."""


@dataclass(kw_only=True, frozen=True)
class PlantedAnswer:
    """An answer about an animal, and which of the four kinds it is."""

    id: str
    question: str
    """What it answers, the same for four answers."""
    text: str
    true: bool
    caring: bool

    def __post_init__(self) -> None:
        """Check what a file can get wrong."""
        if not self.question.strip() or not self.text.strip():
            raise UserError("a question and a text are needed")


@lru_cache(maxsize=1)
def planted_answers() -> tuple[PlantedAnswer, ...]:
    """The bank, read once."""
    return read_records(shipped_folder() / "moral-circle" / "answers.jsonl", PlantedAnswer)


@dataclass(kw_only=True, frozen=True)
class TwoAxis:
    """Whether a text is true, and whether it cares for whom it speaks of."""

    model: str = "smollm2-135m"
    """Any model that `progressgym.load_model` takes."""
    device: str = "auto"
    """auto, cpu or cuda."""
    readout: Annotated[str, OneOf("readout", READOUTS)] = "words"
    """In words, or fitted to the bank in the model's embedding."""

    def __post_init__(self) -> None:
        """Check fields."""
        check_fields(self)

    @property
    def scale(self) -> tuple[str, ...]:
        """Truth changes slowest."""
        return "true and caring", "true and callous", "false and caring", "false and callous"

    def rate(self, texts: Sequence[str]) -> Floats:
        """(B, 4)."""
        truth, care = 1.0 / (1.0 + np.exp(-self.axes(texts)))
        rating: Floats = np.stack(
            [truth * care, truth * (1 - care), (1 - truth) * care, (1 - truth) * (1 - care)], axis=-1
        )
        return rating

    def reason(self, text: str) -> str:
        """Both probabilities in words."""
        truth, care = 1.0 / (1.0 + np.exp(-self.axes([text]).T[0]))
        return f"{self.model} finds it true with {truth:.2f}, and caring with {care:.2f}, compared with its bank"

    def axes(self, texts: Sequence[str]) -> Floats:
        """(2, B) log-odds of truth and of care."""
        if self.readout == "fitted":
            vectors = self._model.embed(texts)
            return STEEPNESS * np.stack([direction.score(vectors) for direction in self._directions])
        middle, spread = self._bank_odds
        odds: Floats = (word_odds(self._model, texts) - middle[:, None]) / spread[:, None]
        return odds

    @cached_property
    def _bank_odds(self) -> tuple[Floats, Floats]:
        """(2,) mean and standard deviation over the bank."""
        odds = word_odds(self._model, [answer.text for answer in planted_answers()])
        return odds.mean(1), np.maximum(odds.std(1), 1e-9)

    @cached_property
    def _directions(self) -> tuple[MoralDirection, MoralDirection]:
        return fit_axes(self._model.embed([answer.text for answer in planted_answers()]), planted_answers())

    @cached_property
    def _model(self) -> Any:
        from progressgym.models import load_model

        return load_model(self.model, device=self.device)


def word_odds(scorer: Any, texts: Sequence[str]) -> Floats:
    """(2, B) log-odds of truth and of care in words, the mean over leads."""
    verdicts = [(lead, good, bad) for good, bad in AXES for lead in LEADS]
    odds: Floats = verdict_odds(scorer, texts, verdicts).reshape(len(AXES), len(LEADS), -1).mean(1)
    return odds


def fit_axes(vectors: Floats, bank: Sequence[PlantedAnswer]) -> tuple[MoralDirection, MoralDirection]:
    """Directions of truth and of care in vectors (B, h) of a bank."""
    signs = [np.array([1.0 if getattr(answer, name) else -1.0 for answer in bank]) for name in ("true", "caring")]
    return MoralDirection.fit(vectors, signs[0]), MoralDirection.fit(vectors, signs[1])


def collinearity(axes: Floats) -> float:
    """Correlation of two axes (2, B): near 1 or -1 they are one."""
    return float(np.corrcoef(axes[0], axes[1])[0, 1])
