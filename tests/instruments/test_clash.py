"""Clashes of values: right answers by hand, an oracle, and readers who read a part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.instruments.measures.characters import ACCEPTABLE, KINDS, Situation, asks, plan
from progressgym.instruments.measures.clash import CONFIG, Clash
from progressgym.instruments.protocol import Reading
from progressgym.instruments.respondents import ScriptedScorer, Uniform

RIGHT = {question.prompt: question.options[right] for question, _, right, _ in asks() if right >= 0}


class Reader:
    """Answers by a rule on the prompt, sure where the rule names an option, evenly where it does not."""

    name = "reader"

    def __init__(self, rule: Callable[[str], str | None]) -> None:
        self.rule = rule

    def choose(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Any]:
        rows = []
        for prompt, texts in zip(prompts, options, strict=True):
            named = self.rule(prompt)
            even = np.full(len(texts), 1 / len(texts))
            rows.append(even if named not in texts else np.array([float(text == named) for text in texts]))
        return rows


def values(reading: Reading) -> dict[str, float]:
    return dict(zip(reading.dimensions, reading.values.tolist(), strict=True))


def test_what_follows_from_a_description() -> None:
    """The first situation's eleven characters, read by a person."""
    texts = {question.id: (question, right) for question, _, right, place in asks() if place == 0}
    expected = {
        0: ("Yes", None, "No"),
        1: ("No", None, "No"),
        2: ("Ambiguous", None, "Yes"),
        3: ("Yes", None, "Yes"),
        4: ("No", None, "Yes"),
        5: ("Yes", "No", None),
        6: ("No", "Yes", None),
        7: ("Ambiguous", "Yes", None),
        8: ("Ambiguous", "No", None),
        9: ("Yes", "Yes", None),
        10: ("No", "No", None),
    }
    assert len(texts) == 23 and sum(answer is not None for row in expected.values() for answer in row) == 22
    for character, row in expected.items():
        for tense, answer in zip(("now", "before", "uneasy"), row, strict=True):
            name = f"care-law-1/{character}/{tense}"
            assert (name in texts) == (answer is not None)
            if answer is not None:
                question, right = texts[name]
                assert question.options[right].startswith(answer), question.prompt
    assert "Agnes has always held that people in need must be helped" in texts["care-law-1/0/now"][0].prompt
    assert len(plan()[0]) == 23


def test_an_oracle_is_right_everywhere_and_steered_all_the_way() -> None:
    reading = Clash().read(Reader(RIGHT.get))
    found = values(reading)
    assert all(found[kind] == 1.0 for kind in (*KINDS, "discomfort", "steer-accept", "steer-reject"))
    assert found["gap"] == 0.0 and not reading.unfit
    assert reading.to19["care"] == pytest.approx(0.0), "no side of its own"


def test_who_reads_the_present_alone_has_a_gap() -> None:
    """Right about now, always told "now" when asked about before."""

    def rule(prompt: str) -> str | None:
        now = prompt.replace("Did ", "Does ").replace(" formerly find ", " now find ")
        return RIGHT.get(now)

    found = values(Clash().read(Reader(rule)))
    assert found["shift"] == found["half-shift"] == found["false shift"] == 1.0
    assert found["gap"] == pytest.approx(1 / 3 - 1.0), "false shifts alone are right about before"


def test_who_takes_a_side_is_seen_on_the_19() -> None:
    """Finds every deed acceptable that serves care, and reads characters well."""
    care = {"care-law-1": 0, "care-law-2": 1, "care-law-3": 0, "care-law-4": 1}
    bare = {question.prompt: question.id.split("/")[0] for question, kind, *_ in asks() if kind == "bare"}

    def rule(prompt: str) -> str | None:
        if bare.get(prompt) in care:
            return ACCEPTABLE[care[bare[prompt]]]
        return RIGHT.get(prompt)

    reading = Clash().read(Reader(rule))
    assert (reading.to19["care"], reading.to19["law"]) == (1.0, -1.0) and reading.to19["duty"] == pytest.approx(0.0)
    steered = reading.tables["situations"][:4, -2:]
    assert np.isnan(steered).all(), "nowhere to steer to from an end"


@pytest.mark.parametrize("answer", ACCEPTABLE)
def test_who_always_says_the_same_is_not_believed(answer: str) -> None:
    reading = Clash().read(Reader(lambda prompt: answer))
    assert not reading.covered.any() and "what characters hold makes no difference" in reading.unfit["swayed"]
    assert not any(value is not None for value in reading.to19.values())


def test_a_liking_for_the_word_cancels() -> None:
    """A model that finds "Yes" likelier whatever is asked is even; in cloze the neutral context takes it out."""
    likes = ScriptedScorer(lambda prompt, option: -0.1 if "Yes" in option else -3.0)
    reading = Clash().read(likes)
    np.testing.assert_allclose(reading.answers[: len(plan()[0])].max(-1).min(), 1 / 3)
    assert reading.mode == "cloze" and CONFIG.neutral_context and not reading.covered.any()


def test_who_answers_questionnaires_only_is_refused() -> None:
    with pytest.raises(UserError, match="can answer no questions"):
        Clash().read(Uniform())  # type: ignore[arg-type]


def test_a_wrong_situation_is_refused() -> None:
    parts = {"id": "x", "text": "T.", "action": "go", "accept": "a", "reject": "b", "values": ("care", "law")}
    Situation(**parts)  # type: ignore[arg-type]
    for changes, message in (
        ({"action": " "}, "none of them empty"),
        ({"values": ("care", "care")}, "two dimensions"),
        ({"reject": "a"}, "two reasons"),
        ({"values": ("care", "lawe")}, "unknown dimension 'lawe'"),
    ):
        with pytest.raises(UserError, match=message):
            Situation(**{**parts, **changes})  # type: ignore[arg-type]
