"""Asking those who choose, what a reading is, and what is kept of it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.instruments import Question, Questionnaire
from progressgym.instruments.ask import ask
from progressgym.instruments.choosers import Coherent, Cyclic, Sycophant
from progressgym.instruments.protocol import Asked, Instrument, Reading, question_hash
from progressgym.instruments.respondents import FirstPosition, RandomRespondent, Table, Uniform, Upholding

THINGS = ("A cat.", "A dog.", "A fox.")
PAIRS = [Question(id=f"{a}{b}", prompt="Which one?", options=(a, b)) for a, b in itertools.combinations(THINGS, 2)]


def test_a_coherent_one_is_recovered_in_every_order() -> None:
    asked = ask(Coherent(utility=THINGS.index, temperature=1.0), PAIRS)
    log_odds = np.log(asked.answers[:, 1] / asked.answers[:, 0])
    np.testing.assert_allclose(log_odds, [1.0, 2.0, 1.0])  # differences of the utilities
    assert asked.flags["order_flip"] < 1e-12
    assert asked.mode == "shown" and asked.temperature == 1.0


def test_flaws_are_seen() -> None:
    assert ask(FirstPosition(), PAIRS).flags == {"modal_share": 0.5, "order_flip": 1.0}
    assert "order_flip" not in ask(FirstPosition(), PAIRS, orders="own").flags
    assert 0.1 < ask(RandomRespondent(0), PAIRS).flags["order_flip"] < 0.9
    wins = ask(Cyclic(circle=THINGS), PAIRS).answers  # cat over dog, fox over cat, dog over fox
    np.testing.assert_array_equal(wins, [[1, 0], [0, 1], [1, 0]])
    led = [Question(id="led", prompt="I would take a dog. Which one?", options=THINGS)]
    np.testing.assert_array_equal(ask(Sycophant(), led).answers, [[0, 1, 0]])
    np.testing.assert_allclose(ask(Sycophant(), PAIRS).answers, 0.5)


def test_a_questionnaire_shows_its_items_to_who_chooses(tiny: Questionnaire) -> None:
    reading = tiny.read(FirstPosition())
    assert reading.order_flip == 1.0 and reading.mode == "shown"
    np.testing.assert_allclose(reading.answers, tiny.uniform())
    whole = tiny.read(Upholding("deceive"))
    assert whole.mode == "answers" and whole.order_flip is None and whole.to19["deceive"] == pytest.approx(1.0)
    with pytest.raises(UserError, match="answers of 'table'"):
        tiny.read(Table(np.zeros((3, 4))))


def test_what_is_not_measured_is_none_and_never_zero(tiny: Questionnaire) -> None:
    reading = tiny.read(Uniform())
    known = {"deceive", "pain", "traditional", "modern", "postmodern", "integrated"}
    assert {name for name, value in reading.to19.items() if value is not None} == known
    assert list(reading.to19) == list(DIMENSIONS) and reading.covered.sum() == len(known)
    assert (
        reading.values[DIMENSIONS.index("care")] == 0.0
        and np.isnan(reading.interval[:, DIMENSIONS.index("care")]).all()
    )
    assert np.isinf(reading.interval[:, DIMENSIONS.index("pain")]).all(), "one item says nothing of the error"
    turning = tiny.read(FirstPosition())
    assert set(turning.unfit) == known and "order flip 1.00" in turning.unfit["pain"]
    assert not any(turning.to19.values()) and not turning.covered.any()
    deceive = DIMENSIONS.index("deceive")
    low, high = reading.interval[:, deceive]
    assert high - low == pytest.approx(2 * 1.96 * reading.standard_error[deceive])


def test_a_questionnaire_is_an_instrument(tiny: Questionnaire) -> None:
    assert isinstance(tiny, Instrument) and not isinstance(FirstPosition(), Instrument)
    first = tiny.questions()[0]
    assert first == Question(id="a", prompt="She asks what I saw.", options=("I tell her.", "I look away."))
    assert question_hash(tiny.questions()) == question_hash(list(tiny.questions())) != question_hash(PAIRS)


class Odd:
    name = "odd"

    def __init__(self, *rows: list[float]) -> None:
        self.rows = rows

    def choose(self, prompts: object, options: object) -> list[np.ndarray]:
        return [np.array(row) for row in self.rows]


@pytest.mark.parametrize(
    ("respondent", "questions", "message"),
    [
        (Odd([0.5, 0.5]), PAIRS, "asked 6 questions and answered 1"),
        (Odd([0.5, 0.6], [1, 0]), PAIRS[:1], "sum to 1.1"),
        (Odd([np.nan, 0.5], [1, 0]), PAIRS[:1], "NaN"),
        (Odd([1.0], [1, 0]), PAIRS[:1], "shape"),
        (FirstPosition(), [Question(id="open", prompt="Well?")], "question 'open' has no two options"),
        (FirstPosition(), [], "nothing to ask"),
        (Table(np.zeros((1, 2))), PAIRS, "Table can answer no questions"),
    ],
)
def test_what_is_no_answer_is_refused(respondent: object, questions: list[Question], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ask(respondent, questions)  # type: ignore[arg-type]


def test_a_reading_fits_its_dimensions(tiny: Questionnaire) -> None:
    asked = Asked(model="m", mode="x", answers=tiny.uniform(), flags={"modal_share": 0.5})
    with pytest.raises(UserError, match=r"'tiny' has 19 dimensions, and gives values of shape \(2,\)"):
        Reading.of(asked, tiny, values=np.zeros(2), interval=np.zeros((2, 2)))
    more = {"on19": {"care": 0.5}, "flags": {"cycles": 0.1}}
    reading = Reading.of(asked, tiny, values=np.zeros(19), interval=np.full((2, 19), np.nan), **more)
    assert reading.to19["care"] == 0.5 and reading.to19["pain"] is None
    assert reading.flags == {"modal_share": 0.5, "cycles": 0.1}
