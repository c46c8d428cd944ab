"""The figures of docs/gss-v1.md, computed again from the counts; and the study's parts on data made by hand."""

from __future__ import annotations

import json
import os
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest

from progressgym import History
from tests.research.loading import script

people = script("people")
DATA = Path(os.environ.get("PROGRESSGYM_SHARED", "")) / "real" / "gss-moral"
at_hand = pytest.mark.skipif(
    not (DATA / "counts.csv.gz").is_file(),
    reason="the survey is not at hand; set PROGRESSGYM_SHARED to the folder that holds real/gss-moral",
)


read = cache(people.read_people)
"""The counts, which every test of the survey begins with."""


@at_hand
def test_drift_and_sampling_error() -> None:
    found = people.drift(read(DATA))
    assert (found["items"], found["steps"]) == (37, 11)
    assert round(found["rms_change_a_step"], 3) == 0.075
    assert round(found["rms_sampling_error"], 3) == 0.015
    assert round(found["share_beyond_three_errors"], 2) == 0.89
    assert round(found["cosine_first_to_last"], 3) == 0.656


@at_hand
def test_halves_agree_on_the_drift() -> None:
    """Known from an earlier run with other random halvings: .66 [.43, .88], .60 [.46, .69], .41 with `prayer` turned."""
    answers = read(DATA)
    for found, known in (
        (people.split_half(answers), (0.66, 0.43, 0.88)),
        (people.split_half(answers, successive=True), (0.60, 0.46, 0.69)),
    ):
        assert (found["mean"], found["low"], found["high"]) == pytest.approx(known, abs=0.04)
        assert found["mean"] == pytest.approx(known[0], abs=0.02)
    assert people.split_half(people.flipped(answers, "prayer"))["mean"] == pytest.approx(0.41, abs=0.02)


@at_hand
def test_forecast_table_to_two_digits() -> None:
    answers = read(DATA)
    known = {
        "last value": (0.908, 0.776, 0.535),
        "last difference": (0.879, 0.660, 0.218),
        "own trend": (0.857, 0.732, 0.484),
        "damped trend": (0.917, 0.808, 0.596),
        "one drift pooled over all items": (0.918, 0.815, 0.644),
    }
    found = people.forecasts(answers)
    assert list(found) == list(known)
    for rule, numbers in known.items():
        assert found[rule] == pytest.approx(numbers, abs=0.005), rule
    above = people.advantage(answers, people.pooled_drift, people.last_value, resamples=500)
    np.testing.assert_allclose(above, [[0.004, 0.015], [0.013, 0.060], [0.027, 0.160]], atol=0.01)


@at_hand
def test_the_shipped_history_holds_the_same_values(capsys: pytest.CaptureFixture[str]) -> None:
    answers = read(DATA)
    history = History.load("gss-v1")
    assert [item.id for item in history.instrument.items] == list(answers.items)
    # A value of the study is plus minus minus: the first option minus the last one, up to the sign of the pole.
    counts = history.instrument.option_counts
    ends = history.answers[..., 0] - np.take_along_axis(history.answers, counts[None, :, None] - 1, -1)[..., 0]
    np.testing.assert_allclose(np.abs(ends), np.abs(answers.values), atol=1e-5)


def made(values: np.ndarray) -> object:
    return people.People(tuple("abcd"), tuple("xxyy"), values, np.full_like(values, 0.01))


def test_rules_on_lines_and_common_drift() -> None:
    time = np.arange(8.0)[:, None]
    lines = 0.1 + time * np.array([0.01, 0.02, -0.03, 0.04])
    for rule in (people.last_difference, people.own_trend):
        np.testing.assert_allclose(rule(lines[:5], 3), lines[7])
        assert people.skill(lines, rule, 2) == pytest.approx(1.0)
    alike = np.array([0.5, -0.2, 0.1, 0.3]) + 0.05 * time
    np.testing.assert_allclose(people.pooled_drift(alike[:3], 4), alike[6])
    np.testing.assert_allclose(people.damped_trend(np.repeat(alike[:1], 6, 0), 3), alike[0])
    assert people.skill(alike, people.last_value, 1) < people.skill(alike, people.pooled_drift, 1) == pytest.approx(1.0)


def test_halves_of_one_drift_agree_and_a_turned_item_breaks_it() -> None:
    rng = np.random.default_rng(0)
    course = np.cumsum(rng.normal(size=(9, 2)), 0)[:, [0, 0, 1, 1]] * 0.05
    assert people.split_half(made(course), splits=20)["mean"] == pytest.approx(1.0)
    assert people.split_half(people.flipped(made(course), "a"), splits=20)["mean"] < 0.5


def test_without_data_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PROGRESSGYM_SHARED", raising=False)
    assert people.main([]) == 2 and people.main(["--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 2


@at_hand
def test_the_script_prints_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "split_half", partial(people.split_half, splits=20))
    monkeypatch.setattr(people, "advantage", partial(people.advantage, resamples=10))
    assert people.main(["--data", str(DATA)]) == 0
    assert json.loads(capsys.readouterr().out)["drift"]["items"] == 37
