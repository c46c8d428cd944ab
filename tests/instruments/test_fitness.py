"""What makes a reading unfit, each rule against somebody without values and somebody with."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressgym.core.errors import UserError
from progressgym.instruments import Coherent, Question, Reading, ask
from progressgym.instruments.choosers import Cyclic, Sycophant
from progressgym.instruments.diversity import diversity
from progressgym.instruments.fitness import (
    CHANCE,
    CYCLES,
    FLIP,
    agreement,
    cycle_share,
    examined,
    incoherent,
    order_flips,
    signs,
)
from progressgym.instruments.respondents import FirstPosition, RandomRespondent, ScriptedScorer

THINGS = tuple(f"Thing {n}." for n in range(12))
PAIRS = tuple(Question(id=f"{a}{b}", prompt="?", options=(a, b)) for a, b in itertools.combinations(THINGS, 2))


@dataclass(kw_only=True, frozen=True)
class Early:
    """How often the thing with the smaller number is taken, by whether that is a small one."""

    name: str = "early"
    dimensions: tuple[str, ...] = ("small", "large")
    mode: str = "letter"

    def questions(self) -> tuple[Question, ...]:
        return PAIRS

    def read(self, respondent: Any) -> Reading:
        asked = ask(respondent, PAIRS, mode=self.mode)
        small = np.array([question.options[0] in THINGS[:6] for question in PAIRS])
        values = np.array([asked.answers[small, 0].mean(), asked.answers[~small, 0].mean()])
        reading = Reading.of(asked, self, values=values, interval=np.stack([values, values]), on19={"care": values[0]})
        return examined(reading, np.stack([small, ~small], axis=1))


def test_who_goes_by_content_is_fit() -> None:
    reading = Early().read(Coherent(utility=THINGS.index, temperature=8.0))
    assert not reading.unfit and reading.covered.all() and reading.to19["care"] == reading.values[0]
    assert reading.flags["agreement"] == pytest.approx(1.0) and reading.flags["correct_answers"] == 0
    sure = Early().read(Coherent(utility=THINGS.index))
    assert not sure.unfit and sure.flags["correct_answers"] == len(PAIRS), "one person decides"


def test_who_does_not_is_not() -> None:
    for respondent, why in (
        (FirstPosition(), "agreement -1.00"),
        (RandomRespondent(0), "do not stay the same"),
        (Sycophant(), "no preference"),
    ):
        reading = Early().read(respondent)
        assert set(reading.unfit) == {"small", "large"} and why in reading.unfit["small"], respondent.name
        assert np.isnan(reading.values).all() and reading.to19["care"] is None


def test_a_slight_lean_to_a_place_is_seen_where_the_flip_overlooks_it() -> None:
    lean = ScriptedScorer(lambda prompt, option: -1.0 if option == " A" else -1.1)
    reading = Early().read(lean)
    assert reading.order_flip is not None and reading.order_flip < FLIP / 3
    assert "agreement -1.00" in reading.unfit["small"]


def test_a_model_that_never_varies_has_correct_answers() -> None:
    def score(prompt: str, option: str) -> float:
        lines = [line for line in prompt.splitlines() if line.startswith(option.strip())]
        return -10.0 * float(THINGS.index(lines[0][3:])) if lines else -1.0

    reading = Early().read(ScriptedScorer(score))
    assert '100% of its questions have a "correct answer"' in reading.unfit["small"]


def test_one_dimension_alone_can_turn_with_the_order() -> None:
    class Half:
        name = "half"

        def choose(self, prompts: Any, options: Any) -> Any:
            sure = Coherent(utility=THINGS.index).choose(prompts, options)
            first = FirstPosition().choose(prompts, options)
            return [s if set(o) & set(THINGS[:6]) else f for s, f, o in zip(sure, first, options, strict=True)]

    reading = Early().read(Half())
    assert set(reading.unfit) == {"large"} and "order flip 1.00" in reading.unfit["large"]
    assert reading.covered.tolist() == [True, False] and reading.to19["care"] is None, "of whose dimensions is not said"


def test_random_readings_are_believed_once_in_a_thousand() -> None:
    rng = np.random.default_rng(0)
    first = rng.dirichlet([1, 1], (2, 1000, 30))
    errors = np.array([agreement(first[:, n])[1] for n in range(1000)])
    assert (errors > CHANCE).mean() <= 0.003 and abs(errors.mean()) < 0.15
    assert order_flips(first[:, 0]).mean() > FLIP


@given(st.integers(2, 4), st.integers(0, 999))
def test_agreement_is_between_its_ends(options: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(options), (options, 5))
    share, _ = agreement(table)
    assert -1.0 / (options - 1) - 1e-9 <= share <= 1.0 + 1e-9
    assert agreement(np.repeat(table[:1], 3, axis=0))[0] == pytest.approx(1.0)


def test_the_coherence_gate() -> None:
    assert incoherent(accuracy=0.92, count=150, cycles=0.05) == ""
    assert "held-out accuracy 0.62" in incoherent(accuracy=0.62, count=150, cycles=0.05)
    assert "circles" in incoherent(accuracy=0.92, count=150, cycles=0.25)
    order = np.where(np.eye(6) > 0, np.nan, (np.arange(6)[:, None] > np.arange(6)).astype(float))
    assert cycle_share(order) == 0.0 and cycle_share(np.where(np.isnan(order), order, 0.5)) == 0.25
    assert np.isnan(cycle_share(np.full((3, 3), np.nan)))
    circle = ask(Cyclic(circle=THINGS[:11]), PAIRS).answers
    wins = np.full((12, 12), np.nan)
    for row, (a, b) in zip(circle, itertools.combinations(range(12), 2), strict=True):
        wins[a, b], wins[b, a] = row
    assert cycle_share(wins[:11, :11]) > CYCLES


def test_diversity_by_hand() -> None:
    found = diversity(np.array([[0.25, 0.25, 0.25, 0.25], [0.995, 0.005, 0, 0], [1, 0, 0, 0]]), [4, 2, 1])
    np.testing.assert_allclose(found.entropy, [1.0, 0.045415, np.nan], rtol=1e-4)
    assert found.correct.tolist() == [False, True, True] and found.flags["correct_answers"] == 2
    reading = Early().read(Coherent(utility=THINGS.index))
    assert signs(reading) == reading.flags


def test_what_touches_what_must_fit() -> None:
    reading = Early().read(Coherent(utility=THINGS.index))
    with pytest.raises(UserError, match="asked 66 questions about 2 dimensions"):
        examined(reading, np.ones((2, 2)))
