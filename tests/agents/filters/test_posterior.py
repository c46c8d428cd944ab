"""Evidence and forecasts by known answers: Gaussian regression, planted stances, planted dynamics."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from progressgym.agents.filters import posterior
from progressgym.agents.filters.directions import Evidence, collect
from progressgym.agents.filters.dynamics import FAMILIES, bank, cycle_model, level_model, trend_model
from progressgym.agents.filters.posterior import forecast
from progressgym.core.seeding import generator

torch.set_num_threads(1)
T = 9


def tensor(array: object) -> torch.Tensor:
    return torch.tensor(np.asarray(array, dtype=np.float64))


def test_evidence_is_least_squares() -> None:
    """Without noise the signals are strength * direction' stance and nothing is left over."""
    random = generator(0, "tests", "evidence")
    x, stance = random.normal(size=(1, 40, 5)), random.normal(size=(1, 5, 3))
    found = collect(tensor(x), tensor(x @ stance), tensor(np.full((1, 40), 0.5)), tensor([20.0]))
    along = found.directions.transpose(1, 2) @ tensor(stance)
    torch.testing.assert_close(found.signal, found.strength[..., None] * along)
    torch.testing.assert_close(found.scatter, torch.zeros(1, 3, 3, dtype=torch.float64), atol=1e-9, rtol=0)
    assert found.free.tolist() == [15.0] and found.unit.tolist() == [0.5]


def test_residual_scatter_estimates_the_pairs_own_variance() -> None:
    random = generator(1, "tests", "evidence")
    x, own = random.normal(size=(1, 400, 5)), random.normal(size=(1, 400, 3)) * [1.0, 2.0, 3.0]
    found = collect(tensor(x), tensor(own), tensor(np.ones((1, 400))), tensor([400.0]))
    np.testing.assert_allclose((found.scatter / found.free)[0].diagonal(), [1, 4, 9], rtol=0.2)


def test_a_direction_that_nobody_asked_about_is_left_out() -> None:
    x = np.zeros((1, 10, 3))
    x[..., :2] = generator(2, "tests", "evidence").normal(size=(1, 10, 2))
    found = collect(tensor(x), tensor(x[..., :1]), tensor(np.ones((1, 10))), tensor([10.0]))
    assert int((found.strength == 0).sum()) == 1 and torch.isfinite(found.signal).all()


def evidence(signal: np.ndarray, strength: np.ndarray, scatter: np.ndarray, free: float) -> Evidence:
    return Evidence(
        directions=torch.eye(len(strength), dtype=torch.float64)[None],
        strength=tensor(strength[None]),
        signal=tensor(signal[None]),
        scatter=tensor(scatter[None]),
        free=tensor([free]),
        unit=tensor([1.0]),
    )


def test_one_model_is_gaussian_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    """rho, psi and sigma^2 given: mean = rho s k' [(rho s^2 + 1) K + psi I]^-1 b, and its variance."""
    monkeypatch.setattr(posterior, "SHARES", (0.5,))
    monkeypatch.setattr(posterior, "NOISES", (0.3,))
    strength, size, seen, target = np.array([2.0, 1.0, 0.5]), 0.7, 4, 6
    table = trend_model(steps=0.3, turns=0.1, damping=0.8).covariance(T)
    kernel, cross = table[1 : seen + 1, 1 : seen + 1], table[target, 1 : seen + 1]
    signal = generator(3, "tests", "evidence").normal(size=(3, seen))
    free = 50.0
    rho = 1.0 / ((strength**2).sum() / (free + 3))
    scatter = free * size * (kernel + 0.3 * np.eye(seen))
    found = forecast(
        evidence(signal, strength, scatter, free), tensor(table[None]), tensor([0.0]), target, sampled=False
    )
    for j, s in enumerate(strength):
        inverse = np.linalg.inv((rho * s * s + 1) * kernel + 0.3 * np.eye(seen))
        assert float(found.stance[0, j]) == pytest.approx(rho * s * cross @ inverse @ signal[j])
        left = rho * table[target, target] - (rho * s) ** 2 * cross @ inverse @ cross
        assert float(found.stance_variance[0, j]) == pytest.approx(size * left)
        np.testing.assert_allclose(found.smoothed[0, j], rho * s * kernel @ inverse @ signal[j])
    assert float(found.own_variance) == pytest.approx(size * (table[target, target] + 0.3))


@pytest.mark.parametrize("family", ["level", "trend", "cycle"])
def test_the_evidence_finds_the_planted_dynamics(family: str) -> None:
    model = {
        "level": level_model(),
        "trend": trend_model(steps=0.0, turns=0.0, damping=1.0),
        "cycle": cycle_model(periods=0.8, offset=0.7, steps=0.0, centuries=T),
    }[family]
    random, seen = generator(4, "tests", family), 5
    values, vectors = np.linalg.eigh(model.covariance(T)[1 : seen + 1, 1 : seen + 1])
    root = vectors * np.sqrt(np.clip(values, 0, None))
    strength = np.full(19, 8.0)
    signal = strength[:, None] * 0.3 * random.normal(size=(19, seen)) @ root.T + random.normal(size=(19, seen)) @ root.T
    own = random.normal(size=(200, seen)) @ root.T
    tables, prior = bank(FAMILIES, T)
    found = forecast(
        evidence(signal, strength, own.T @ own, 200.0), tensor(tables), tensor(prior), seen + 1, sampled=False
    )
    names = [name for name in FAMILIES for _ in range(len(bank((name,), T)[0]))]
    share = sum(float(w) for name, w in zip(names, found.weights[0], strict=True) if name == family)
    assert share > 0.9


def test_noise_alone_moves_nothing_far() -> None:
    """Signals as large as the residuals: no stance is needed to explain them."""
    random, seen = generator(5, "tests", "noise"), 4
    own = random.normal(size=(300, seen))
    tables, prior = bank(FAMILIES, T)
    given = evidence(random.normal(size=(19, seen)), np.full(19, 8.0), own.T @ own, 300.0)
    found = forecast(given, tensor(tables), tensor(prior), seen + 1, sampled=False)
    assert float((8.0 * found.stance).pow(2).mean()) < 0.1
