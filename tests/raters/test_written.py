"""What a model writes is examined as other answers are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from progressgym.core.answers import Floats
from progressgym.instruments.protocol import Reading
from progressgym.raters.written import Written


@dataclass(kw_only=True, frozen=True)
class Writer:
    """Ends every text with the same words."""

    name: str = "writer"

    def sample(self, prompts: Sequence[str], n: int = 1, **_: object) -> list[list[str]]:
        return [[" So be it."] * n for _ in prompts]


@dataclass(kw_only=True, frozen=True)
class Wordy:
    """Finds a text the better, the more words it has, or everything equally good, or nothing either way."""

    how: str
    scale: tuple[str, ...] = ("good", "bad")

    def rate(self, texts: Sequence[str]) -> Floats:
        words = np.array([len(text.split()) for text in texts])
        good = {"words": words / (words.max() + 5.0), "always": 0.995 + 0.0 * words, "never": 0.5 + 0.0 * words}[
            self.how
        ]
        return np.stack([good, 1.0 - good], axis=1)

    def reason(self, text: str) -> str:
        return f"it has {len(text.split())} words"


def read(how: str) -> Reading:
    instrument = Written(count=12, n=2)
    instrument.__dict__["_rater"] = Wordy(how=how)
    return instrument.read(Writer())


def test_a_rating_that_differs_between_texts_is_a_value() -> None:
    reading = read("words")
    assert reading.covered.all() and not reading.unfit and reading.values.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(("how", "reason"), [("always", "correct answer"), ("never", "no preference")])
def test_a_rating_that_is_the_same_of_everything_is_none(how: str, reason: str) -> None:
    reading = read(how)
    assert not reading.covered.any() and reason in reading.unfit["good"] and reading.to19["care"] is None
