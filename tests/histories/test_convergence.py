"""Do instruments agree over the steps of a history? Planted agreement is found, noise is not."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.core.answers import Floats
from progressgym.core.dimensions import DIMENSIONS
from progressgym.histories.history import History
from progressgym.histories.series import Series, half_series, stored_series
from progressgym.histories.validity.convergence import Agreement, convergence, overall
from progressgym.instruments.protocol import Question

LABELS = tuple(f"C{n:03}" for n in range(9))


def series(name: str, on19: Floats, labels: tuple[str, ...] = LABELS) -> Series:
    return Series(
        instrument=name,
        labels=labels,
        dimensions=DIMENSIONS,
        values=on19,
        interval=np.stack([on19, on19]),
        unfit=({},) * len(labels),
        on19=on19,
    )


def test_instruments_that_read_the_same_agree_and_noise_does_not() -> None:
    rng = np.random.default_rng(0)
    path = rng.normal(size=(9, 19)).cumsum(0)
    partly = 3.0 * path + 0.5 * rng.normal(size=path.shape)
    partly[:, 10:] = np.nan
    noise = rng.normal(size=path.shape).cumsum(0)
    pairs = {
        (one.first, one.second): one
        for one in convergence([series("a", path), series("b", partly), series("c", noise)])
    }
    agreed, chance = pairs["a", "b"], pairs["a", "c"]
    assert agreed.traits == 10 and agreed.convergent > 0.9 and abs(agreed.discriminant) < 0.3 and agreed.p < 0.01
    assert agreed.low > 0.5 and agreed.low < agreed.gain < agreed.high and chance.low < 0.0
    assert chance.traits == 19 and chance.p > 0.05 and abs(chance.convergent) < 0.4


def test_what_cannot_be_compared_is_left_out() -> None:
    path = np.random.default_rng(1).normal(size=(9, 19))
    two = np.where(np.arange(19) < 2, path, np.nan)
    still = np.ones((9, 19))
    later = series("later", path, tuple(f"D{n}" for n in range(9)))
    assert convergence([series("a", path), series("two", two), series("still", still), later]) == []
    short = series("s", path[:2], LABELS[:2])
    assert convergence([short, short]) == []
    gap = path.copy()
    gap[3, :4] = np.nan
    assert convergence([series("a", path), series("gap", gap)])[0].traits == 15
    assert convergence([series("a", path), series("a2", path)])[0].convergent == pytest.approx(1.0)


def test_over_all_pairs_common_trends_are_no_agreement_and_common_traits_are() -> None:
    rng = np.random.default_rng(2)
    path = rng.normal(size=(9, 19)).cumsum(0)
    rising = [series(name, np.arange(9.0)[:, None] + 0.3 * rng.normal(size=(9, 19))) for name in "abc"]
    same = [series(name, path + 0.5 * rng.normal(size=path.shape)) for name in "abc"]
    trend, traits = overall(rising), overall(same)
    assert trend.status == "FAIL" and min(pair["convergent"] for pair in trend.detail["pairs"]) > 0.8
    assert traits.status == "pass" and traits.value == pytest.approx(
        np.mean([pair["gain"] for pair in traits.detail["pairs"]])
    )
    assert len(traits.detail["pairs"]) == 3 and overall(same[:1]).status == "skipped"


def test_p_of_noise_is_as_small_as_it_says_also_where_pairs_share_an_instrument() -> None:
    rng = np.random.default_rng(3)
    reached = [overall([series(name, rng.normal(size=(9, 19)).cumsum(0)) for name in "abc"]).p for _ in range(20)]
    assert sum(p is not None and p < 0.1 for p in reached) <= 7  # binomial(20, .1): more in one of two thousand


def test_instruments_that_share_a_question_are_not_paired() -> None:
    path = np.random.default_rng(4).normal(size=(9, 19))
    own, other = (Question(id="q", prompt=text, options=("a", "b")) for text in ("one", "another"))
    pair = [series("a", path), series("b", path)]
    assert convergence(pair, {"a": [own, other], "b": [own]}) == []
    assert len(convergence(pair, {"a": [own], "b": [other]})) == 1


def test_a_trait_drawn_twice_is_not_its_own_other() -> None:
    """Two methods that are one: every trait agrees with itself, and with no other, however often it is drawn."""
    orthogonal = np.linalg.qr(np.random.default_rng(5).normal(size=(30, 19)))[0]
    centred = np.linalg.qr(orthogonal - orthogonal.mean(0))[0]
    labels = tuple(f"C{n:03}" for n in range(30))
    one: Agreement = convergence([series("a", centred, labels), series("b", centred, labels)])[0]
    assert one.gain == pytest.approx(1.0) and one.low == pytest.approx(1.0) and one.high == pytest.approx(1.0)


def test_halves_of_people_agree_over_fifty_years() -> None:
    history = History.load("gss-v1")
    halves = half_series(history)
    whole = stored_series(history)
    masses = [np.isfinite(half.values).all(0) for half in halves]
    assert [half.instrument for half in halves] == ["people-core-v1 A", "people-core-v1 B"]
    assert (masses[0] == np.isfinite(whole.values).all(0)).all()
    one = convergence(halves)[0]
    assert one.traits == 11 and one.low > 0 and one.p < 0.01
    assert half_series(History.load("gss-annual-v1")) == []
