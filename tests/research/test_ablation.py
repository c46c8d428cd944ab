"""The factorial: main effects of a table whose effects were planted."""

from __future__ import annotations

import numpy as np
import pytest

from research.ablation import effects


def test_planted_effects_are_found_with_their_intervals() -> None:
    noise = np.random.default_rng(0).normal(size=(2, 3, 6))
    noise -= noise.mean((0, 1))  # what all share in a seed is paired away
    table = 0.6 + np.array([0.0, -0.1])[:, None, None] + np.array([0.0, 0.05, 0.0])[:, None] + 0.001 * noise
    table += np.random.default_rng(1).normal(size=6)  # seeds differ much more than levels do
    rows = {
        (name, level): numbers
        for name, level, *numbers in effects(table, {"data": ("good", "bad"), "loss": ("a", "b", "c")})
    }
    for key, planted in (("data", "bad less good"), -0.1), (("loss", "b less a"), 0.05), (("loss", "c less a"), 0.0):
        effect, low, high = rows[key]
        assert effect == pytest.approx(planted, abs=0.003) and low <= effect <= high and high - low < 0.01
