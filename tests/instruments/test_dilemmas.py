"""Everyday dilemmas and steerability: arithmetic by hand, the published counts, files that are wrong."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressgym.core.errors import UserError
from progressgym.core.records import read_records
from progressgym.instruments import load_instrument
from progressgym.instruments.choosers import Coherent
from progressgym.instruments.measures.daily_dilemmas import DailyDilemmas, preferences
from progressgym.instruments.measures.dilemmas import (
    THEORIES,
    Dilemma,
    Principle,
    classes,
    shipped_dilemmas,
    shipped_principles,
    shipped_values,
    tags,
)
from progressgym.instruments.measures.steerability import Steerability, steering_difference, steering_share

PUBLISHED = Path(os.environ.get("PROGRESSGYM_SHARED", "")) / "real" / "daily-dilemmas"
needs_published = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="the data are not at hand; set PROGRESSGYM_SHARED to the folder that holds real/"
)


def test_preferences_by_hand() -> None:
    """Class 0 stands on the first deed of both dilemmas, class 1 once on a second, class 2 nowhere."""
    answers = np.array([[0.9, 0.1], [0.6, 0.4]])
    served = np.array([[[1.0, 0, 0], [0, 0, 0]], [[2.0, 0, 0], [0, 1, 0]]])
    values, errors = preferences(answers, served)
    np.testing.assert_allclose(values[:2], [(0.8 + 2 * 0.2) / 3, -0.2])
    assert np.isnan(values[2]) and np.isnan(errors[2]) and np.isinf(errors[1])
    rest = [0.8 - 0.4, 0.4 - 0.8]  # x - v m
    assert errors[0] == pytest.approx((2 / 1 * (rest[0] ** 2 + rest[1] ** 2)) ** 0.5 / 3)


@given(st.integers(0, 10_000))
def test_turning_all_choices_turns_all_preferences(seed: int) -> None:
    answers = np.random.default_rng(seed).dirichlet([1, 1], len(shipped_dilemmas()))
    forth, back = (preferences(table, tags("needs"))[0] for table in (answers, answers[:, ::-1]))
    np.testing.assert_allclose(forth, -back, atol=1e-12)
    assert (np.abs(forth) <= 1).all()


@pytest.mark.parametrize("theory", THEORIES)
def test_every_theory_is_found_and_tells_of_the_foundations(theory: str) -> None:
    instrument = DailyDilemmas(theory=theory)
    given_, reading = instrument.planted(), instrument.read(instrument.planted().respondent)
    assert not reading.unfit
    for name, value in given_.values.items():
        assert reading.values[reading.dimensions.index(name)] == pytest.approx(value, abs=1e-9)
    assert set(reading.on19) == set(classes("foundations"))
    assert reading.to19["traditional"] is None, "traditional values of the survey are another thing"
    assert load_instrument(instrument.name).name == instrument.name


def test_who_loves_one_value_prefers_its_class() -> None:
    """Whatever speaks for honesty is taken; nothing else moves a choice."""
    deeds = [pair for item in shipped_dilemmas() for pair in zip(item.options, item.values, strict=True)]
    honest = {text for text, side in deeds if "honesty" in side}
    assert len(honest) >= 10
    reading = DailyDilemmas(theory="virtues").read(Coherent(utility=lambda text: float(text in honest)))
    found = reading.tables["preferences"]
    assert int(np.nanargmax(found)) == classes("virtues").index("truthfulness") and np.nanmax(found) > 0.4


def test_our_dilemmas_are_even() -> None:
    """Every dilemma decides between foundations, each foundation is as often first as second, each value is used."""
    served = tags("foundations")
    assert (served[:, 0] != served[:, 1]).any(1).all()
    first, second = served.sum(0)
    assert (np.abs(first - second) <= 0.25 * (first + second)).all(), (first, second)
    used = {name for item in shipped_dilemmas() for side in item.values for name in side}
    assert used == set(shipped_values())
    assert len({item.text for item in shipped_dilemmas()}) == len(shipped_dilemmas()) == 64


@pytest.mark.parametrize("principle", shipped_principles(), ids=lambda principle: principle.id)
def test_a_principle_decides_some_dilemmas_on_either_side(principle: Principle) -> None:
    sides = [principle.side(item) for item in shipped_dilemmas()]
    assert sides.count(0) >= 2 and sides.count(1) >= 2
    for item, side in zip(shipped_dilemmas(), sides, strict=True):
        if side is not None:
            assert set(item.values[side]) & set(principle.supports)
            assert not set(item.values[1 - side]) & set(principle.supports)
            assert not set(item.values[side]) & set(principle.opposes)


def test_who_does_not_listen_is_not_steered() -> None:
    """Somebody with values of its own and no ear: fit, and exactly 0."""
    reading = Steerability().read(DailyDilemmas().planted().respondent)
    assert not reading.unfit and reading.flags["ordered"] == 0.0
    np.testing.assert_allclose(reading.values, 0.0, atol=1e-12)
    assert np.abs(reading.tables["bare"]).max() > 0.3


@needs_published
def test_published_counts_are_on_two_scales_and_are_not_mixed() -> None:
    with open(PUBLISHED / "steering_gpt4.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    counts = {
        way: [(float(row[f"{way}_sup"]), float(row[f"{way}_opp"])) for row in rows]
        for way in ("base", "steer_sup", "steer_opp")
    }
    masses = {way: np.array([sum(pair) for pair in pairs]) for way, pairs in counts.items()}
    assert (masses["base"] / masses["steer_sup"]).mean() == pytest.approx(2.17, abs=0.005)
    for base, steered in zip(counts["base"], counts["steer_sup"], strict=True):
        with pytest.raises(UserError, match="not on one scale"):
            steering_difference(base, steered)
    shares = np.array([[steering_share(*pair) for pair in pairs] for pairs in counts.values()])
    np.testing.assert_allclose(shares.mean(1), [0.070, 0.562, 0.444], atol=5e-4)  # the page's
    assert (shares[1] > shares[2]).sum() == 10 and (shares[1] < shares[2]).sum() == 2
    assert ((shares[1] > shares[0]) & (shares[0] > shares[2])).sum() == 2


def test_equal_masses_may_be_compared() -> None:
    assert steering_difference((3.0, 1.0), (1.0, 3.0)) == -4.0
    assert np.isnan(steering_share(0.0, 0.0))


@needs_published
def test_our_classes_against_the_published_ones() -> None:
    with open(PUBLISHED / "values.csv", encoding="utf-8") as file:
        theirs = {row["value"]: row for row in csv.DictReader(file)}
    columns = {"wvs": "WVS", "foundation": "MFT", "virtue": "Virtue", "emotion": "Emotion", "need": "Maslow"}
    named = [value for value in shipped_values().values() if value.name in theirs]
    same = {
        field: sum(getattr(value, field) == theirs[value.name][column].lower() for value in named)
        for field, column in columns.items()
    }
    assert len(named) == 36  # the card's
    assert same == {"wvs": 22, "foundation": 26, "virtue": 27, "emotion": 17, "need": 22}


GOOD = {"id": "x", "text": "She asks.", "options": ["I tell.", "I lie."], "values": [["honesty"], ["security"]]}


def _with(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (_with(id="y", values=[["honesti"], ["security"]]), "items.jsonl line 2: unknown value 'honesti'"),
        (_with(id="y", values=[["honesty"], ["honesty"]]), "line 2: both deeds serve 'honesty'"),
        (_with(id="y", values=[[], ["honesty"]]), "line 2: the two deeds must differ, and each must serve a value"),
        (_with(id="y", options=["I tell.", "I tell."]), "line 2: the two deeds must differ"),
        (_with(id="y", options=["I tell.", " "]), "line 2: a dilemma needs an id, a text and two deeds"),
        (_with(id="y", options=["I tell."]), "line 2: options must be of type"),
        (_with(id="y", options=["I tell."] * 9), "line 2: options must be of type"),
        (_with(), "line 2: id 'x' stands in line 1, too"),
        ({"id": "y"}, "line 2: field 'text' is missing"),
    ],
)
def test_a_wrong_item_is_one_line(tmp_path: Path, second: dict[str, Any], message: str) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(json.dumps(GOOD) + "\n" + json.dumps(second) + "\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_records(file, Dilemma)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("write", [lambda file: file.write_bytes(json.dumps(GOOD).encode("utf-16"))])
def test_another_encoding_is_refused(tmp_path: Path, write: Callable[[Path], Any]) -> None:
    write(tmp_path / "items.jsonl")
    with pytest.raises(UserError, match=r"items\.jsonl"):
        read_records(tmp_path / "items.jsonl", Dilemma)


def test_a_wrong_principle_is_refused() -> None:
    parts = {"id": "x", "text": "Yes.", "against": "No.", "supports": ("honesty",), "opposes": ("security",)}
    Principle(**parts)  # type: ignore[arg-type]
    for changes, message in (
        ({"against": ""}, "its contrary"),
        ({"supports": ("security",)}, "'security' is supported and opposed"),
        ({"opposes": ("safe",)}, "unknown value 'safe'"),
    ):
        with pytest.raises(UserError, match=message):
            Principle(**{**parts, **changes})  # type: ignore[arg-type]
    with pytest.raises(UserError, match="theory"):
        load_instrument("daily-dilemmas-v1?theory=stars")
