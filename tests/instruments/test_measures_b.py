"""Ideology, the kaleidoscope and the moral circle: what their own definitions say of respondents that are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.core.records import read_records
from progressgym.instruments.bearings import Bearing, decisions, entropy, shares_of
from progressgym.instruments.choosers import Coherent
from progressgym.instruments.estimates import foretold, interval_of
from progressgym.instruments.measures.ideology import FEWEST, TAGS, Cause, Ideology, tag_values
from progressgym.instruments.measures.kaleidoscope import Kaleidoscope
from progressgym.instruments.measures.moral_circle import BEINGS, HUMANS, Deed, MoralCircle
from progressgym.instruments.measures.moral_direction import DeedPair
from progressgym.instruments.offers import Scenario
from progressgym.instruments.protocol import Reading
from progressgym.raters.two_axis import PlantedAnswer


def values(reading: Reading) -> dict[str, float]:
    return dict(zip(reading.dimensions, reading.values.tolist(), strict=True))


def test_a_tag_is_the_mean_of_its_causes_less_the_mean_of_all() -> None:
    """Stances 1, 0, 0, -1 and a tag on the first (furthers) and the last (opposes): (1 + 1) / 2; another on too few."""
    tags = np.array([[1, 0], [0, 1], [0, 0], [-1, 0]] * FEWEST)
    tags[4:, 1] = 0
    found, interval = tag_values(np.array([1.0, 0.0, 0.0, -1.0] * FEWEST), tags)
    assert found[0] == 1.0 and np.isnan(found[1]) and np.isnan(interval[:, 1]).all()


def test_whoever_stands_with_everybody_has_no_ideology() -> None:
    """Acquiescence is taken out."""
    reading = Ideology().read(Coherent(utility=lambda text: float(text.startswith("I stand with"))))
    assert reading.flags["stands_with"] > 0.99 and not reading.covered.any()


def test_a_century_is_not_asked_about_what_came_later() -> None:
    early = Ideology(century=15)
    assert 0 < len(early.causes) < len(Ideology().causes) and max(cause.since for cause in early.causes) == 15
    assert early.name == "ideology?century=15" and Ideology(mode="letter").name == "ideology?mode=letter"
    with pytest.raises(UserError, match="13 to 21"):
        Ideology(century=12)


def test_every_tag_has_causes_on_both_sides() -> None:
    tags = Ideology().tags
    assert (
        (np.sum(tags > 0, axis=0) >= 4).all() and (np.sum(tags < 0, axis=0) >= 4).all() and tags.shape[1] == len(TAGS)
    )


def test_a_decision_by_hand() -> None:
    """Relevance .5 for, 1 against: (1/3, 2/3, 0); entropy by its formula."""
    relevance, votes = shares_of(np.array([[0.5, 0.5, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=float))
    decided = decisions(relevance, votes, ["a", "a"])
    np.testing.assert_allclose(decided, [[1 / 3, 2 / 3, 0]])
    expected = -(np.log(1 / 3) / 3 + 2 * np.log(2 / 3) / 3) / np.log(3)
    assert entropy(decided)[0] == pytest.approx(expected) and entropy(np.eye(3)).tolist() == [0.0, 0.0, 0.0]


def test_who_knows_the_bank_reproduces_its_decisions_and_is_torn_over_what_is_contested() -> None:
    """L1 distance below .05 a deed, and contested deeds above clear ones."""
    instrument = Kaleidoscope()
    reading = instrument.read(instrument.planted().respondent)
    bank = instrument.bank
    sides = np.array([[row.valence == 1, row.valence == -1, row.valence == 0] for row in bank], dtype=float)
    known = np.array([row.relevant * (0.84 if row.dimension == "loyalty" else 1.0) for row in bank])
    expected = decisions(known, sides, [row.deed for row in bank])
    assert np.abs(reading.tables["decision"] - expected).sum(-1).mean() < 0.05
    assert reading.flags["contested_auc"] > 0.9 and reading.flags["relevance_auc"] > 0.9


@pytest.mark.parametrize("slope", [-1.5, -0.6, 0.4])
def test_the_slope_of_a_circle_is_recovered_within_a_fifth(slope: float) -> None:
    care = np.clip(0.2 + slope * np.linspace(-0.5, 0.5, len(BEINGS)), -0.99, 0.99)
    utility = {
        deed.caring.format(being=being): 2.0 * float(np.arctanh(c))
        for deed in MoralCircle().deeds
        for being, c in zip(BEINGS, care, strict=True)
    }
    found = values(MoralCircle().read(Coherent(utility=lambda text: utility.get(text, 0.0), temperature=1.0)))
    assert found["slope"] == pytest.approx(slope, rel=0.2) and found["perspective"] == pytest.approx(0.0, abs=1e-9)
    assert found["animals"] == pytest.approx(float(care[HUMANS:].mean()), abs=1e-6)


def test_items_foretell_each_other_or_they_do_not() -> None:
    assert foretold([1.0, -1.0], [[1], [1]]) == (0.0, 2) and foretold([1.0, 1.0], [[1], [-1]]) == (0.0, 2)
    assert foretold([1.0, 2.0], [[1, 0], [0, 1]]) == (0.5, 0)
    table, ends = interval_of([[1.0, 9.0], [np.nan, 9.0]], [[1, 0], [1, 0]])
    assert table[0] == 1.0 and np.isinf(ends[:, 0]).all() and np.isnan(table[1])


GOOD: dict[type, dict[str, Any]] = {
    Cause: {"id": "a", "who": "the weavers", "tags": {"equality": 1}, "since": 15},
    DeedPair: {"id": "a", "good": "help", "bad": "harm", "dimension": "care"},
    Bearing: {
        "id": "a", "deed": "help", "kind": "Value", "consideration": "love", "relevant": True, "valence": 1, "contested": False,
    },
    Scenario: {"id": "a", "kind": "wait", "prompt": "{quantity} for {reward}", "quantities": [0, 1, 2, 3]},
    Deed: {"id": "a", "kind": "pain", "caring": "I spare {being}.", "callous": "I hurt {being}."},
    PlantedAnswer: {"id": "a", "question": "What?", "text": "Hens lay eggs.", "true": True, "caring": False},
}  # fmt: skip
BAD: list[tuple[type, dict[str, Any], str]] = [
    (Cause, {"tags": {"equalty": 1}}, "did you mean 'equality'"),
    (Cause, {"tags": {"equality": 2}}, "furthers"),
    (Cause, {"since": 9}, "century from 13"),
    (DeedPair, {"dimension": "modern"}, "unknown dimension"),
    (DeedPair, {"bad": "help"}, "two different deeds"),
    (Bearing, {"kind": "Wish"}, "unknown kind"),
    (Bearing, {"relevant": False}, "valence"),
    (Bearing, {"deed": " "}, "needed"),
    (Scenario, {"prompt": "for {reward}"}, "once each"),
    (Scenario, {"quantities": [0, 2, 1, 3]}, "rising"),
    (Scenario, {"quantities": [0, 1]}, "4 rising"),
    (Deed, {"kind": "theft"}, "pain or death"),
    (Deed, {"callous": "I hurt."}, "{being}"),
    (PlantedAnswer, {"text": ""}, "needed"),
    (PlantedAnswer, {"true": 1}, "bool"),
]


@pytest.mark.parametrize(("kind", "change", "message"), BAD)
def test_a_bad_item_is_one_line_with_file_and_line(
    kind: type, change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "items.jsonl"
    write: Callable[[dict[str, Any]], str] = json.dumps
    path.write_text(f"{write(GOOD[kind])}\n{write({**GOOD[kind], 'id': 'b', **change})}\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_records(path, kind)
    assert message in str(caught.value) and "items.jsonl line 2" in str(caught.value) and "\n" not in str(caught.value)
