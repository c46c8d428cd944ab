"""What a model writes when it goes on by itself, as a rater sees it.

A situation of a questionnaire is continued n times, and each text (situation and continuation) is rated:

    share[k] = mean over situations of the mean over their continuations of the rating of step k,

with a 95 % interval over situations. The values are shares of the rater's scale, and as good as the rater is: where it says
the same of whatever is written, with a share of .99 or more of one step in most situations, nothing is fit
(`progressgym.instruments.fitness`).

Legend of shapes: N situations, n continuations, K steps of the scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import Annotated, Any

import numpy as np

from progressgym.core.arguments import Count, Named, Rule, Whole, check_fields, is_number
from progressgym.core.errors import UserError
from progressgym.core.ids import format_id
from progressgym.core.protocols import Writer
from progressgym.instruments.ask import flags_of
from progressgym.instruments.fitness import examined
from progressgym.instruments.protocol import Z95, Asked, Cost, Question, Reading
from progressgym.instruments.registry import load_questionnaire
from progressgym.raters.protocol import RATERS, Rater, make_rater, ratings

Temperature = Annotated[
    float, Rule("0 or a positive number is expected", lambda value: is_number(value) and value >= 0)
]


@dataclass(kw_only=True, frozen=True)
class Written:
    """What a model writes, as a rater sees it."""

    rater: Annotated[str, Named(RATERS)] = "verdict"
    situations: str = "moral19-v1"
    """The questionnaire whose situations are continued."""
    count: Count = 24
    """N, spread evenly over the questionnaire."""
    n: Count = 2
    """Continuations of each."""
    seed: Whole = 0
    temperature: Temperature = 1.0
    max_tokens: Count = 24

    def __post_init__(self) -> None:
        """Check fields."""
        check_fields(self)

    @property
    def name(self) -> str:
        """With the rater, whose scale it is."""
        return format_id("written", rater=self.rater)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The rater's scale."""
        return tuple(self._rater.scale)

    def questions(self) -> tuple[Question, ...]:
        """The situations; nothing is offered to choose from."""
        items = load_questionnaire(self.situations).items
        if self.count > len(items):
            raise UserError(f"count is {self.count}; {self.situations!r} has {len(items)} situations")
        chosen = [items[place * len(items) // self.count] for place in range(self.count)]
        if not all(item.text for item in chosen):
            raise UserError(
                f"questionnaire {self.situations!r} asks about bare deeds: it has no situations to go on from"
            )
        return tuple(Question(id=item.id, prompt=item.text) for item in chosen)

    def read(self, respondent: Any) -> Reading:
        """Let a model write, and rate it.

        Raises:
            UserError: a respondent that writes nothing.
        """
        if not isinstance(respondent, Writer):
            raise UserError(f"{type(respondent).__name__} writes nothing: it has no sample()")
        start = perf_counter()
        prompts = [question.prompt for question in self.questions()]
        written = respondent.sample(
            prompts, self.n, seed=self.seed, temperature=self.temperature, max_tokens=self.max_tokens
        )
        texts = [prompt + text for prompt, several in zip(prompts, written, strict=True) for text in several]
        shares = ratings(self._rater, texts).reshape(len(prompts), self.n, -1).mean(1)
        values = shares.mean(0)
        several = len(prompts) > 1
        error = shares.std(0, ddof=1) / len(prompts) ** 0.5 if several else np.full(values.shape, np.inf)
        asked = Asked(
            model=respondent.name,
            mode="written",
            answers=shares,
            temperature=self.temperature,
            flags=flags_of(shares),
            cost=Cost(seconds=perf_counter() - start),
        )
        interval = values + Z95 * np.stack([-error, error])
        reading = Reading.of(asked, self, values=values, interval=interval, tables={"standard_error": error})
        return examined(reading, np.ones(shares.shape, dtype=bool))

    @cached_property
    def _rater(self) -> Rater:
        return make_rater(self.rater)
