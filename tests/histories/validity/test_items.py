"""The item report: an item that goes the other way, one without room, one that never moves, and the form of options."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from progressgym.core.answers import Floats
from progressgym.core.errors import UserError
from progressgym.histories.validity.items import form_checks, item_rows
from progressgym.instruments.item import Item
from progressgym.instruments.questionnaire import Questionnaire


def item(number: int, first: str = "I go.", second: str = "I stay.") -> Item:
    return Item(
        id=f"i{number}",
        main="promise",
        text=f"I said that I would come {'again ' * number}at eight.",
        options=(first, second),
        tags=({"promise": 1}, {"promise": -1}),
    )


def questionnaire(items: list[Item]) -> Questionnaire:
    return Questionnaire.from_items(items, name="few")


def answers(shares: Floats) -> Floats:
    """(1, T, N, 2) of the upholding shares (T, N)."""
    return np.stack([shares, 1 - shares], -1)[None]


def test_items_that_fail_are_named_with_the_reason() -> None:
    """Upholding shares over 5 steps: .3 ... .7, the same, its mirror image, always .99, always .6."""
    rise = np.linspace(0.3, 0.7, 5)
    table = np.stack([rise, rise, rise, 1 - rise, np.full(5, 0.99), np.full(5, 0.6)], -1)
    rows = item_rows(answers(table), questionnaire([item(n) for n in range(6)]))
    assert [row.fails for row in rows] == [
        (),
        (),
        (),
        ("against its dimension",),
        ("hardly moves", "no room"),
        ("hardly moves",),
    ]
    assert rows[0].drift == pytest.approx(0.8) and rows[3].drift == pytest.approx(-0.8)
    assert rows[0].difficulty == pytest.approx(0.0) and rows[5].difficulty == pytest.approx(0.2)
    assert rows[0].agreement == pytest.approx(1.0) and rows[3].agreement == pytest.approx(-1.0)


def test_agreement_is_across_seeds() -> None:
    """In the second seed everything falls: an item agrees with nothing that another seed shows."""
    rise = np.linspace(0.3, 0.7, 5)[:, None].repeat(4, 1)
    both = np.concatenate([answers(rise), answers(1 - rise)])
    rows = item_rows(both, questionnaire([item(n) for n in range(4)]))
    assert all(row.agreement == pytest.approx(-1.0) for row in rows)


def test_a_respondent_that_takes_the_longer_option_is_found_out() -> None:
    rng = np.random.default_rng(0)
    longer = rng.random(40) < 0.5
    items = [
        item(n, *(("I go there now.", "I stay.") if long else ("I go.", "I stay here now.")))
        for n, long in enumerate(longer)
    ]
    shares = np.where(longer, 0.8, 0.2) + 0.02 * rng.normal(size=(5, 40))
    checks = {form.what: form for form in form_checks(item_rows(answers(shares), questionnaire(items)))}
    assert checks["length in words and choice"].low > 0.9 and checks["length in words and choice"].p < 0.01
    assert checks["length in words and drift"].p > 0.05


def test_what_cannot_be_told_is_empty_or_refused() -> None:
    items = [replace(item(0), id="alone", main="care", tags=({"care": 1}, {"care": -1})), item(1), item(2)]
    table = np.linspace(0.3, 0.7, 5)[:, None].repeat(3, 1)
    assert item_rows(answers(table), questionnaire(items))[0].agreement is None
    with pytest.raises(UserError, match="4 steps or more"):
        item_rows(answers(table[:3]), questionnaire(items))
    table[2, 1] = np.nan
    with pytest.raises(UserError, match="every item was asked"):
        item_rows(answers(table), questionnaire(items))
