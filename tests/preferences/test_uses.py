"""Best of n, guards, filters, length control and conditions: known answers, and planted ones."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.core.errors import UserError
from progressgym.preferences.conditions import Conditions, Facts, Limits, conditions_of, read_conditions
from progressgym.preferences.length_control import LengthControlled, with_length
from progressgym.preferences.models import BradleyTerry, GeneralPreference, IdealPoint
from progressgym.preferences.pairs import Pairs
from progressgym.preferences.uses import best_of_n, filtered, guarded_best_of_n, worth

torch.set_num_threads(1)
REAL = Path(os.environ.get("PROGRESSGYM_SHARED", "")) / "real"


def linear(*weights: float) -> BradleyTerry:
    model = BradleyTerry()
    model.weights = np.array(weights)
    return model


def test_worth_is_the_reward_less_the_mean() -> None:
    things = np.random.default_rng(0).normal(size=(3, 4, 2))
    rewards = things @ [1.0, -2.0]
    np.testing.assert_allclose(worth(linear(1.0, -2.0), things), rewards - rewards.mean(1, keepdims=True))
    np.testing.assert_allclose(worth(linear(1.0, -2.0), things[0]), worth(linear(1.0, -2.0), things)[0])
    picks = best_of_n(linear(1.0, -2.0), things)
    np.testing.assert_array_equal(picks.choice, rewards.argmax(1))
    np.testing.assert_array_equal(picks.of(rewards), rewards.max(1))


def test_a_ring_has_no_best_and_a_user_has_their_own() -> None:
    ring = Pairs.of(np.eye(3), np.eye(3)[[1, 2, 0]])
    assert np.abs(worth(GeneralPreference().fit(ring), np.eye(3))).max() < 0.1
    two = Pairs.of([[1.0]] * 8, [[0.0]] * 8, target=[1.0, 0.0] * 4, group=[4, 7] * 4)
    model = IdealPoint(k=2).fit(two)
    assert [int(best_of_n(model, [[[1.0], [0.0]]], user=user).choice[0]) for user in (4, 7)] == [0, 1]


def test_a_guard_lets_through_what_it_trusts_and_else_refuses() -> None:
    things = [[[3.0], [2.0], [1.0]]] * 3
    picks = guarded_best_of_n(linear(1.0), things, [[0.9, 0.2, 0.1], [0.0, 0.0, 0.0], [0.6, 0.6, 0.6]], threshold=0.5)
    assert picks.choice.tolist() == [1, 0, -1] and picks.refused.tolist() == [False, False, True]
    assert np.isnan(picks.of(np.zeros((3, 3)))).tolist() == [False, False, True]


@settings(deadline=None)
@given(st.integers(0, 10**6), st.floats(-1.0, 1.0))
def test_a_stricter_guard_gives_no_more_and_no_riskier(seed: int, threshold: float) -> None:
    random = np.random.default_rng(seed)
    things, risk = random.normal(size=(5, 4, 2)), random.normal(size=(5, 4))
    lax, strict = (guarded_best_of_n(linear(1.0, 1.0), things, risk, threshold=t) for t in (threshold, threshold - 0.3))
    assert not (lax.refused & ~strict.refused).any()
    assert (np.nan_to_num(strict.of(risk), nan=-9) <= threshold - 0.3).all()
    both = ~strict.refused
    assert (strict.of(strict.worth)[both] <= lax.of(lax.worth)[both] + 1e-12).all()


@pytest.mark.parametrize(
    ("candidates", "risk", "threshold"),
    [
        (np.zeros((2, 3)), np.zeros(2), 0.0),
        (np.zeros((2, 3, 1)), np.zeros((2, 2)), 0.0),
        (np.zeros((2, 3, 1)), np.full((2, 3), np.nan), 0.0),
        (np.zeros((2, 3, 1)), np.zeros((2, 3)), float("nan")),
        (np.full((2, 3, 1), np.nan), np.zeros((2, 3)), 0.0),
        (np.zeros((2, 3, 4)), np.zeros((2, 3)), 0.0),
        (np.zeros((0, 3, 1)), np.zeros((0, 3)), 0.0),
    ],
)
def test_wrong_candidates(candidates: Any, risk: Any, threshold: float) -> None:
    with pytest.raises(UserError):
        guarded_best_of_n(linear(1.0), candidates, risk, threshold=threshold)


def test_filtering_leaves_the_weakest_out() -> None:
    pairs = Pairs.of([[3.0], [1.0], [-2.0], [5.0]], np.zeros((4, 1)), target=[1.0, 1.0, 1.0, 0.0])
    assert filtered(linear(1.0), pairs, 0.5).left[:, 0].tolist() == [3.0, 1.0]
    assert len(filtered(linear(1.0), pairs, 0.0)) == 4
    for quantile in (-0.1, 1.0, float("nan")):
        with pytest.raises(UserError, match="quantile"):
            filtered(linear(1.0), pairs, quantile)


def planted_lengths(worth_of_length: float) -> tuple[Pairs, np.ndarray, np.ndarray]:
    """Labels by quality and by length, the two independent: pairs, and 500 best-of-4 with their lengths."""
    random = np.random.default_rng(1)
    quality, size = random.normal(size=(2, 4000)), np.exp(random.normal(4.5, 0.5, size=(2, 4000)))
    odds = quality[0] - quality[1] + worth_of_length * (np.log1p(size[0]) - np.log1p(size[1]))
    pairs = Pairs.of(quality[0][:, None], quality[1][:, None], random.random(4000) < 1 / (1 + np.exp(-odds)))
    return with_length(pairs, *size), random.normal(size=(500, 4)), np.exp(random.normal(4.5, 0.5, size=(500, 4)))


@pytest.mark.parametrize("worth_of_length", [1.2, -1.2])
def test_the_residual_removes_what_length_is_worth_in_either_direction(worth_of_length: float) -> None:
    """As part of 2501.12368's rule was found to do: one-sided turns the sign where the longer wins."""
    pairs, quality, size = planted_lengths(worth_of_length)
    things = np.stack([quality, np.log1p(size)], 2)
    gained, length = {}, {}
    for control in ("none", "residual", "one-sided"):
        picks = best_of_n(LengthControlled(control=control).fit(pairs), things)
        gained[control], length[control] = picks.of(quality).mean(), picks.of(size).mean()
    assert abs(length["residual"] / size.mean() - 1.0) < 0.06
    assert gained["residual"] > gained["none"] + 0.1 and gained["residual"] > gained["one-sided"]
    assert np.sign(length["none"] - size.mean()) == np.sign(worth_of_length)
    if worth_of_length > 0:
        assert length["one-sided"] < 0.8 * size.mean()


