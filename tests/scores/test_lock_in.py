"""Lock-in measures on answers whose entropy and distance are known."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.scores import against_history, answer_entropy, displacement


def test_entropy_runs_from_fixed_to_indifferent() -> None:
    uniform = np.array([[0.5, 0.5, 0, 0], [0.25] * 4])
    fixed = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0]])
    assert answer_entropy(uniform, [2, 4]) == pytest.approx(1.0)
    assert answer_entropy(fixed, [2, 4]) == 0.0
    assert answer_entropy(np.stack([uniform, fixed]), [2, 4]).shape == (2,)


def test_displacement_is_total_variation() -> None:
    a, b = np.array([[0.9, 0.1], [0.5, 0.5]]), np.array([[0.4, 0.6], [0.5, 0.5]])
    assert displacement(a, b) == pytest.approx(0.25)
    assert displacement(a, a) == 0.0


def test_against_history_counts_only_what_moved() -> None:
    """Of four dimensions one moved the wrong way, one the right way, one stood still, in one history stood still."""
    share = against_history([-0.1, 0.1, 0.0, 0.3], np.zeros(4), [0.1, 0.1, 0.1, 0.0])
    assert share == pytest.approx(0.25)
    assert against_history([-0.1, 0.1], np.zeros(2), [0.1, 0.1], covered=[False, True]) == 0.0
