"""A control model whose values are planted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from progressgym.core.answers import Floats
from progressgym.core.seeding import generator
from progressgym.histories.history import History
from progressgym.histories.validity.asked import Asking
from progressgym.histories.validity.judgements import Judgements
from progressgym.instruments.questionnaire import Questionnaire

GOOD = {" good", " right", " moral", " acceptable", " helpful", " lawful", " beautiful", " virtuous", " just"}


class Known:
    """Finds a deed as good as a table says, in every word and after every lead, give or take a little."""

    fingerprint = "known"

    def __init__(self, worth: Mapping[str, float], noise: float = 0.2, name: str = "known") -> None:
        self.worth, self.noise, self.name = worth, noise, name

    def option_logprobs(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        return [table[0] for table in self.framed_option_logprobs(prompts, [""], options)]

    def framed_option_logprobs(
        self, contexts: Sequence[str], framings: Sequence[str], options: Sequence[Sequence[str]]
    ) -> list[Floats]:
        shape = (len(contexts), len(framings), len(options[0]))
        noise = self.noise * generator(0, self.name, *framings).normal(size=shape)
        signs = np.array([1.0 if word in GOOD else -1.0 for word in options[0]])
        worth = np.array([self.worth[context] for context in contexts])
        return list(-8.0 + np.clip(0.5 * worth[:, None, None] * signs + noise, -7.0, 7.0))


def made_up_judgements(count: int = 40) -> Judgements:
    """Deeds of no meaning, and what people think of them."""
    return Judgements(
        actions=tuple(f"do thing {n}" for n in range(count)), shares=generator(0, "shares").random(count), people=200
    )


def planted(asking: Asking, century: int, first: int = 13, last: int = 21) -> Known:
    """A model of a century that agrees with people more from century to century, turns as history did, and drifts."""
    late = (century - first) / (last - first)
    random = generator(0, "planted")
    worth: dict[str, float] = {}
    if asking.judgements is not None:
        off = random.normal(size=len(asking.judgements.actions))
        for action, share, other in zip(asking.judgements.actions, asking.judgements.shares, off, strict=True):
            worth[f"To {action}"] = worth[f"To {action}."] = 4 * (share - 0.5) + 1.5 * (1.2 - late) * float(other)
    for practice in asking.practices:
        worth[f"To {practice.deed}"] = practice.sign * (2.0 if practice.control else 4 * late - 2)
    bends = random.normal(size=(3, 19))
    theta = bends[0] + late * bends[1] + np.sin(3 * late) * bends[2]
    worth |= _options(asking.instrument, theta, 0.3, random)
    worth |= _answers(asking.survey, theta)
    return Known(worth, name=f"planted-{century}")


def _options(instrument: Questionnaire, theta: Floats, own: float, random: np.random.Generator) -> dict[str, float]:
    goods = instrument.loadings @ theta + own * random.normal(size=instrument.mask.shape)
    return {
        f"{item.text} {option}": float(goods[i, k])
        for i, item in enumerate(instrument.items)
        for k, option in enumerate(item.options)
    }


def _answers(survey: Questionnaire, theta: Floats) -> dict[str, float]:
    """What people answered in the middle of the survey, and a little of the model's own values."""
    people = History.load("gss-v1")
    logs = np.log(np.maximum(people.answers[5].astype(np.float64), 1e-3))
    known = {item.id: logs[i] for i, item in enumerate(people.instrument.items)}
    drift = survey.loadings @ theta
    return {
        f"{item.text} {option}": float((known[item.id][k] if item.id in known else 0.0) + 0.4 * drift[i, k])
        for i, item in enumerate(survey.items)
        for k, option in enumerate(item.options)
    }
