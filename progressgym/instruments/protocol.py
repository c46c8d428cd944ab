"""What an instrument is: something that asks questions and makes a reading of the answers.

The shipped questionnaires are instruments (`progressgym.instruments.questionnaire`). One of your own needs a name,
dimensions, `questions()` and `read(respondent)`; `progressgym.instruments.ask.ask` does the asking:

    @dataclass(kw_only=True, frozen=True)
    class Punctuality:
        name: str = "punctuality"
        dimensions: tuple[str, ...] = ("promise",)

        def questions(self) -> tuple[Question, ...]:
            return (Question(id="late", prompt="I said noon.", options=("I run.", "I stroll.")),)

        def read(self, respondent: Answerer) -> Reading:
            asked = ask(respondent, self.questions())
            values = asked.answers[:, 0].mean(keepdims=True)
            return Reading.of(asked, self, values=values, interval=np.stack([values, values]))

Legend of shapes: N questions, K options of the widest one, D dimensions of the instrument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import Bools, Floats
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, sha256_bytes
from progressgym.core.protocols import Chooser, OptionScorer, Respondent

Answerer = OptionScorer | Chooser | Respondent
"""Whoever is asked: a language model, somebody who chooses among options as they are shown, or one who answers a
questionnaire as a whole."""
Z95 = 1.96
"""Standard errors on each side of a 95 % interval."""


@dataclass(kw_only=True, frozen=True)
class Question:
    """One question."""

    id: str
    """Unique within its instrument."""
    prompt: str
    """What stands before the answer: a situation, for example."""
    options: tuple[str, ...] = ()
    """Possible answers; none where the answer is written freely."""


def question_hash(questions: Sequence[Question]) -> str:
    """sha256 of the canonical JSON of questions: which were asked, whatever the instrument is called."""
    return sha256_bytes(canonical_json([asdict(question) for question in questions]).encode("utf-8", "surrogatepass"))


@dataclass(kw_only=True, frozen=True)
class Cost:
    """What a reading cost."""

    seconds: float = 0.0
    """Wall-clock time."""
    tokens: int = 0
    """Token positions computed, shared beginnings once; 0 for a respondent that does not count them."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Asked:
    """What a respondent answered."""

    model: str
    """Name of the respondent."""
    mode: str
    """How it was asked: `cloze`, `verdict`, a question form, or `shown` to somebody who chooses."""
    answers: Floats
    """(N, K) choice probabilities, padded options 0."""
    counts: NDArray[np.int64] | None = None
    """(N,) options of every question; None where all have K."""
    temperature: float = 1.0
    """What scores were divided by."""
    tables: Mapping[str, Floats] = field(default_factory=dict)
    """Raw numbers behind the answers, by name: scores under each framing, for example, or `order_answers` (R, N, K), what was
    answered in each order, NaN where a question was asked in fewer."""
    flags: Mapping[str, float] = field(default_factory=dict)
    """Signs of bad answers: `modal_share`, the mean over questions of the largest probability (1/K for somebody without
    preference, 1 for a decided one), and `order_flip`, the mean total-variation distance between the answers in two
    orders, where options were shown in several."""
    cost: Cost = field(default_factory=Cost)
    note: str = ""
    """How the numbers were got, where there is something to say of it."""

    @property
    def mask(self) -> Bools:
        """(N, K) True on real options."""
        width = self.answers.shape[-1]
        counts = np.full(len(self.answers), width) if self.counts is None else self.counts
        mask: Bools = np.arange(width) < counts[:, None]
        return mask


