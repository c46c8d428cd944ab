"""Which norms of a history drifted, and the command that says it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from progressgym import History
from progressgym.cli.main import dispatch
from progressgym.core.errors import UserError
from progressgym.histories.norms import norm_scores
from progressgym.instruments import Instrument, Item


def invented(answers: list[list[float]], people: float | None = None) -> History:
    """Two items of two options, the first one about care, the second weighing several; P(first option) by step."""
    items = [
        Item(id="care", main="care", text="T.", options=("a", "b"), tags=({"care": 1}, {"care": -1})),
        Item(id="mixed", main="several", text="T.", options=("c", "d"), tags=({"care": 1}, {"law": 1})),
    ]
    first = np.array(answers)
    table = np.stack([first, 1 - first], axis=-1).astype(np.float32)
    return History(
        name="invented",
        labels=tuple(f"s{n}" for n in range(len(first))),
        answers=table,
        instrument=Instrument.from_items(items, name="two"),
        people=None if people is None else np.full(first.shape, people, dtype=np.float32),
    )


def test_scores_and_their_errors_by_hand() -> None:
    measured = norm_scores(invented([[0.2, 0.5], [0.4, 0.5], [0.6, 0.5], [0.8, 0.5]], people=100.0))
    assert measured.names == measured.mains == ("care",), "an item that weighs several dimensions has no score"
    np.testing.assert_allclose(measured.scores[:, 0], [-0.6, -0.2, 0.2, 0.6], atol=1e-6)
    assert measured.errors is not None
    np.testing.assert_allclose(measured.errors[:, 0], 2 * np.sqrt(np.array([0.16, 0.24, 0.24, 0.16]) / 100), rtol=1e-5)
    drift = measured.drift()
    assert drift.up == ("care",) and drift.change[0] == pytest.approx(1.2, abs=1e-6)


def test_shares_of_none_and_all_have_an_error_too() -> None:
    measured = norm_scores(invented([[0.0, 0.5], [0.0, 0.5], [1.0, 0.5], [1.0, 0.5]], people=50.0))
    assert measured.errors is not None and (measured.errors > 0).all()


def test_few_steps_are_refused() -> None:
    with pytest.raises(UserError, match="a drift needs 4"):
        norm_scores(invented([[0.2, 0.5], [0.4, 0.5]]))


def test_the_command_says_what_drifted(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["history", "norms", "gss-v1", "--movers", "2"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1] == "14 of 37 items up, 13 down, at a false discovery rate of 5 %"  # the page's
    assert [line.split()[0] for line in out[2:]] == ["homosex", "grass"]
    assert dispatch(["history", "norms", "gss-annual-v1", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (len(record["up"]), len(record["down"]), len(record["items"])) == (40, 23, 74)
    with pytest.raises(UserError, match="movers is -1"):
        dispatch(["history", "norms", "gss-v1", "--movers", "-1"])
