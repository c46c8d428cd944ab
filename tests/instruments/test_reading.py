"""Readings of scripted scorers whose answers are known."""

from __future__ import annotations

import dataclasses
import re
from types import SimpleNamespace

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.core.protocols import OptionScorer, Respondent
from progressgym.instruments import Instrument
from progressgym.instruments.forms import FORMS, forms_of, matching, orders_of, to_options
from progressgym.instruments.respondents import LanguageModelRespondent, ScriptedScorer, Upholding

FORM_MODES = ("letter", "upstream", "ab+4c", "compare+repeat+repeat2")


def by_position(prompt: str, option: str) -> float:
    """A position meter: takes the first letter, or yes, or the option listed first."""
    if option.strip() in ("A", "yes"):
        return 0.0
    listed = re.findall(r"\n- (.*)", prompt)
    return 0.0 if listed and option.strip() == listed[0] else -1000.0


def by_text(liked: set[str]) -> ScriptedScorer:
    """A reader: finds the option it likes wherever it stands."""

    def score(prompt: str, option: str) -> float:
        reply = option.strip()
        if reply in ("yes", "no"):
            first = re.findall(r'"([^"]*)"', prompt)[-2]
            return 0.0 if (first in liked) == (reply == "yes") else -1000.0
        lettered = dict(re.findall(r"\n\[?([A-D])\]?\. (.*)", prompt))
        return 0.0 if lettered.get(reply, reply) in liked else -1000.0

    return ScriptedScorer(score)


def choices_of(instrument: Instrument, dimension: str) -> np.ndarray:
    """One option of every item (N,): the one that upholds the dimension, the first where none does."""
    return np.asarray(Upholding(dimension).answers(instrument).argmax(-1))


def test_cloze_by_hand(tiny: Instrument) -> None:
    """Two nats more after the situation than after the neutral context, temperature .5: log-odds 4."""

    def score(prompt: str, option: str) -> float:
        base = -5.0 if option == " I tell her." else -3.0  # an option's own likelihood, taken out again
        return base + 2.0 * (prompt.startswith("She asks") and option == " I tell her.")

    reading = tiny.read(ScriptedScorer(score))
    assert np.log(reading.answers[0, 0] / reading.answers[0, 1]) == pytest.approx(4.0)
    np.testing.assert_allclose(reading.answers[1:], tiny.uniform()[1:], atol=1e-12)
    assert reading.order_flip is None and reading.mode == "cloze" and reading.model == "scripted"
    assert reading.modal_share == pytest.approx((1 / (1 + np.exp(-4)) + 0.5 + 0.25) / 3)
    np.testing.assert_allclose(reading.values, tiny.values(reading.answers))
    np.testing.assert_allclose(reading.standard_error, tiny.standard_error(reading.answers))
    assert reading.tokens is None and reading.seconds >= 0


def test_verdict_by_hand(tiny: Instrument) -> None:
    """One verdict of four leans by 4 nats: mean score 1, temperature .5: log-odds 2. Prompts are situation, deed, lead."""
    lead, good, bad = tiny.config.verdicts[0]
    asked = "She asks what I saw. I tell her." + lead

    def score(prompt: str, word: str) -> float:
        return -1.0 + (-4.0 if prompt == asked and word == bad else 0.0)

    only = dataclasses.replace(tiny.config, verdicts=((lead, good, bad), *((f" {n}", good, bad) for n in range(3))))
    reading = dataclasses.replace(tiny, config=only).read(ScriptedScorer(score), "verdict")
    assert np.log(reading.answers[0, 0] / reading.answers[0, 1]) == pytest.approx(2.0)
    np.testing.assert_allclose(reading.answers[1:], tiny.uniform()[1:], atol=1e-12)
    assert reading.order_flip is None and reading.verdict_scores is not None
    assert reading.verdict_scores.shape == (4, 3, 4) and reading.verdict_scores[0, 0, 0] == pytest.approx(4.0)
    assert np.log(np.divide(*reading.at_temperature(tiny, 1.0).answers[0, :2])) == pytest.approx(1.0)