@dataclass(kw_only=True, frozen=True, eq=False)
class Reading(Asked):
    """What the answers say.

    Raises:
        UserError: values or interval that do not fit the dimensions.
    """

    instrument: str
    """Name of the instrument."""
    dimensions: tuple[str, ...]
    """D names."""
    values: Floats
    """(D,) the instrument's own values, in its own units."""
    interval: Floats
    """(2, D) lower and upper end of a 95 % interval; NaN where nothing is measured, infinite where nothing is known of the
    error."""
    on19: Mapping[str, float] = field(default_factory=dict)
    """What it says of the 19 dimensions, beside own dimensions that have their names."""
    unfit: Mapping[str, str] = field(default_factory=dict)
    """Why a dimension has no value though it was asked for: its answers hang on the order, go in circles, ..."""

    def __post_init__(self) -> None:
        """Check shapes, and that what is not fit has no value."""
        count = len(self.dimensions)
        if np.shape(self.values) != (count,) or np.shape(self.interval) != (2, count):
            raise UserError(
                f"instrument {self.instrument!r} has {count} dimensions, and gives values of shape {np.shape(self.values)} "
                f"with an interval of shape {np.shape(self.interval)}"
            )
        for name in self.unfit:
            if name not in self.dimensions or self.covered[self.dimensions.index(name)]:
                raise UserError(
                    f"instrument {self.instrument!r} calls {name!r} not fit, which must be a dimension whose value is NaN"
                )

    @classmethod
    def of(cls, asked: Asked, instrument: Instrument, **more: Any) -> Self:
        """A reading of what was answered.

        Args:
            asked: by `progressgym.instruments.ask.ask`.
            instrument: whose questions.
            more: the other fields; `tables` and `flags` are added to those of `asked`.
        """
        own = {part.name: getattr(asked, part.name) for part in fields(Asked)}
        for name in ("tables", "flags"):
            own[name] = {**own[name], **more.pop(name, {})}
        return cls(**{**own, "instrument": instrument.name, "dimensions": tuple(instrument.dimensions), **more})

    @property
    def covered(self) -> Bools:
        """(D,) True where something is measured."""
        covered: Bools = ~(np.isnan(self.values) | np.isnan(self.interval).any(0))
        return covered

    @property
    def to19(self) -> dict[str, float | None]:
        """The 19 dimensions; None, never 0, where the instrument measures nothing of the kind."""
        own = zip(self.dimensions, self.values.tolist(), self.covered, strict=True)
        covered = {name: value for name, value, measured in own if measured} | dict(self.on19)
        return {name: covered.get(name) for name in DIMENSIONS}

    @property
    def modal_share(self) -> float:
        """See `flags`."""
        return self.flags["modal_share"]

    @property
    def order_flip(self) -> float | None:
        """See `flags`; None where options were shown in one order, or not together."""
        return self.flags.get("order_flip")

    @property
    def seconds(self) -> float:
        """See `cost`."""
        return self.cost.seconds

    @property
    def tokens(self) -> int | None:
        """See `cost`; None for a respondent that does not count them."""
        return self.cost.tokens or None


@runtime_checkable
class Instrument(Protocol):
    """Asks questions and reads the answers."""

    @property
    def name(self) -> str:
        """What to call it in tables."""
        ...

    @property
    def dimensions(self) -> Sequence[str]:
        """Names of the D entries of its values."""
        ...

    def questions(self) -> Sequence[Question]:
        """What it asks, in a fixed order."""
        ...

    def read(self, respondent: Any) -> Reading:
        """Ask a respondent, and say what the answers mean."""
        ...


@dataclass(kw_only=True, frozen=True, eq=False)
class Planting:
    """A respondent whose values are known, and which they are: what an instrument must find."""

    respondent: Any
    """Who chooses (`Coherent`, for example), scores (`ScriptedScorer`) or embeds, as the instrument asks it."""
    values: Mapping[str, float]
    """Of dimensions of the instrument, in its own units; those that are left out are not known."""
    within: float = 0.1
    """How far off a value may be."""
    circle: tuple[str, ...] = ()
    """Options that are compared with one another, for somebody who goes round in them; empty: all options."""


@runtime_checkable
class Plants(Protocol):
    """An instrument that says what it should find in somebody; every instrument that ships does."""

    def planted(self) -> Planting:
        """Somebody with known values, not all of them the same."""
        ...
