"""Evidence by tables without most of their zeros is evidence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from progressgym.envs.arrays import KERNEL, NumpyArrays, padded, span
from progressgym.envs.comparison_evidence import Product, VoteEvidence, differences, evidence, evidence_weights
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import all_pairs


@given(
    arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 7)), elements=st.sampled_from([0.0, 0.0, -1.0, 2.0]))
)
def test_any_table_multiplies_as_itself(table: np.ndarray) -> None:
    """Wherever it is cut, with columns and parts that are empty too."""
    numbers = np.random.default_rng(0).integers(-3, 4, (5, len(table))).astype(np.float64)
    np.testing.assert_array_equal(Product(table)(numbers), numbers @ table)


@pytest.mark.parametrize("name", ["moral19-v1", "people-v1"])
def test_votes_say_what_labels_say(name: str) -> None:
    instrument = Questionnaire.load(name)
    difference = differences(instrument.loadings, all_pairs(instrument))
    votes = (np.random.default_rng(1).random((2, 3, len(difference))) < 0.5).astype(np.float32)
    expected = evidence(votes.astype(np.float64), evidence_weights(difference))
    np.testing.assert_allclose(VoteEvidence(difference)(votes), expected, atol=1e-12)


def test_span_and_padding() -> None:
    table = np.array([[0.0, 1.0, 0.0, 2.0, 0.0]])
    assert span(table) == slice(1, 4) and span(0 * table) == slice(0, 0)
    assert padded(table).shape == (KERNEL, 5) and padded(table).sum() == table.sum()
    assert padded(np.ones((KERNEL, 2))).shape == (KERNEL, 2)


def test_sums_and_distances_of_rows() -> None:
    ours, rng = NumpyArrays(), np.random.default_rng(0)
    a, b, row = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=(1, 3))
    np.testing.assert_allclose(ours.mixed((0.5, a), (2.0, b), (-1.0, row)), 0.5 * a + 2.0 * b - row)
    np.testing.assert_allclose(ours.apart(a, b), np.abs(a - b).sum(1))
    np.testing.assert_allclose(ours.apart(a, row), np.abs(a - row).sum(1))
    assert ours.copy(np.broadcast_to(row, (4, 3))).flags.c_contiguous
