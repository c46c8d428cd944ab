"""Utilities of comparisons, what they are worth in dollars, and who has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from progressgym.core.errors import UserError
from progressgym.core.records import read_records
from progressgym.instruments import Coherent, Question, ask
from progressgym.instruments.ask import joined
from progressgym.instruments.choosers import Cyclic
from progressgym.instruments.exchange import Outcome, discount_rate, goods_values
from progressgym.instruments.fitness import incoherent
from progressgym.instruments.measures.utilities import HELD_OUT, UtilitiesInstrument
from progressgym.instruments.respondents import FirstPosition, RandomRespondent
from progressgym.instruments.thurstonian import (
    Comparisons,
    Ints,
    compare,
    fit_utilities,
    next_pairs,
    ring_pairs,
    triad_pairs,
)
from tests.instruments.emergent_values import OUTCOMES, outcomes


def elicit(respondent: object, texts: list[str], *, total: int) -> Comparisons:
    """Compare real texts."""

    def shares(pairs: Ints) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        asked = [Question(id=str(n), prompt="?", options=(texts[a], texts[b])) for n, (a, b) in enumerate(pairs)]
        return ask(respondent, asked).answers[:, 0]  # type: ignore[arg-type]

    rings = ring_pairs(len(texts), 2, 0)
    held = triad_pairs(len(texts), 50, 0, rings)
    return compare(shares, rings, held, len(texts), total=total, batch=100, seed=0)


def test_seventeen_amounts_of_dollars_rise_strictly() -> None:
    instrument = UtilitiesInstrument()
    reading = instrument.read(instrument.planted().respondent)
    money = [u for o, u in zip(instrument.outcomes, reading.tables["utilities"], strict=True) if o.good == "money"]
    amounts = [o.amount for o in instrument.outcomes if o.good == "money"]
    assert len(money) == 17 and amounts == sorted(amounts) and (amounts[0], amounts[-1]) == (1, 1e8)
    assert (np.diff(money) > 0).all()
    assert reading.flags["held_out_accuracy"] > 0.9 and reading.flags["cycles"] < 0.05
    near, far = (reading.values[reading.dimensions.index(name)] for name in ("near", "far"))
    assert 10 ** (near - far) == pytest.approx(5.0, rel=0.1), "five children far away for one at home"


def test_forty_things_by_425_comparisons() -> None:
    """The fit of the paper's size: recovered to .99, and nobody without a utility passes the gate."""
    rng = np.random.default_rng(0)
    texts = [f"Thing {n}." for n in range(40)]
    utility = dict(zip(texts, rng.normal(size=40), strict=True))
    made = elicit(Coherent(utility=utility.__getitem__, temperature=0.3), texts, total=425)
    assert len(made.pairs) == 425 and len({frozenset(pair) for pair in made.pairs.tolist()}) == 425
    assert np.corrcoef(made.fitted.mean, list(utility.values()))[0, 1] > 0.99
    assert made.accuracy > 0.92 and made.cycles() < 0.05 and made.cycles(sampled=True) < 0.1
    for nobody in (RandomRespondent(0), RandomRespondent(1), FirstPosition(), Cyclic(circle=texts)):
        nothing = elicit(nobody, texts, total=425)
        assert incoherent(accuracy=nothing.accuracy, count=150, cycles=nothing.cycles()), nobody.name
        assert 0.2 < nothing.cycles(sampled=True) < 0.3


@pytest.mark.skipif(OUTCOMES is None, reason="the paper's outcomes are not here")
def test_the_papers_own_outcomes() -> None:
    """34 amounts given and owed and 27 possessions in the authors' wording."""
    texts, dollars = outcomes()
    given_money = {text: np.sign(d) * np.log1p(abs(d)) for text, d in dollars.items()}
    utility = {text: given_money.get(text, 3.0 + len(text) / 50.0) for text in texts}
    made = elicit(Coherent(utility=utility.__getitem__, temperature=1.0), texts, total=724)  # 2 M log2 M
    paid = [made.fitted.mean[texts.index(text)] for text, d in dollars.items() if d > 0]
    owed = [made.fitted.mean[texts.index(text)] for text, d in dollars.items() if d < 0]
    assert len(paid) == len(owed) == 17 and (np.diff(paid) > 0).all() and (np.diff(owed) < 0).all()
    assert made.accuracy > 0.92


