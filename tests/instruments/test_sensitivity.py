"""How the variance of answers divides between what is asked and how."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from progressgym.instruments import Coherent, FirstPosition, Question, Questionnaire, ask
from progressgym.instruments.choosers import Sycophant
from progressgym.instruments.protocol import Asked
from progressgym.instruments.respondents import RandomRespondent, ScriptedScorer
from progressgym.instruments.sensitivity import sensitivity, sensitivity_line

THINGS = [f"Thing {n}." for n in range(9)]
PAIRS = [Question(id=f"{a}{b}", prompt="?", options=(a, b)) for a, b in itertools.combinations(THINGS, 2)]


def test_content_place_and_chance() -> None:
    assert sensitivity(ask(Coherent(utility=THINGS.index), PAIRS)) == pytest.approx(
        {"content": 1.0, "order": 0.0, "content x order": 0.0}
    )
    place = sensitivity(ask(FirstPosition(), PAIRS))
    assert place == pytest.approx({"content": 0.0, "order": 1.0, "content x order": 0.0})
    assert sensitivity_line(place) == "variance of answers: content 0.00, order 1.00, content x order 0.00"
    chance = sensitivity(ask(RandomRespondent(0), PAIRS))
    assert chance["order"] < 0.1 and 0.3 < chance["content"] < 0.7 and sum(chance.values()) == pytest.approx(1.0)
    assert sensitivity(ask(Sycophant(), PAIRS)) == {} and sensitivity(ask(FirstPosition(), PAIRS, orders="own")) == {}


def test_by_hand() -> None:
    table = np.array([[[0.9, 0.1], [0.7, 0.3]], [[0.5, 0.5], [0.5, 0.5]]])
    asked = Asked(model="m", mode="shown", answers=table.mean(0), tables={"order_answers": table})
    content = 2 * 2 * (0.2**2 + 0.1**2)
    common = 2 * 2 * 2 * 0.15**2
    total = 2 * (0.4**2 + 0.2**2)
    shares = sensitivity(asked)
    assert shares["content"] == pytest.approx(content / total) and shares["order"] == pytest.approx(common / total)


def test_three_options_and_words() -> None:
    mixed = [*PAIRS, *(Question(id=f"t{n}", prompt="?", options=tuple(THINGS[n : n + 3])) for n in range(5))]
    assert sensitivity(ask(FirstPosition(), mixed))["order"] == pytest.approx(1.0, abs=0.1)
    shares = sensitivity(
        Questionnaire.load("people-core-v1").read(ScriptedScorer(lambda p, o: -1.0 - len(p + o) % 7), "cloze")
    )
    assert set(shares) == {"content", "framing", "content x framing"}
