"""Considerations: the shipped sentences, and how an item's are chosen."""

from __future__ import annotations

import re

import pytest

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.instruments.considerations import PER_TAG, considerations, reasons
from progressgym.instruments.item import Item
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import all_pairs

STEMS = {
    "death": ("death", "dead", "die", "kill"),
    "pain": ("pain",),
    "disable": ("disab",),
    "freedom": ("free",),
    "pleasure": ("pleas",),
    "deceive": ("deceiv", "decei"),
    "cheat": ("cheat",),
    "promise": ("promis",),
    "law": (r"law\b", "lawful"),
    "duty": ("duty", "duti"),
    "care": (r"car(e|es|ing)\b",),
    "fairness": ("fair",),
    "loyalty": ("loyal",),
    "authority": ("authorit",),
    "purity": (r"pur(e|ity)\b",),
    "traditional": ("tradition",),
    "modern": ("modern",),
    "postmodern": ("modern",),
    "integrated": ("integrat",),
}


def test_the_sentences() -> None:
    """Four a tag, one line each, none twice, none names its dimension."""
    table = reasons()
    assert set(table) == {(dimension, sign) for dimension in DIMENSIONS for sign in (1, -1)}
    sentences = [text for texts in table.values() for text in texts]
    assert len(sentences) == len(set(sentences)) == 2 * PER_TAG * len(DIMENSIONS)
    for (dimension, _), texts in table.items():
        for text in texts:
            assert len(text) <= 80 and text.endswith(".") and "\n" not in text
            assert not any(re.search(rf"\b{stem}", text.lower()) for stem in STEMS[dimension]), text


def test_options_take_turns_and_tags_come_round() -> None:
    """Three tags: one reason each, options in turn, then second ones."""
    item = Item(
        id="x",
        main="promise",
        text="I said I would come.",
        options=("I go.", "I stay."),
        tags=({"promise": 1}, {"promise": -1, "pleasure": 1}),
    )
    found = considerations(item, 0, 1, 5)
    assert [(c.option, c.dimension, c.sign) for c in found] == [
        (0, "promise", 1),
        (1, "promise", -1),
        (1, "pleasure", 1),
        (0, "promise", 1),
        (1, "promise", -1),
    ]
    assert found[0].text != found[3].text
    with pytest.raises(UserError, match=r"3 tags, enough for 12 considerations; 13 are needed"):
        considerations(item, 0, 1, 13)


def test_every_shipped_dilemma_has_eight_different_ones_for_both_options() -> None:
    instrument = Questionnaire.load("moral19-v1")
    for i, a, b in all_pairs(instrument, range(len(instrument))).tolist():
        found = considerations(instrument.items[i], a, b)
        assert len({(c.option, c.text) for c in found}) == 8
        assert {c.option for c in found} == {a, b}
        for c in found:
            assert instrument.items[i].tags[c.option][c.dimension] == c.sign
