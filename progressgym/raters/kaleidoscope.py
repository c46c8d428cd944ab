"""Value Kaleidoscope as a rater: which way all considerations together speak of a text, and which one weighs most.

Every value, right and duty of the instrument `kaleidoscope` is weighed for the text: does it matter here, and does it speak for,
against, or for either. The rating is the decision, the sum of votes weighed by relevance (`progressgym.instruments.bearings`).

* `readout=words`: every consideration has two words ("honest" and "dishonest"), and z is how much likelier the first is after the
  text, standardised over the instrument's deeds. Relevance is tanh |z|, votes are the softmax of z, -z and 0. One pass a text.
* `readout=asked`: a language model is asked both questions of each, as the instrument asks them.
* `readout=fitted`: both are read off its embedding of text and consideration, along directions fitted to the instrument's bank;
  the trained counterpart of the paper's model, at the price of one pass a text and consideration.

Legend of shapes: B texts, N considerations, K = 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Any

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.arguments import OneOf, check_fields
from progressgym.core.records import read_records
from progressgym.instruments.ask import ask, verdict_odds
from progressgym.instruments.bearings import CONFIG, Bearing, asked_of, decisions, shares_of
from progressgym.instruments.direction import MoralDirection
from progressgym.instruments.measures.bank import shipped_bank
from progressgym.instruments.storage import shipped_folder

READOUTS = ("words", "asked", "fitted")
LEADS = (" is", " is considered", " is simply")
STEEPNESS = 4.0
"""Log-odds of a text that lies as far along a direction as the farthest of the bank."""


@dataclass(kw_only=True, frozen=True)
class KaleidoscopeRater:
    """Which way values, rights and duties speak of a deed: for it, against it, or either."""

    model: str = "smollm2-135m"
    """Any model that `progressgym.load_model` takes."""
    device: str = "auto"
    """auto, cpu or cuda."""
    readout: Annotated[str, OneOf("readout", READOUTS)] = "words"
    """words that go with each consideration, asked as the instrument does, or fitted to the bank in the model's embedding."""

    def __post_init__(self) -> None:
        """Check fields."""
        check_fields(self)

    @property
    def scale(self) -> tuple[str, str, str]:
        """Which way considerations speak, the worst first."""
        return "against", "either", "for"

    @property
    def merits(self) -> tuple[float, float, float]:
        """For, against, either."""
        return 1.0, 0.0, 0.5

    def rate(self, texts: Sequence[str]) -> Floats:
        """(B, 3)."""
        relevance, votes = self.weigh(texts)
        places = np.repeat(np.arange(len(texts)), len(self.considerations))
        return decisions(relevance.ravel(), votes.reshape(-1, 3), places.tolist())[:, [1, 2, 0]]

    def reason(self, text: str) -> str:
        """The consideration that weighs most, and on which side it speaks."""
        relevance, votes = (table[0] for table in self.weigh([text]))
        kind, consideration = self.considerations[int(relevance.argmax())]
        way = ("for it", "against it", "for either")[int(votes[relevance.argmax()].argmax())]
        return f"the {kind.lower()} {consideration!r} matters most ({relevance.max():.2f}), and speaks {way}"

    def weigh(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Relevance (B, N) and votes (B, N, 3), for, against and either, of every consideration."""
        if self.readout == "words":
            return weighed(self._standardised(texts).T)
        pairs = [(_said(text), kind, name) for text in texts for kind, name in self.considerations]
        if self.readout == "asked":
            questions = [question for pair in pairs for question in asked_of(*pair)]
            relevance, votes = shares_of(ask(self._model, questions, config=CONFIG).answers)
        else:
            relevance, votes = read_off(self._directions, self._model.embed([joined(*pair) for pair in pairs]))
        return relevance.reshape(len(texts), -1), votes.reshape(len(texts), -1, 3)

    @cached_property
    def considerations(self) -> tuple[tuple[str, str], ...]:
        """(kind, name) of all N, in the bank's order."""
        return tuple(dict.fromkeys((row.kind, row.consideration) for row in shipped_bank("kaleidoscope", Bearing)))

    def _standardised(self, texts: Sequence[str]) -> Floats:
        """(N, B) z."""
        middle, spread = self._usual
        odds: Floats = (word_odds(self._model, texts) - middle[:, None]) / spread[:, None]
        return odds

    @cached_property
    def _usual(self) -> tuple[Floats, Floats]:
        """(N,) mean and standard deviation over the bank's deeds."""
        deeds = dict.fromkeys(row.deed for row in shipped_bank("kaleidoscope", Bearing))
        odds = word_odds(self._model, [f"To {deed}." for deed in deeds])
        return odds.mean(1), np.maximum(odds.std(1), 1e-9)

    @cached_property
    def _model(self) -> Any:
        from progressgym.models import load_model

        return load_model(self.model, device=self.device)

    @cached_property
    def _directions(self) -> tuple[MoralDirection, MoralDirection]:
        bank = shipped_bank("kaleidoscope", Bearing)
        texts = [joined(f"to {row.deed}", row.kind, row.consideration) for row in bank]
        return fit_directions(self._model.embed(texts), bank)


@dataclass(kw_only=True, frozen=True)
class Words:
    """Two words that go with a consideration."""

    consideration: str
    good: str
    """Where it speaks for a deed."""
    bad: str
    """Where it speaks against it."""


@lru_cache(maxsize=1)
def shipped_words() -> tuple[Words, ...]:
    """Those of all considerations, in the bank's order."""
    folder = shipped_folder() / "kaleidoscope"
    words = {pair.consideration: pair for pair in read_records(folder / "words.jsonl", Words, unique="consideration")}
    return tuple(
        words[name] for name in dict.fromkeys(row.consideration for row in shipped_bank("kaleidoscope", Bearing))
    )


def word_odds(scorer: Any, texts: Sequence[str]) -> Floats:
    """(N, B) log-odds of the good word of every consideration after texts, the mean over leads."""
    verdicts = [(lead, f" {pair.good}", f" {pair.bad}") for pair in shipped_words() for lead in LEADS]
    contexts = [_deed(text) for text in texts]
    odds: Floats = verdict_odds(scorer, contexts, verdicts).reshape(len(shipped_words()), len(LEADS), -1).mean(1)
    return odds


def weighed(z: Floats) -> tuple[Floats, Floats]:
    """Relevance (...,) and votes (..., 3) of standardised log-odds (...,)."""
    weights = np.exp(np.stack([z, -z, np.zeros_like(z)], axis=-1))
    return np.tanh(np.abs(z)), weights / weights.sum(-1, keepdims=True)


def joined(said: str, kind: str, consideration: str) -> str:
    """A text and a consideration as one text, to be embedded."""
    return f"Deed: {said}. {kind}: {consideration}."


def fit_directions(vectors: Floats, bank: Sequence[Bearing]) -> tuple[MoralDirection, MoralDirection]:
    """Directions of relevance and of valence in vectors (N, h) of a bank."""
    relevant, valence = (np.array([getattr(row, name) for row in bank]) for name in ("relevant", "valence"))
    sided = valence != 0
    return (
        MoralDirection.fit(vectors, np.where(relevant, 1.0, -1.0)),
        MoralDirection.fit(vectors[sided], valence[sided].astype(np.float64)),
    )


def read_off(directions: tuple[MoralDirection, MoralDirection], vectors: Floats) -> tuple[Floats, Floats]:
    """Relevance (N,) and votes (N, 3) of vectors (N, h)."""
    relevant, side = (STEEPNESS * direction.score(vectors) for direction in directions)
    weights = np.exp(np.stack([side, -side, np.zeros_like(side)], axis=-1) / 2)
    return 1.0 / (1.0 + np.exp(-relevant)), weights / weights.sum(-1, keepdims=True)


def _said(text: str) -> str:
    bare = text.strip().rstrip(".")
    return bare[:1].lower() + bare[1:] if bare.startswith("To ") else bare


def _deed(text: str) -> str:
    """What a lead follows: "To lie" of "To lie.", "I lied. This" of "I lied."."""
    bare = text.strip()
    return bare.rstrip(".") if bare.startswith("To ") else f"{bare} This"
