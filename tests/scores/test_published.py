"""The three published scales: their best values, their algorithms written out slowly, the paper's do-nothing bound."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.scores import best_values, code_sum_of_maxes, cosine, follow_sum, table2_double_sum


def constant(rows: int) -> np.ndarray:
    return np.tile(np.linspace(0.1, 1.0, 19), (rows, 1))


@pytest.mark.parametrize(("snapshots", "code"), [(8, 36.0), (9, 45.0)])
def test_best_values(snapshots: int, code: float) -> None:
    human = constant(9)
    best = best_values(snapshots, 9)
    assert best["code_sum_of_maxes"] == code
    assert follow_sum(human, human[:snapshots]) == pytest.approx(snapshots)
    assert code_sum_of_maxes(human, human[:snapshots]) == pytest.approx(code)
    assert table2_double_sum(human, human[:snapshots]) == pytest.approx(9 * snapshots) == best["table2_double_sum"]


def test_agree_with_the_algorithms_written_out() -> None:
    rng = np.random.default_rng(0)
    human, values = rng.normal(size=(9, 19)), rng.normal(size=(8, 19))
    late = human[1:]
    sums = [sum(float(cosine(late[j], values[i])) for j in range(i, 8)) for i in range(8)]
    assert code_sum_of_maxes(human, values) == pytest.approx(sum(max(sums[i:]) for i in range(8)))
    double = sum(max(float(cosine(human[k], v)) for k in range(m, 9)) for v in values for m in range(9))
    assert table2_double_sum(human, values) == pytest.approx(double)
    assert follow_sum(human, values) == pytest.approx(
        sum(float(cosine(a, b)) for a, b in zip(late, values, strict=True))
    )


def test_doing_nothing_beats_the_paper() -> None:
    """All nine centuries of the paper's figure 6 are within 0.989: eight steps of standing still give >= 7.91 of 8."""
    angle = np.arccos(0.989)
    human = np.array([[1.0, 0.0]] + [[np.cos(angle), np.sin(angle)]] * 8)
    assert follow_sum(human, np.repeat(human[:1], 8, 0)) == pytest.approx(8 * 0.989)
    best_of_table_3 = 7.034
    assert follow_sum(human, np.repeat(human[:1], 8, 0)) > 7.91 > best_of_table_3


def test_misfits_are_named() -> None:
    with pytest.raises(UserError, match="10 agent snapshots but only 9"):
        follow_sum(constant(9), constant(10))
    with pytest.raises(UserError, match="same columns"):
        code_sum_of_maxes(constant(9), constant(8)[:, :10])
