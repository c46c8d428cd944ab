"""The tags of `people-v1` point the way in which liberal and conservative people differ; a turned tag is found."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from progressgym import Instrument
from progressgym.histories.history import shipped_folder
from progressgym.histories.signs import SIGNIFICANT, sign_faults, sign_scores
from progressgym.histories.survey_files import read_groups, read_questions

GSS = Path(shipped_folder("gss-v1")).parents[1] / "surveys" / "gss"
GROUPS = read_groups(GSS / "leanings.csv", read_questions(GSS / "items.csv"))
SCORES = sign_scores(Instrument.load("people-v1"), GROUPS)
TELLING = sorted({item for (item, _), z in SCORES.items() if z > SIGNIFICANT})
"""Items on which the two groups differ significantly: only there a turned pole can be seen."""


def turned(instrument: Instrument, item: str) -> Instrument:
    """The instrument with all tags of one item negated."""
    items = tuple(
        replace(one, tags=tuple({d: -tag for d, tag in tags.items()} for tags in one.tags)) if one.id == item else one
        for one in instrument.items
    )
    return replace(instrument, items=items)


@pytest.mark.parametrize("name", ["people-v1", "people-core-v1"])
def test_no_item_is_against_its_pole(name: str) -> None:
    assert sign_faults(Instrument.load(name), GROUPS) == []


def test_most_items_can_be_told() -> None:
    assert len(GROUPS) == 68 and len(TELLING) >= 58
    assert "prayer" in TELLING


@pytest.mark.parametrize("item", TELLING)
def test_a_turned_item_fails_and_is_named(item: str) -> None:
    faults = sign_faults(turned(Instrument.load("people-v1"), item), GROUPS)
    assert {fault.item for fault in faults} == {item}
    assert repr(item) in str(faults[0]) and "against its pole" in str(faults[0])


def test_every_item_has_a_pole_that_is_checked_where_it_was_asked() -> None:
    assert {item for item, _ in SCORES} == set(GROUPS)


def test_counts_of_leanings_come_from_the_panel(tmp_path: Path) -> None:
    shared = Path(os.environ.get("PROGRESSGYM_SHARED", ""))
    if not (shared / "real" / "gss-panel" / "panel06.csv.gz").is_file():
        pytest.skip("the panel is not at hand; set PROGRESSGYM_SHARED to the folder that holds real/gss-panel")
    from tests.research.loading import script

    assert script("leanings").main(["--out", str(tmp_path / "leanings.csv")]) == 0
    assert (tmp_path / "leanings.csv").read_bytes() == (GSS / "leanings.csv").read_bytes()


def test_known_score() -> None:
    instrument = Instrument.load("people-v1")
    groups = {"cappun": {"liberal": (50, 50), "conservative": (25, 75)}}
    item = instrument.items[[i.id for i in instrument.items].index("cappun")]
    scores = sign_scores(instrument, groups)
    sign = item.tags[0]["death"]
    expected = sign * 0.5 / np.sqrt(4 * (0.25 + 0.1875) / 100)
    assert scores["cappun", "death"] == pytest.approx(expected)
    assert scores["cappun", "law"] == pytest.approx(expected)
