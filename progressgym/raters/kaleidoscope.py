"""Value Kaleidoscope as a rater: which way all considerations together speak of a text, and which one weighs most.

Every value, right and duty of the instrument `kaleidoscope` is weighed for the text: does it matter here, and does it speak for,
against, or for either. The rating is the decision, the sum of votes weighed by relevance (`progressgym.instruments.bearings`).

* `readout=asked`: a language model is asked both questions of each, as the instrument asks them.
* `readout=fitted`: both are read off its embedding of text and consideration, along directions fitted to the instrument's bank;
  the trained counterpart of the paper's model, at the price of one pass a text and consideration.

Legend of shapes: B texts, N considerations, K = 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.arguments import OneOf, check_fields
from progressgym.instruments.ask import ask
from progressgym.instruments.bearings import CONFIG, Bearing, asked_of, decisions, shares_of
from progressgym.instruments.direction import MoralDirection
from progressgym.instruments.measures.bank import shipped_bank

READOUTS = ("asked", "fitted")
STEEPNESS = 4.0
"""Log-odds of a text that lies as far along a direction as the farthest of the bank."""


@dataclass(kw_only=True, frozen=True)
class KaleidoscopeRater:
    """Which way values, rights and duties speak of a deed: for it, against it, or either."""

    model: str = "smollm2-135m"
    """Any model that `progressgym.load_model` takes."""
    device: str = "auto"
    """auto, cpu or cuda."""
    readout: Annotated[str, OneOf("readout", READOUTS)] = "asked"
    """asked in words, or fitted to the bank in the model's embedding."""

    def __post_init__(self) -> None:
        """Check fields."""
        check_fields(self)

    @property
    def scale(self) -> tuple[str, str, str]:
        """What considerations can speak for."""
        return "for", "against", "either"

    @property
    def merits(self) -> tuple[float, float, float]:
        """For, against, either."""
        return 1.0, 0.0, 0.5

    def rate(self, texts: Sequence[str]) -> Floats:
        """(B, 3)."""
        relevance, votes = self.weigh(texts)
        places = np.repeat(np.arange(len(texts)), len(self.considerations))
        return decisions(relevance.ravel(), votes.reshape(-1, 3), places.tolist())

    def reason(self, text: str) -> str:
        """The consideration that weighs most, and on which side it speaks."""
        relevance, votes = (table[0] for table in self.weigh([text]))
        kind, consideration = self.considerations[int(relevance.argmax())]
        way = self.scale[int(votes[relevance.argmax()].argmax())]
        return f"the {kind.lower()} {consideration!r} matters most ({relevance.max():.2f}), and speaks {way}"

    def weigh(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Relevance (B, N) and votes (B, N, 3) of every consideration."""
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

    @cached_property
    def _model(self) -> Any:
        from progressgym.models import load_model

        return load_model(self.model, device=self.device)

    @cached_property
    def _directions(self) -> tuple[MoralDirection, MoralDirection]:
        bank = shipped_bank("kaleidoscope", Bearing)
        texts = [joined(f"to {row.deed}", row.kind, row.consideration) for row in bank]
        return fit_directions(self._model.embed(texts), bank)


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
