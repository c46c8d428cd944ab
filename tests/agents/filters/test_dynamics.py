"""State-space models: their covariances by closed forms, and filtering with them against the textbook recursion."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.agents.filters.dynamics import (
    BANKS,
    FAMILIES,
    StateSpace,
    bank,
    cycle_model,
    level_model,
    members,
    quadratic_model,
    trend_model,
)
from progressgym.core.errors import UserError
from progressgym.core.seeding import generator

T = 9
U = np.linspace(0, 1, T)


def scaled(table: np.ndarray) -> np.ndarray:
    return np.asarray(table / table.diagonal().max())


def test_a_random_walk_varies_with_time() -> None:
    """Cov(level_s, level_t) = min(s, t)."""
    np.testing.assert_allclose(level_model().covariance(T), np.minimum.outer(U, U), atol=1e-12)


def test_a_noiseless_trend_is_a_line() -> None:
    model = trend_model(steps=0.0, turns=0.0, damping=1.0)
    np.testing.assert_allclose(model.covariance(T), np.outer(U, U), atol=1e-12)


def test_constant_acceleration_is_a_parabola() -> None:
    """Slope's part u, acceleration's part 2 u^2, correlated by -0.5."""
    model = quadratic_model(bend=2.0, lean=-0.5, steps=0.0, centuries=T)
    line, bend = U, 2.0 * U**2
    expected = np.outer(line, line) + np.outer(bend, bend) - 0.5 * (np.outer(line, bend) + np.outer(bend, line))
    np.testing.assert_allclose(model.covariance(T), scaled(expected), atol=1e-12)


def test_a_cycle_swings_around_a_centre_that_is_not_the_start() -> None:
    model = cycle_model(periods=0.8, offset=0.5, steps=0.0, centuries=T)
    sine, rest = np.sin(2 * np.pi * 0.8 * U), 1.0 - np.cos(2 * np.pi * 0.8 * U)
    expected = np.outer(sine, sine) + 0.25 * np.outer(rest, rest)
    np.testing.assert_allclose(model.covariance(T), scaled(expected), atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("centuries", [2, 3, 9, 14])
def test_covariances_are_covariances(family: str, centuries: int) -> None:
    for table in bank((family,), centuries)[0]:
        assert np.linalg.eigvalsh(table).min() > -1e-12 and table.diagonal().max() == pytest.approx(1.0)
        assert not table[0].any(), "everything begins at 0"


def test_a_path_that_never_moves_is_no_model() -> None:
    """One period between two centuries: back where it was."""
    assert not cycle_model(periods=1.0, offset=0.7, steps=0.0, centuries=2).covariance(2).any()


def test_banks() -> None:
    for families in BANKS.values():
        tables, prior = bank(families, T)
        assert len(tables) == len(prior) and np.exp(prior).sum() == pytest.approx(1.0)
    with pytest.raises(UserError, match="did you mean 'trend'"):
        members("trnd", T)


def recursion(model: StateSpace, seen: np.ndarray, noise: float, scale: float, ahead: int) -> tuple[float, float]:
    """Kalman's filter (1960) as it stands in textbooks: predict, update, and predict on without updates."""
    mean, spread = np.zeros(len(model.level)), scale * model.start
    for y in [*seen, *[None] * ahead]:
        mean = model.transition @ mean
        spread = model.transition @ spread @ model.transition.T + scale * model.noise
        if y is not None:
            innovation = model.level @ spread @ model.level + noise
            gain = spread @ model.level / innovation
            mean = mean + gain * (y - model.level @ mean)
            spread = spread - np.outer(gain, model.level @ spread)
    return float(model.level @ mean), float(model.level @ spread @ model.level)


@pytest.mark.parametrize("ahead", [0, 1, 2])
@pytest.mark.parametrize(
    "model",
    [
        level_model(),
        trend_model(steps=0.3, turns=0.1, damping=0.8),
        quadratic_model(bend=1.0, lean=-0.8, steps=0.02, centuries=T),
        cycle_model(periods=0.9, offset=0.7, steps=0.02, centuries=T),
    ],
    ids=["level", "trend", "quadratic", "cycle"],
)
def test_the_batch_form_is_kalmans_filter(model: StateSpace, ahead: int) -> None:
    """Six noisy observations: mean and variance of the level `ahead` centuries later."""
    noise, seen = 0.2, generator(0, "tests", "kalman").normal(size=6)
    table = model.covariance(T)
    raw = model.level @ model.transition @ model.start @ model.transition.T @ model.level
    raw += model.level @ model.noise @ model.level
    observed, target = table[1:7, 1:7] + noise * np.eye(6), 6 + ahead
    cross = table[target, 1:7]
    mean = cross @ np.linalg.solve(observed, seen)
    spread = table[target, target] - cross @ np.linalg.solve(observed, cross)
    expected = recursion(model, seen, noise, scale=table[1, 1] / raw, ahead=ahead)
    assert (mean, spread) == pytest.approx(expected, abs=1e-9)