@settings(max_examples=15, deadline=None)
@given(st.integers(3, 12), st.integers(0, 99))
def test_a_fit_of_all_pairs_is_the_utility(count: int, seed: int) -> None:
    mean = np.random.default_rng(seed).normal(size=count)
    mean = (mean - mean.mean()) / mean.std()
    pairs = np.stack(np.triu_indices(count, 1), axis=1)
    fitted = fit_utilities(pairs, ndtr(mean[pairs[:, 0]] - mean[pairs[:, 1]]), count)
    np.testing.assert_allclose(fitted.mean, mean, atol=0.08)
    turned = fit_utilities(pairs[:, ::-1], 1 - ndtr(mean[pairs[:, 0]] - mean[pairs[:, 1]]), count)
    np.testing.assert_allclose(turned.mean, fitted.mean, atol=1e-4)


def test_the_next_pairs_are_new_near_and_seldom_compared() -> None:
    asked = ring_pairs(30, 2, 0)
    fitted = fit_utilities(asked, ndtr((asked[:, 0] - asked[:, 1]) / 3.0), 30)
    more = next_pairs(fitted, asked, 20, 0)
    assert len(more) == 20 and not {frozenset(p) for p in more.tolist()} & {frozenset(p) for p in asked.tolist()}
    assert np.abs(np.diff(more)).mean() < 8, "neighbours in worth"
    assert len(next_pairs(fitted, asked, 10_000, 0)) == 30 * 29 // 2 - 60


def test_dollars_and_waiting() -> None:
    amounts = np.array([1.0, 10, 100, np.nan, np.nan, np.nan])
    dollars = np.array([np.nan, np.nan, np.nan, 1.0, 1e3, 1e6])
    worth = np.where(np.isnan(amounts), 0.3 * np.log(dollars), 0.3 * np.log(20 * amounts))
    values = goods_values(worth, {"money": dollars, "lives": amounts}, "money")
    assert 10 ** values["lives"] == pytest.approx(20.0) and values["money"] == pytest.approx(0.3 * np.log(10))
    assert np.isnan(goods_values(-worth, {"money": dollars, "lives": amounts}, "money")["lives"])
    times, years = np.meshgrid([1.0, 2.0, 5.0], [0.5, 1.0, 10.0])
    shares = 1 / (1 + np.exp(-2.0 * (np.log(times) - 0.07 * years)))
    scale, rate = discount_rate(times.ravel(), years.ravel(), shares.ravel())
    assert scale == pytest.approx(2.0, rel=0.01) and rate == pytest.approx(0.07, rel=0.01)


def test_rounds_are_joined_as_if_asked_at_once() -> None:
    questions = [Question(id=str(n), prompt="?", options=(f"{n}", "x", "y")[: 2 + n % 2]) for n in range(6)]
    whole = ask(RandomRespondent(0), questions)
    parts = joined([ask(RandomRespondent(0), questions[:1]), ask(RandomRespondent(0), questions[1:])])
    np.testing.assert_array_equal(parts.answers, whole.answers)
    np.testing.assert_array_equal(parts.mask, whole.mask)
    np.testing.assert_array_equal(parts.tables["order_answers"], whole.tables["order_answers"])
    assert parts.flags == pytest.approx(whole.flags)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"id": "a", "text": " ", "good": "money", "amount": 1}', "needs a text"),
        ('{"id": "a", "text": "A.", "good": "money", "amount": 0}', "an amount above 0"),
        ('{"id": "a", "text": "A.", "dimension": "care", "tag": 2}', "a tag of -1 or 1"),
        ('{"id": "a", "text": "A.", "dimension": "kindness", "tag": 1}', "kindness"),
        ('{"id": "a", "text": "A."}', "either a good or a dimension"),
    ],
)
def test_bad_outcomes_are_one_line(tmp_path: Path, line: str, why: str) -> None:
    (tmp_path / "items.jsonl").write_text(line + "\n")
    with pytest.raises(UserError, match=f"items.jsonl line 1.*{why}"):
        read_records(tmp_path / "items.jsonl", Outcome)
    assert HELD_OUT >= 150