def test_verdict_needs_verdicts(tiny: Instrument) -> None:
    mute = dataclasses.replace(tiny, config=dataclasses.replace(tiny.config, verdicts=()))
    with pytest.raises(UserError, match="names no verdicts"):
        mute.read(ScriptedScorer(lambda prompt, option: -1.0), "verdict")


def test_cloze_keeps_raw_scores_and_averages_framings(tiny: Instrument) -> None:
    """Another temperature needs no second measurement; answers are the mean over framings of softmaxes."""
    framings = tiny.config.framings

    def score(prompt: str, option: str) -> float:
        return (
            -0.1 * len(option) - (0.7 if prompt.endswith(framings[1]) and "look" in option else 0.2) * len(prompt) / 50
        )

    scorer = ScriptedScorer(score)
    reading = tiny.read(scorer)
    assert reading.framing_scores is not None and reading.neutral_scores is not None
    assert reading.framing_answers is not None
    assert reading.framing_scores.shape == reading.neutral_scores.shape == (3, 3, 4)
    assert reading.framing_scores[2, 0, 1] == score("She asks what I saw." + framings[2], " I look away.")
    assert reading.neutral_scores[1, 2, 3] == score(tiny.config.neutral_context + framings[1], " They look back.")
    np.testing.assert_allclose(reading.framing_answers.mean(0), reading.answers)
    calls = len(scorer.calls)
    cold = reading.at_temperature(tiny, 0.1)
    assert len(scorer.calls) == calls
    again = tiny.read(scorer, temperature=0.1)
    np.testing.assert_allclose(cold.answers, again.answers)
    assert cold.temperature == 0.1 and cold.modal_share > reading.modal_share
    np.testing.assert_allclose(cold.values, tiny.values(cold.answers))


def test_cloze_scores_each_neutral_option_once(moral19: Instrument) -> None:
    scorer = ScriptedScorer(lambda prompt, option: -1.0)
    reading = moral19.read(scorer)
    distinct = len({option for item in moral19.items for option in item.options})
    framings = len(moral19.config.framings)
    assert scorer.calls == [framings * int(moral19.mask.sum()), framings * distinct]
    np.testing.assert_allclose(reading.answers, moral19.uniform())
    np.testing.assert_allclose(reading.values, 0.0, atol=1e-9)


@pytest.mark.parametrize("mode", FORM_MODES)
def test_a_position_meter_scores_exactly_zero_under_rotations(moral19: Instrument, mode: str) -> None:
    reading = moral19.read(ScriptedScorer(by_position), mode)
    np.testing.assert_allclose(reading.answers, moral19.uniform(), atol=1e-15)
    np.testing.assert_allclose(reading.values, 0.0, atol=1e-12)
    assert reading.order_flip == 1.0  # every answer turns with the order
    own = moral19.read(ScriptedScorer(by_position), mode, orders="own")
    assert own.order_flip is None
    assert (own.answers[:, 0] == 1).all()
    assert (np.abs(own.values) <= 3 * own.standard_error + 1e-12).all()


@pytest.mark.parametrize("mode", FORM_MODES)
@pytest.mark.parametrize("orders", ["own", "rotations", "all"])
@pytest.mark.parametrize("dimension", ["modern", "promise"])
def test_a_reader_is_read_right_in_every_order(moral19: Instrument, mode: str, orders: str, dimension: str) -> None:
    """The permutation is undone exactly once: an option is found wherever it stands, and nothing flips."""
    choices = choices_of(moral19, dimension)
    liked = {item.options[k] for item, k in zip(moral19.items, choices, strict=True)}
    reading = moral19.read(by_text(liked), mode, orders=orders)
    np.testing.assert_allclose(reading.answers, np.eye(4)[choices], atol=1e-12)
    assert reading.values[moral19.dimensions.index(dimension)] == pytest.approx(1.0)
    assert reading.framing_scores is None
    assert reading.order_flip == (None if orders == "own" else pytest.approx(0.0))


