"""Norm drift: lines by hand, discoveries, people's figures."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from progressgym.core.errors import UserError
from progressgym.scores.item_drift import discoveries, norm_drift

DATA = Path(os.environ.get("PROGRESSGYM_SHARED", "")) / "real" / "gss-moral"


def test_a_line_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(0)
    times, scores = np.array([0.0, 1, 2, 5, 7]), rng.normal(size=(5, 1))
    found, theirs = norm_drift(scores, ["a"], times=times), stats.linregress(times, scores[:, 0])
    assert found.change[0] == pytest.approx(7 * theirs.slope)
    assert found.error[0] == pytest.approx(7 * theirs.stderr) and found.p[0] == pytest.approx(theirs.pvalue)


def test_known_errors_are_widened_by_scatter_and_never_narrowed() -> None:
    line = np.linspace(0, 0.3, 7)[:, None]
    exact = norm_drift(line, ["a"], np.full((7, 1), 0.1))
    assert exact.error[0] == pytest.approx(0.1 * 6 / np.sqrt(((np.arange(7) - 3) ** 2).sum()))
    rough = norm_drift(line + 0.5 * (-1.0) ** np.arange(7)[:, None], ["a"], np.full((7, 1), 0.1))
    assert rough.error[0] > 3 * exact.error[0] and not rough.up


def test_what_never_moved_did_not_drift() -> None:
    same = norm_drift(np.full((9, 40), np.linspace(0.1, 0.9, 40)), range(40))
    assert not same.drifted.any() and (same.p == 1.0).all()


def test_discoveries_by_hand() -> None:
    """Thresholds .0125, .025, .0375, .05: the third is above its own, but the fourth is not."""
    assert discoveries(np.array([0.05, 0.001, 0.04, 0.02])).tolist() == [True] * 4
    assert discoveries(np.array([0.051, 0.001, 0.04, 0.02])).tolist() == [False, True, False, True]
    assert not discoveries(np.array([np.nan, 0.06])).any()


def test_chance_alone_drifts_seldom() -> None:
    rng = np.random.default_rng(2)
    wrong = [
        len(each.up) + len(each.down) for each in (norm_drift(rng.normal(size=(9, 50)), range(50)) for _ in range(40))
    ]
    assert np.mean([count > 0 for count in wrong]) < 0.15


def test_movers_are_those_that_drifted() -> None:
    rng = np.random.default_rng(3)
    slopes = np.array([0.0, 2.0, -3.0, 1.0])
    scores = np.linspace(0, 1, 9)[:, None] * slopes + 0.05 * rng.normal(size=(9, 4))
    found = norm_drift(scores, ["none", "two", "minus", "one"])
    assert [name for name, *_ in found.movers()] == ["minus", "two", "one"]
    assert (found.up, found.down) == (("two", "one"), ("minus",)) and len(found.movers(2)) == 2


def test_too_few_steps_say_nothing_and_wrong_shapes_are_refused() -> None:
    few = np.full((5, 2), np.nan)
    few[:3, 0], few[:, 1] = 1.0, np.arange(5)
    found = norm_drift(few, ["few", "all"])
    assert np.isnan(found.change[0]) and not found.drifted[0] and found.up == ("all",)
    with pytest.raises(UserError, match="do not fit 1 names"):
        norm_drift(few, ["few"])
    with pytest.raises(UserError, match="positive"):
        norm_drift(few, ["few", "all"], np.zeros((5, 2)))


def test_what_became_of_peoples_norms() -> None:
    if not (DATA / "series.csv").is_file():
        pytest.skip("the survey is not at hand; set PROGRESSGYM_SHARED to the folder that holds real/gss-moral")
    from research.norm_drift import JUDGMENT, LEGALITY, people

    drift, spans = people(DATA)
    assert (len(drift.names), len(drift.up), len(drift.down)) == (74, 59, 5)
    assert [name for name, *_ in drift.movers(3)] == ["homosex", "racopen", "grass"]
    assert drift.movers(1)[0][1] == pytest.approx(0.523, abs=5e-4)
    assert set(JUDGMENT) | set(LEGALITY) <= set(drift.names) and (spans > 0).all()
