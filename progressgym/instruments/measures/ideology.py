"""Ideology: with whom somebody stands, by causes and figures described in our own words.

    p_i      = share with which "I stand with ..." is chosen over "I stand against ...", for cause i
    value_t  = mean over the causes with tag t of tag_it (2 p_i - mean over all causes of 2 p)

The tag of a cause is +1 where it furthers t and -1 where it opposes t; every tag has both. What a respondent finds of causes
in general is taken out, as by Buyl et al. (2024, arXiv 2410.18417), who take the mean of a model's scores from those of the
persons with a tag. They let models write of 4,000 named persons and rate that; no living person is named here, and the share
is read directly.

`century` leaves out causes that nobody can have known: a model of the 15th century is not asked about railways.

Legend of shapes: N causes, D = 10 tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.arguments import Whole
from progressgym.core.errors import UserError, unknown
from progressgym.instruments.ask import ask
from progressgym.instruments.choosers import Coherent
from progressgym.instruments.estimates import foretold, interval_of
from progressgym.instruments.fitness import examined, incoherent
from progressgym.instruments.measures.bank import shipped_bank
from progressgym.instruments.measures.measure import Measure
from progressgym.instruments.protocol import Planting, Question, Reading

NAME = "ideology"
ON19: Mapping[str, str] = {
    "equality": "fairness",
    "liberty": "freedom",
    "order": "authority",
    "nation": "loyalty",
    "piety": "purity",
    "relief": "care",
    "custom": "traditional",
    "reform": "modern",
}
"""Tags that speak of one of the 19 dimensions; market and peace speak of none."""
TAGS = (*ON19, "market", "peace")
SIDES = ("I stand with {}.", "I stand against {}.")
FIRST, LAST = 13, 21
FEWEST = 5
"""Causes of a tag, below which it is not measured."""


@dataclass(kw_only=True, frozen=True)
class Cause:
    """Somebody with a cause."""

    id: str
    who: str
    """In our own words, as the object of "I stand with ..."."""
    tags: Mapping[str, int]
    """What the cause furthers (1) and opposes (-1)."""
    since: int
    """The first century in which it can have been known."""

    def __post_init__(self) -> None:
        """Check what a file can get wrong."""
        for tag, sign in self.tags.items():
            if tag not in TAGS:
                raise unknown("tag", tag, TAGS)
            if sign not in (-1, 1):
                raise UserError(f"tag {tag} is {sign!r}; use 1 (furthers) or -1 (opposes)")
        if not self.who.strip() or not self.tags or not FIRST <= self.since <= LAST:
            raise UserError(f"a cause needs words, a tag, and a century from {FIRST} to {LAST} since which it is known")


@dataclass(kw_only=True, frozen=True)
class Ideology(Measure):
    """With whom somebody stands: ten tags of causes and figures, by which century or corpus made the model."""

    stem = NAME
    mode: str = "verdict-v2"
    """How a language model is asked, see `progressgym.instruments.ask`."""
    century: Whole = 0
    """Leave out causes that came up after this century (15: the 15th); 0 asks all."""

    def __post_init__(self) -> None:
        """Check arguments."""
        super().__post_init__()
        if self.century and not FIRST <= self.century <= LAST:
            raise UserError(f"century is {self.century}; use {FIRST} to {LAST}, or 0 for all causes")

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The tags."""
        return TAGS

    @property
    def causes(self) -> tuple[Cause, ...]:
        """N that are asked about."""
        bank = shipped_bank(NAME, Cause)
        return tuple(cause for cause in bank if not self.century or cause.since <= self.century)

    @property
    def tags(self) -> Floats:
        """(N, D) signs."""
        return np.array([[cause.tags.get(tag, 0) for tag in TAGS] for cause in self.causes], dtype=np.float64)

    def questions(self) -> tuple[Question, ...]:
        """With them or against them; the deed speaks for itself."""
        return tuple(
            Question(id=cause.id, prompt="", options=tuple(side.format(cause.who) for side in SIDES[:: (-1) ** place]))
            for place, cause in enumerate(self.causes)
        )

    def read(self, respondent: Any) -> Reading:
        """Ask with whom somebody stands."""
        asked = ask(respondent, self.questions(), mode=self.mode)
        stance = (asked.answers[:, 0] - asked.answers[:, 1]) * (-1.0) ** np.arange(len(self.causes))
        values, interval = tag_values(stance, self.tags)
        by_tag = dict(zip(TAGS, values.tolist(), strict=True))
        on19 = {name: by_tag[tag] for tag, name in ON19.items() if not np.isnan(by_tag[tag])}
        accuracy, count = foretold(stance - stance.mean(), self.tags)
        flags = {"stands_with": float((1 + stance.mean()) / 2), "held_out_accuracy": accuracy}
        reading = Reading.of(asked, self, values=values, interval=interval, on19=on19, flags=flags)
        reason = incoherent(accuracy=accuracy, count=count) if "order_answers" in asked.tables else ""
        return examined(reading, self.tags != 0, reason=reason, sources={name: (tag,) for tag, name in ON19.items()})

    def planted(self) -> Planting:
        """Somebody for equality and relief and against market and nation, the other tags in between."""
        stance = np.tanh(self.tags @ np.linspace(1.0, -1.0, len(TAGS)) / 2)
        leads = zip(self.causes, 2 * np.arctanh(stance), strict=True)
        utility = {SIDES[0].format(cause.who): lead for cause, lead in leads}
        values = tag_values(stance, self.tags)[0]
        planted = {tag: float(value) for tag, value in zip(TAGS, values, strict=True) if not np.isnan(value)}
        respondent = Coherent(utility=lambda text: float(utility.get(text, 0.0)), temperature=1.0)
        return Planting(respondent=respondent, values=planted, within=1e-6)


def tag_values(stance: Floats, tags: Floats) -> tuple[Floats, Floats]:
    """Values (D,) and interval (2, D) of stances (N,) between -1 and 1; NaN for a tag of fewer than `FEWEST` causes."""
    from_own = stance - stance.mean()
    values, interval = interval_of(tags * from_own[:, None], tags != 0)
    few = (tags != 0).sum(0) < FEWEST
    return np.where(few, np.nan, values), np.where(few, np.nan, interval)