def test_order_flip_by_hand(tiny: Instrument) -> None:
    """A letter bias of log 3 toward A, no reading: orders give (.75, .25) and (.25, .75), distance .5; with four
    options A has .5 and the others 1/6: two rotations differ in two places, distance 1/3. Mean (.5 + .5 + 1/3) / 3.
    """
    reading = tiny.read(ScriptedScorer(lambda prompt, option: np.log(3.0) * (option == " A") - 2.0), "letter")
    assert reading.order_flip == pytest.approx((0.5 + 0.5 + 1 / 3) / 3)
    np.testing.assert_allclose(reading.answers, tiny.uniform(), atol=1e-15)


def test_orders_and_their_inverse() -> None:
    assert orders_of(2, "rotations") == [(0, 1), (1, 0)]
    assert len(orders_of(4, "all")) == 24 and len(orders_of(4, "rotations")) == 4
    p = np.array([0.4, 0.3, 0.2, 0.1])
    for order in orders_of(4, "all"):
        np.testing.assert_array_equal(to_options(p[list(order)], order), p)
    for start in range(4):
        assert sorted(order[start] for order in orders_of(4, "rotations")) == [0, 1, 2, 3]


def test_forms_show_situation_and_options(moral19: Instrument) -> None:
    for form in FORMS.values():
        item = next(item for item in moral19.items if len(item.options) in form.counts)
        prompt = form.prompt(item.text, item.options)
        assert prompt.startswith(item.text)
        assert all(prompt.count(option) == 1 for option in item.options)
        replies = form.replies(item.options)
        assert len(replies) == len(item.options) and all(reply.startswith(" ") for reply in replies)


def test_a_form_that_cannot_ask_an_item_says_so(moral19: Instrument) -> None:
    with pytest.raises(UserError, match=r"mode 'ab' cannot ask an item with 4 options; .*'ab\+"):
        moral19.read(ScriptedScorer(by_position), "ab")
    assert [form.name for form in matching(forms_of("upstream"), 3, "upstream")] == ["4c", "repeat2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "leter"}, "did you mean 'letter'"),
        ({"mode": "letter", "orders": "some"}, "unknown choice of orders"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
    ],
)
def test_bad_arguments(tiny: Instrument, arguments: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        tiny.read(ScriptedScorer(by_position), **arguments)


@pytest.mark.parametrize("mode", ["cloze", "letter"])
def test_a_failing_model_never_becomes_a_number(tiny: Instrument, mode: str) -> None:
    with pytest.raises(UserError, match="'scripted' returned a log-probability that is NaN"):
        tiny.read(ScriptedScorer(lambda prompt, option: float("nan")), mode)

    class Short(ScriptedScorer):
        def option_logprobs(self, prompts: object, options: object) -> list[np.ndarray]:
            return []

        def framed_option_logprobs(self, contexts: object, framings: object, options: object) -> list[np.ndarray]:
            return []

    with pytest.raises(UserError, match="another shape"):
        tiny.read(Short(by_position), mode)


def test_letters_hold_no_scores_for_another_temperature(tiny: Instrument) -> None:
    with pytest.raises(UserError, match="holds no scores"):
        tiny.read(ScriptedScorer(by_position), "letter").at_temperature(tiny, 1.0)


def test_tokens_of_a_scorer_that_counts_are_summed(tiny: Instrument) -> None:
    class Counting(ScriptedScorer):
        last_stats = SimpleNamespace(unique_tokens=5)

    assert tiny.read(Counting(by_position)).tokens == 10
    assert tiny.read(Counting(by_position), "letter").tokens == 5


def test_a_scorer_behind_a_reading_is_a_respondent(tiny: Instrument) -> None:
    scorer = ScriptedScorer(lambda prompt, option: -float(len(prompt) % 3) * len(option) / 9)
    assert isinstance(scorer, OptionScorer)
    respondent = LanguageModelRespondent(scorer)
    assert isinstance(respondent, Respondent)
    np.testing.assert_array_equal(respondent.answers(tiny), tiny.read(scorer).answers)
