"""Forecast rules: the weights of the table, exact polynomials, missing answers, and what they ask of the loss."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.agents.forecast import CAP, extrapolate, loss_terms, series_of
from progressgym.core.errors import UserError

NAN = float("nan")


def weights(order: int, forecast: int = 1) -> list[float]:
    """Weights of the newest points, oldest first: the rule applied to unit vectors."""
    return extrapolate(torch.eye(order + 1, dtype=torch.float64), forecast, order).tolist()


@pytest.mark.parametrize(
    ("order", "expected"), [(0, [1]), (1, [-1, 2]), (2, [1, -3, 3]), (3, [-1, 4, -6, 4])], ids=["M0", "M1", "M2", "M3"]
)
def test_weights_are_those_of_the_backward_difference(order: int, expected: list[float]) -> None:
    assert weights(order) == expected


def test_two_steps_are_the_weights_applied_twice() -> None:
    """M = 1: (a, b) -> 2b - a = c -> 2c - b = 3b - 2a."""
    assert weights(1, forecast=2) == [-2, 3]


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("forecast", [0, 1, 2, 5])
def test_polynomials_are_continued_exactly(order: int, forecast: int) -> None:
    """Whole numbers, so exactly means exactly: p(t) = sum_k (k + 1) t^k."""
    polynomial = [sum((k + 1) * t**k for k in range(order + 1)) for t in range(9 + forecast)]
    series = torch.tensor(polynomial[:9], dtype=torch.float64)
    assert extrapolate(series, forecast, order).item() == polynomial[8 + forecast]


def test_missing_answers_keep_their_true_times() -> None:
    """Known at t = 0, 1, 3: the line through the newest two, (1, 3) and (3, 7), reaches 9 at t = 4."""
    series = torch.tensor([1.0, 3.0, NAN, 7.0])
    assert extrapolate(series, 1, 1).item() == 9.0
    assert extrapolate(torch.tensor([1.0, 3.0, 5.0, NAN]), 1, 1).item() == 9.0


def test_fewer_answers_lower_the_degree() -> None:
    assert extrapolate(torch.tensor([NAN, NAN, 2.0]), 3, 2).item() == 2.0
    assert extrapolate(torch.tensor([5.0]), 1, 3).item() == 5.0


def test_nothing_known_is_nothing_forecast() -> None:
    assert torch.isnan(extrapolate(torch.tensor([NAN, NAN]), 1, 1)).item()


def slow(series: list[float], forecast: int, order: int) -> float:
    """Lagrange's formula in exact fractions."""
    points = [(t, Fraction(y)) for t, y in enumerate(series) if not math.isnan(y)][-(order + 1) :]
    target, total = len(series) - 1 + forecast, Fraction(0)
    for t, y in points:
        term = y
        for other, _ in points:
            if other != t:
                term *= Fraction(target - other, t - other)
        total += term
    return float(total) if points else NAN


ENTRY = st.one_of(st.just(NAN), st.sampled_from([-1.0, 1.0]), st.floats(-9, 9).map(lambda x: round(x, 3)))


@settings(deadline=None)
@given(st.lists(ENTRY, min_size=1, max_size=9), st.integers(0, 4), st.integers(0, 5))
def test_any_pattern_of_answers_agrees_with_the_slow_formula(series: list[float], forecast: int, order: int) -> None:
    fast = extrapolate(torch.tensor(series, dtype=torch.float64), forecast, order).item()
    exact = slow(series, forecast, order)
    assert (math.isnan(fast) and math.isnan(exact)) or fast == pytest.approx(exact, rel=1e-12, abs=1e-9)


@settings(deadline=None)
@given(
    st.lists(ENTRY, min_size=1, max_size=9), st.integers(0, 3), st.integers(0, 3), st.sampled_from(["soft", "signed"])
)
def test_no_pattern_of_answers_breaks_the_loss(series: list[float], forecast: int, order: int, targets: str) -> None:
    y, u = loss_terms(torch.tensor([series], dtype=torch.float64), forecast, order, targets)
    assert bool(torch.isfinite(y).all()) and bool(((y >= 0) & (y <= 1)).all())
    assert bool(torch.isfinite(u).all()) and bool(((u >= 0) & (u <= CAP)).all())
    if math.isnan(series[-1]):
        assert u.item() == 0.0


def test_published_examples_of_sampled_labels() -> None:
    """(-, +) forecasts 3 with M1 K1 and 5 with K2; (-, +, +) turns to -1 with M2; (+, -, +) is 7, capped at 5."""
    cases = [([-1, 1], 1, 1, 1, 3), ([-1, 1], 2, 1, 1, 5), ([-1, 1, 1], 1, 2, 0, 1), ([1, -1, 1], 1, 2, 1, 5)]
    for series, forecast, order, direction, weight in cases:
        y, u = loss_terms(torch.tensor([series], dtype=torch.float64), forecast, order, "signed")
        assert (y.item(), u.item()) == (direction, weight)


def test_a_forecast_of_zero_drops_the_comparison() -> None:
    """M = 1: 2 * 0.5 - 1 = 0."""
    _, u = loss_terms(torch.tensor([[1.0, 0.5]]), 1, 1, "soft")
    assert u.item() == 0.0


def test_soft_targets_without_forecast_are_the_labels() -> None:
    labels = torch.tensor([0.2, 0.9], dtype=torch.float64)
    y, u = loss_terms(series_of(labels, "probability")[:, None], 0, 0, "soft")
    torch.testing.assert_close(y, labels)
    assert u.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("forecast", "order"), [(-1, 0), (0, -1), (True, 0), (0.5, 1)])
def test_bad_rules_are_refused(forecast: int, order: int) -> None:
    with pytest.raises(UserError, match="whole number"):
        extrapolate(torch.zeros(3), forecast, order)
