"""What a rater is, and those that can be asked for by name.

A rater reads texts. Who rules between two debaters is a judge (`progressgym.core.debate.Judge`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from progressgym.core.answers import Floats, validate_answers
from progressgym.core.errors import UserError
from progressgym.core.registry import Entry, Registry


@runtime_checkable
class Rater(Protocol):
    """Rates texts; a dataclass whose fields are its arguments."""

    @property
    def scale(self) -> Sequence[str]:
        """Names of the K steps of the scale."""
        ...

    def rate(self, texts: Sequence[str]) -> Any:
        """Probabilities (B, K) of the steps for every text."""
        ...

    def reason(self, text: str) -> str:
        """Why a text is rated as it is, in one sentence."""
        ...


@runtime_checkable
class Graded(Rater, Protocol):
    """A rater that says how good each step is: only such a one can rule in debates or reward."""

    @property
    def merits(self) -> Sequence[float]:
        """K numbers from 0, the worst, to 1, the best."""
        ...


RATERS = Registry(
    "rater",
    (
        Entry(
            "verdict",
            "what a language model says of a deed, in words that approve and disapprove",
            "progressgym.raters.verdict:Verdict",
        ),
        Entry(
            "kaleidoscope",
            "which way values, rights and duties speak of a deed",
            "progressgym.raters.kaleidoscope:KaleidoscopeRater",
        ),
        Entry(
            "two-axis",
            "whether a text is true, and whether it cares for whom it speaks of",
            "progressgym.raters.two_axis:TwoAxis",
        ),
        Entry("crowd", "which share of people would call it right, and why", "progressgym.raters.crowd:Crowd"),
        Entry("session", "a counselling session by a rubric of eleven items", "progressgym.raters.session:Session"),
        Entry("delphi", "a moral rater of three classes, repaired by ten rules", "progressgym.raters.delphi:Delphi"),
    ),
    group="progressgym.raters",
    row=Entry,
)


def make_rater(asked: str) -> Rater:
    """The rater of an id.

    Raises:
        UserError: no such rater.
    """
    rater = RATERS.make(asked)
    if not isinstance(rater, Rater):
        raise UserError(f"rater {asked!r} is a {type(rater).__name__}, which lacks scale, rate() or reason()")
    return rater


def ratings(rater: Rater, texts: Sequence[str]) -> Floats:
    """Probabilities (B, K), checked.

    Raises:
        UserError: what the rater gives is none.
    """
    name = f"ratings of {type(rater).__name__}"
    return validate_answers(rater.rate(texts), np.ones((len(texts), len(rater.scale)), dtype=bool), name)