def test_the_residual_is_antisymmetric_and_blind_to_length() -> None:
    pairs = planted_lengths(1.0)[0][:50]
    model = LengthControlled().fit(pairs)
    np.testing.assert_allclose(model.margin(pairs.swapped), -model.margin(pairs), atol=1e-12)
    longer = with_length(
        replace(pairs, left=pairs.left[:, :1], right=pairs.right[:, :1]), np.ones(50), np.full(50, 99.0)
    )
    np.testing.assert_array_equal(model.margin(longer), model.margin(pairs))


def test_mistakes_of_lengths() -> None:
    pairs = Pairs.of([[1.0]], [[0.0]])
    for wrong in ([1.0, 2.0], [-1.0], [float("nan")]):
        with pytest.raises(UserError, match="lengths of 1 pairs"):
            with_length(pairs, wrong, [1.0])
    with pytest.raises(UserError, match="not fitted"):
        LengthControlled().margin(pairs)
    with pytest.raises(UserError, match="in every pair"):
        LengthControlled(control="one-sided").fit(with_length(pairs, [100.0], [1.0]))
    with pytest.raises(UserError, match="control"):
        LengthControlled(control="two-sided")


FACTS = Facts(
    provenance="own votes",
    stakeholders=("readers",),
    reversible=True,
    accuracy=(0.55, 0.6),
    above_words=(0.01, 0.03),
    false_alarms=0.1,
    misses=0.1,
    divergence=0.6,
)


@pytest.mark.parametrize(
    ("change", "fails"),
    [
        ({}, None),
        ({"provenance": " "}, "provenance"),
        ({"stakeholders": ()}, "stakeholders"),
        ({"reversible": False}, "reversible"),
        ({"accuracy": (0.5, 0.6)}, "reward accuracy"),
        ({"above_words": (-0.01, 0.03)}, "reward above words alone"),
        ({"false_alarms": 0.3}, "guard's false alarms"),
        ({"misses": 0.3}, "guard's misses"),
        ({"divergence": 2.1}, "divergence in nats"),
    ],
)
def test_each_condition_marks_a_run(change: dict[str, Any], fails: str | None, tmp_path: Path) -> None:
    report = conditions_of(replace(FACTS, **change))
    assert [one.name for one in report.each if not one.holds] == ([fails] if fails else [])
    assert report.hold == (fails is None) and bool(report.mark) == (fails is not None)
    assert report.text().startswith("FAILS" if fails else "holds")
    report.write(tmp_path)
    assert json.loads((tmp_path / "conditions.json").read_text())["*"]["hold"] == report.hold
    assert read_conditions(tmp_path) == {"*": report} and bool(report.unmet) == (fails is not None)


def test_nothing_checked_is_not_enough() -> None:
    assert not Conditions(each=()).hold and Conditions(each=()).unmet
    with pytest.raises(UserError, match="NaN"):
        conditions_of(replace(FACTS, misses=float("nan")))
    with pytest.raises(UserError, match="no run"):
        conditions_of(FACTS).write("/nowhere/at/all")
    assert not conditions_of(FACTS, Limits(accuracy=0.56)).hold


@pytest.mark.skipif(
    not (REAL / "opinpref").is_dir(),
    reason="the data are not at hand; set PROGRESSGYM_SHARED to the folder that holds real/",
)
def test_length_on_rated_summaries(capsys: pytest.CaptureFixture[str]) -> None:
    """Fitted to all 800 pairs: .796 with length, .727 with length zeroed; and the control works both ways."""
    from research.uses import length

    length()
    first, _, *lines = capsys.readouterr().out.splitlines()
    joint, zeroed = (float(number) for number in re.findall(r"0[.][0-9]+", first))
    assert joint == pytest.approx(0.796, abs=0.003) and zeroed == pytest.approx(0.727, abs=0.004)
    rows = [line.split() for line in lines]
    picked = {(row[0], row[1]): float(row[-2]) for row in rows}
    mean = {row[0]: float(row[-1]) for row in rows}
    for data, sign in (("opinpref", 1.0), ("hh-harmless", -1.0)):
        none, residual = (sign * (picked[data, control] - mean[data]) for control in ("none", "residual"))
        assert none > residual > 0
