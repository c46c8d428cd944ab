"""The paper's table as data: its numbers agree with one another, and doing nothing beats it."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.scores import code_sum_of_maxes, follow_sum
from progressgym.scores.paper import CAVEAT, paper_table


def test_numbers_are_within_their_scales_and_entries_are_complete() -> None:
    table = paper_table()
    assert len(table.rows) == 12 and "2406.20087" in table.source and "not comparable" in CAVEAT
    for row in table.rows:
        for challenge in ("Follow", "Predict", "Coevolve"):
            entry = getattr(row, challenge)
            assert isinstance(entry, str) or 0 < entry < table.scales[challenge].best


def test_predict_is_on_the_scale_of_36() -> None:
    """Follow and Predict score the same runs: a DPO row's shares of the best value agree on 36, not on 45."""
    for row in paper_table().rows:
        if row.method == "DPO":
            assert isinstance(row.Follow, float) and isinstance(row.Predict, float)
            assert row.Predict / 36 == pytest.approx(row.Follow / 8, abs=0.02)
            assert abs(row.Predict / 45 - row.Follow / 8) > 0.1


def test_the_log_behind_the_table_agrees() -> None:
    """The authors' log of mean cosine distances, 8 (1 - d): lifelong DPO 0.12070 and 0.13592 give 7.034 and 6.913."""
    by_name = {row.name: row.Follow for row in paper_table().rows}
    assert by_name["lifelong, iterative, DPO"] == pytest.approx(8 * (1 - 0.12070), abs=1e-3)
    assert by_name["lifelong, independent, DPO"] == pytest.approx(8 * (1 - 0.13592), abs=1e-3)


def test_doing_nothing_scores_at_least_7_91_of_8() -> None:
    """Rebuilt from the least cosine of figure 6: nine centuries, each 0.989 from every other, and C13 for ever."""
    table = paper_table()
    least = table.minimum_cosine_between_centuries.value
    gram = np.full((9, 9), least) + (1 - least) * np.eye(9)
    human = np.linalg.cholesky(gram)
    still = np.repeat(human[:1], 8, 0)
    follow, predict = follow_sum(human, still), code_sum_of_maxes(human, still)
    assert follow == pytest.approx(table.do_nothing("Follow")) and follow >= 7.91
    assert predict == pytest.approx(table.do_nothing("Predict")) and predict >= 35.6
    for row in table.rows:
        assert isinstance(row.Follow, float) and isinstance(row.Predict, float)
        assert row.Follow < follow and row.Predict < predict, "no published algorithm does better than doing nothing"
