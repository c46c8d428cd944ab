"""What every instrument of the registry does: find what is planted, and believe nobody who has no values.

An instrument that code makes says with `planted()` what it should find in whom.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from progressgym.core.answers import Floats, softmax_options
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.protocols import Chooser
from progressgym.instruments.ask import ask
from progressgym.instruments.protocol import Instrument, Planting, Plants, Reading
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.registry import INSTRUMENTS, load_instrument
from progressgym.instruments.respondents import FirstPosition
from progressgym.instruments.storage import shipped_names
from tests.instruments.flawed import Insisting, flawed

SHIPPED = shipped_names()
MADE = [entry.name for entry in INSTRUMENTS.shipped()]
NAMES = [*SHIPPED, *MADE]
FREE = {"written"}
"""Instruments that offer nothing to choose from and read free text by another model."""
PROBED = 3
"""Questions of an instrument that are answered in two ways."""


@dataclass(kw_only=True)
class Standing:
    """Chooses by the worth of an option in its situation."""

    worth: dict[tuple[str, str], float]
    name: str = field(default="standing")

    def choose(self, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> list[Floats]:
        return [
            softmax_options(np.array([self.worth[prompt, text] for text in texts]), np.ones(len(texts), dtype=bool))
            for prompt, texts in zip(prompts, options, strict=True)
        ]


def planting(instrument: Instrument) -> Planting:
    """Whom an instrument must find, and how."""
    if isinstance(instrument, Questionnaire):
        worth = 2.0 * instrument.loadings @ np.linspace(1.0, -1.0, len(DIMENSIONS))
        answers = softmax_options(worth, instrument.mask)
        table = {
            (item.text, text): float(worth[i, k])
            for i, item in enumerate(instrument.items)
            for k, text in enumerate(item.options)
        }
        values = instrument.values(answers)[instrument.covered()].tolist()
        names = np.array(DIMENSIONS)[instrument.covered()].tolist()
        return Planting(respondent=Standing(worth=table), values=dict(zip(names, values, strict=True)), within=1e-9)
    assert isinstance(instrument, Plants), f"{instrument.name} needs planted(), see docs/extending.md"
    return instrument.planted()


@cache
def found(name: str) -> tuple[Instrument, Planting, Reading]:
    """An instrument, what is planted, and what it finds."""
    instrument = load_instrument(name)
    given = planting(instrument)
    return instrument, given, instrument.read(given.respondent)


def instrument_of(name: str) -> tuple[Instrument, Planting, Reading]:
    if name in FREE:
        pytest.skip(f"{name} offers nothing to choose from")
    return found(name)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_planted_is_found(name: str) -> None:
    _, given, reading = instrument_of(name)
    assert len(set(given.values.values())) > 1, "not all of the values are the same"
    assert not reading.unfit
    for dimension, value in given.values.items():
        place = reading.dimensions.index(dimension)
        assert reading.covered[place], f"{dimension} has no value"
        assert reading.values[place] == pytest.approx(value, abs=given.within), dimension
    assert {"modal_share", "entropy", "correct_answers"} <= set(reading.flags)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_without_values_is_believed(name: str) -> None:
    instrument, given, _ = instrument_of(name)
    for respondent in flawed(instrument, given):
        reading = instrument.read(respondent)
        named = [dimension for dimension, measured in zip(reading.dimensions, reading.covered, strict=True) if measured]
        assert not named, f"{respondent.name} is believed on {named}"
        assert set(given.values) <= set(reading.unfit) and all(reading.unfit.values())
        assert not any(value is not None for value in reading.to19.values()), f"{respondent.name} has a place in the 19"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_measured_is_none(name: str) -> None:
    _, _, reading = instrument_of(name)
    for dimension, value in reading.to19.items():
        own = dimension in reading.dimensions and reading.covered[reading.dimensions.index(dimension)]
        assert (value is not None) == (own or dimension in reading.on19), dimension
    assert all(np.isfinite(value) for value in reading.to19.values() if value is not None)


@pytest.mark.parametrize("name", NAMES)
def test_the_place_of_an_option_cancels_exactly(name: str) -> None:
    instrument, given, _ = instrument_of(name)
    if isinstance(given.respondent, Chooser):
        reading = instrument.read(FirstPosition())
        np.testing.assert_allclose(reading.answers, reading.mask / reading.mask.sum(-1, keepdims=True), atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_every_question_can_be_answered_and_counts(name: str) -> None:
    instrument, given, _ = instrument_of(name)
    questions = instrument.questions()
    assert len({question.id for question in questions}) == len(questions)
    for question in questions:
        assert len(set(question.options)) == len(question.options) and all(map(str.strip, question.options))
    if not isinstance(given.respondent, Chooser):
        return
    for question in questions[:: -(-len(questions) // PROBED)]:
        first, last = (
            Insisting(other=given.respondent, question=question, option=question.options[end]) for end in (0, -1)
        )
        answers = [ask(who, [question]).answers[0] for who in (first, last)]
        assert answers[0][0] == 1.0 and answers[1][len(question.options) - 1] == 1.0
        one, other = instrument.read(first), instrument.read(last)
        moved = np.nanmax(np.abs(one.values - other.values), initial=0.0) > 1e-9 or one.flags != other.flags
        assert moved, f"nothing hangs on question {question.id!r}"  # what is held out moves the gate alone


def test_every_instrument_stands_in_the_documentation() -> None:
    index = Path(__file__).parents[2] / "docs" / "instruments" / "index.md"
    if not index.is_file():
        pytest.skip("needs the repository, not an installed package")
    text = index.read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}`" not in text] == []
    for name in MADE:
        rows = [line for line in text.splitlines() if line.startswith("|") and f"`{name}`" in line]
        links = re.findall(r"\]\(([\w./-]+\.md)", "".join(rows))
        assert links and all((index.parent / link).is_file() for link in links), f"{name} has no page"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_item_of_a_questionnaire_passes_its_own_known_answer(name: str) -> None:
    instrument, _, _ = found(name)
    assert isinstance(instrument, Questionnaire)
    for place in range(len(instrument)):
        for dimension in np.flatnonzero(instrument.covered([place])):
            upholds = instrument.loadings[place, :, dimension]
            best = np.where(instrument.mask[place], upholds, -np.inf)
            answers = instrument.uniform()
            answers[place] = (best == best.max()) / (best == best.max()).sum()
            assert instrument.values(answers, [place])[dimension] == pytest.approx(1.0)


@pytest.mark.parametrize("name", [name for name in MADE if name not in FREE])
def test_another_way_of_asking_has_another_name(name: str) -> None:
    """Arguments that are not the default stand in the name, and make the same instrument again."""
    instrument = load_instrument(name)
    assert instrument.name == name
    if hasattr(instrument, "mode"):
        other = load_instrument(f"{name}?mode=letter")
        assert other.name == f"{name}?mode=letter" and load_instrument(other.name) == other


@pytest.mark.parametrize("name", MADE)
def test_an_instrument_is_one_short_file_and_a_page(name: str) -> None:
    """Whoever adds one writes at most 150 lines of code, a folder of items, a page and a row in the list of pages."""
    made = load_instrument(name)
    path = Path(inspect.getsourcefile(type(made)) or "")
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 150, path.name
    docs = Path(__file__).resolve().parents[2] / "docs" / "instruments"
    if docs.is_dir():
        assert f"`{name}`" in (docs / "index.md").read_text(encoding="utf-8")
