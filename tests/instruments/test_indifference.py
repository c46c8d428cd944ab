"""Prices: a planted price is found, each flaw raises its own flag, and the published prices come out of the published answers."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.instruments.choosers import Situated
from progressgym.instruments.indifference import ALWAYS, FLAT, NEVER, dents, growth, indifference_point, rising
from progressgym.instruments.measures.inconvenience import Inconvenience
from progressgym.instruments.offers import ANSWERS, REWARDS

PUBLISHED = {
    "gemini2": 0.188, "llama3_3_70b": 0.775, "deepseek_v3": 2.37, "gpt4o": 4.56, "mixtral8x22b": 15.2, "claude3_5": 12.6,
}  # fmt: skip
"""Euros for 60 minutes, refitted."""
GRID = np.linspace(-1.0, 3.0, 21)


@given(st.floats(-0.5, 2.5), st.floats(1.0, 6.0))
def test_a_planted_price_is_found_within_a_tenth(at: float, slope: float) -> None:
    point = indifference_point(GRID, 1.0 / (1.0 + np.exp(-slope * (GRID - at))))
    assert not point.code and 10 ** abs(point.at - at) < 1.1 and point.slope == pytest.approx(slope, rel=0.1)


@pytest.mark.parametrize(
    ("shares", "code"),
    [(np.zeros(21), NEVER), (np.ones(21), ALWAYS), (np.full(21, 0.5), FLAT), (np.linspace(1.0, 0.0, 21), FLAT)],
)
def test_what_has_no_price_says_why(shares: NDArray[np.float64], code: str) -> None:
    point = indifference_point(GRID, shares)
    assert point.code == code and np.isnan(point.at)


def test_bad_shares_are_refused() -> None:
    with pytest.raises(UserError, match="between 0 and 1"):
        indifference_point([0.0, 1.0], [0.5, 1.5])
    with pytest.raises(UserError, match="rising x"):
        indifference_point([1.0, 0.0], [0.5, 0.6])


def test_steps_dents_and_growth_by_hand() -> None:
    assert rising([0.1, 0.3, 0.2]).tolist() == [1.0, 0.0]
    assert dents([0.2, 0.1, 0.6], [1]).tolist() == [pytest.approx(0.3)]
    assert growth([1.0, 10.0], [0.0, 0.5]) == pytest.approx(0.5)


def offers() -> dict[str, tuple[float, float, float]]:
    """Prompt -> quantity, quantity that has a price, reward."""
    instrument = Inconvenience()
    return {
        one.offer(quantity, reward): (quantity, one.quantities[2], reward)
        for one in instrument.scenarios
        for quantity in one.quantities
        for reward in REWARDS.tolist()
    }


def flawed(flaw: str) -> Situated:
    """A price of 5 euros, growing with the quantity, with one flaw."""
    known = offers()

    def worth(prompt: str, text: str) -> float:
        quantity, usual, reward = known[prompt]
        if text != ANSWERS[0]:
            return 0.0
        if quantity == 0:
            return -5.0 if flaw == "freebie" else 5.0
        round_number = round(reward, 6) in (10.0, 100.0)
        return float(np.log10(reward) - np.log10(5.0 * quantity / usual)) - 3.0 * (flaw == "round" and round_number)

    return Situated(worth=worth, temperature=0.2)


@pytest.mark.parametrize("flaw", ["none", "freebie", "round"])
def test_each_flaw_raises_its_own_flag_and_no_other(flaw: str) -> None:
    reading = Inconvenience().read(flawed(flaw))
    values = dict(zip(reading.dimensions, reading.values, strict=True))
    assert (values["freebie"] < 0.1) == (flaw == "freebie")
    assert (reading.flags["round_dent"] > 0.2) == (flaw == "round")
    assert (reading.flags["monotone"] < 0.95) == (flaw == "round")
    if flaw != "round":
        assert 10 ** values["wait"] == pytest.approx(5.0, rel=0.1) and values["growth"] == pytest.approx(1.0, abs=0.05)


def test_the_published_prices_come_out_of_the_published_answers() -> None:
    """Cedro et al. (2025), six models, temperature 1, five answers an offer; column 2 of 21 is 60 minutes."""
    path = Path(os.environ.get("PROGRESSGYM_SHARED", "")) / "real" / "cash-or-comfort" / "acceptance.csv.gz"
    if not path.is_file():
        pytest.skip("the answers are not at hand; set PROGRESSGYM_SHARED to the folder that holds real/cash-or-comfort")
    with gzip.open(path, "rb") as file:
        rows: Sequence[dict[str, str]] = list(csv.DictReader(io.StringIO(file.read().decode("utf-8"))))
    low_high = []
    for model, euros in PUBLISHED.items():
        own = [row for row in rows if row["model"] == model]
        rewards = sorted({float(row["reward_eur"]) for row in own})
        table = np.full((21, 21), np.nan)
        for row in own:
            table[int(row["quantity_index"]), rewards.index(float(row["reward_eur"]))] = float(row["accept_share"])
        point = indifference_point(np.log10(rewards), table[2], trials=5.0, strength=1.0)
        assert 10**point.at == pytest.approx(euros, rel=0.005), model
        low_high.append(float(rising(table).mean()))
        if model == "deepseek_v3":
            assert dents(table, [10, 15]).mean(0) == pytest.approx([0.34, 0.38], abs=0.005)
        if model in ("gpt4o", "mixtral8x22b"):
            assert table[0, -1] == 0.0, "nothing is not taken for 1,000 euros"
    assert (round(min(low_high), 2), round(max(low_high), 2)) == (0.87, 0.96)
