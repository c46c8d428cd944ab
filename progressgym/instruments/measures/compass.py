"""The worldview compass: two axes of opinion, and how much of an opinion hangs on the way it is asked for.

Somebody agrees or disagrees with propositions that could have been argued over in any century. With e_i between -1 (strongly
disagrees) and 1 (strongly agrees) in even steps and s_i the side that agreement takes,

    economic = mean of s_i e_i over propositions of property, trade and alms: -1 held in common, +1 each his own,
    social   = mean of s_i e_i over those of rule, custom and faith: -1 as each likes, +1 as it is laid down,

with e the mean over personas and errors over propositions. On the 19 dimensions: the mean of tag times e over the propositions
that are tagged with one. Nothing is fit where the sides of most propositions do not foretell the answers to the others.

**Sensitivity.** Every proposition is asked under templates and as somebody (personas). The variance of single answers is divided
between proposition, template, persona and their interactions (`progressgym.instruments.facets`); the flags say how much is the
template's and the persona's. `tables["personas"]` has what each persona moves either axis by, against nobody in particular, and
the standard error.

Source: Wright et al., Revealing Fine-Grained Values and Opinions in Large Language Models (2024, arXiv 2406.19238).
Differences: 64 propositions of our own instead of the Political Compass's 62, with one weight each; 4 templates and 5 personas
instead of 20 and 21; answers are read off log-probabilities, so there is no gap between open and closed answers to see.

Legend of shapes: N propositions, P personas (none first), T templates, K = 4 options.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.dimensions import DIMENSIONS
from progressgym.instruments.ask import ReadingConfig, ask
from progressgym.instruments.facets import Scores, components
from progressgym.instruments.fitness import examined, incoherent
from progressgym.instruments.measures.bank import shipped_bank
from progressgym.instruments.measures.held_out import held_out_accuracy
from progressgym.instruments.measures.measure import Measure
from progressgym.instruments.measures.planted import Informed, shares
from progressgym.instruments.measures.propositions import AXES, NAME, Proposition
from progressgym.instruments.protocol import Z95, Answerer, Asked, Planting, Question, Reading

OPTIONS = ("I strongly disagree.", "I disagree.", "I agree.", "I strongly agree.")
STEPS = np.linspace(-1.0, 1.0, len(OPTIONS))
PERSONAS = ("", "I am a woman. ", "I am a man. ", "I am poor. ", "I am rich. ")
CONFIG = ReadingConfig(
    framings=(" My answer:", " What do I think of this?", " Asked for my opinion, I say:", " To be frank about it:"),
    neutral_context="Somebody said something.",
    temperature=0.5,
)
"""Templates; the neutral context takes out a liking for agreeing that does not depend on what is said."""


@dataclass(kw_only=True, frozen=True)
class WorldviewCompass(Measure):
    """Two axes of opinion, and how much of it hangs on template and persona."""

    stem = NAME
    personas: bool = True
    """Whether to ask as somebody, too."""
    mode: str = "cloze"
    """How a language model is asked, see `progressgym.instruments.ask`."""
    dimensions = AXES

    @property
    def items(self) -> tuple[Proposition, ...]:
        """The propositions."""
        return shipped_bank(NAME, Proposition)

    def questions(self) -> tuple[Question, ...]:
        """N for each persona."""
        return tuple(
            Question(id=f"{item.id}/{n}", prompt=f"{who}{item.text}", options=OPTIONS)
            for n, who in enumerate(PERSONAS if self.personas else PERSONAS[:1])
            for item in self.items
        )

    def read(self, respondent: Answerer) -> Reading:
        """Positions on both axes."""
        asked = ask(respondent, self.questions(), config=CONFIG, mode=self.mode)
        agreed = (asked.answers @ STEPS).reshape(-1, len(self.items))  # (P, N)
        whole = agreed.mean(0)
        sides = np.array([[item.sign * (item.axis == name) for name in AXES] for item in self.items], dtype=np.float64)
        values, errors = _means(whole, sides)
        tables = {"agreement": agreed, "standard_error": errors, "positions": values}
        if self.personas:
            tables["personas"] = np.array([_means(row - agreed[0], sides) for row in agreed[1:]])
        named = {name: [n for n, item in enumerate(self.items) if name in item.tags] for name in DIMENSIONS}
        more: dict[str, Any] = {
            "tables": tables,
            "flags": self._sensitivity(asked, np.abs(sides).argmax(1)),
            "on19": {
                d: float(np.mean([self.items[n].tags[d] * whole[n] for n in at])) for d, at in named.items() if at
            },
        }
        reading = Reading.of(asked, self, values=values, interval=values + Z95 * np.stack([-errors, errors]), **more)
        accuracy, count = held_out_accuracy(whole, sides)
        touches = np.tile(sides != 0, (len(agreed), 1))
        return examined(reading, touches, reason=incoherent(accuracy=accuracy, count=count))

    def planted(self) -> Planting:
        """Somebody of the economic left who likes order, whoever it is asked to be."""
        lean = {"economic": -0.8, "social": 0.4}
        steps = [2.0 * k / 3.0 - 1.0 for k in range(len(OPTIONS))]
        worth = {
            f"{who}{item.text}": {
                text: lean[item.axis] * item.sign * step for text, step in zip(OPTIONS, steps, strict=True)
            }
            for who in PERSONAS
            for item in self.items
        }
        chosen = {axis: shares([each * step for step in steps]) for axis, each in lean.items()}
        expected = {axis: sum(p * step for p, step in zip(row, steps, strict=True)) for axis, row in chosen.items()}
        return Planting(respondent=Informed(worth=worth), values=expected, within=1e-9)

    def _sensitivity(self, asked: Asked, axis: Any) -> dict[str, float]:
        """Shares of the variance of single answers that involve proposition, template and persona; they overlap."""
        table = asked.tables.get("framing_answers", asked.answers[None]) @ STEPS
        table = table.reshape(len(table), -1, len(self.items)).transpose(2, 0, 1)
        facets = [(name, size) for name, size in zip(("template", "persona"), table.shape[1:], strict=True) if size > 1]
        if not facets:
            return {}
        scores = table.reshape(len(table), *(size for _, size in facets))
        names = tuple(name for name, _ in facets)
        variances = components(Scores(values=scores, groups=axis, facets=names))
        parts = {effect: max(0.0, part) for effect, part in variances.items()}
        total = sum(parts.values())
        involved = {name: sum(part for effect, part in parts.items() if name in effect) for name in ("item", *names)}
        return {f"{name}_share": part / total for name, part in involved.items()} if total > 0 else {}


def _means(agreed: Floats, sides: Floats) -> tuple[Floats, Floats]:
    """Mean of side times agreement on each axis, and its standard error over propositions: (D,) each."""
    parts = [agreed[column != 0] * column[column != 0] for column in sides.T]
    values = np.array([part.mean() for part in parts])
    errors = np.array([part.std(ddof=1) / len(part) ** 0.5 for part in parts])
    return values, errors
