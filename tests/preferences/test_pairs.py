"""Pairs and their views, and preference models by known answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.core.errors import UserError
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.respondents import Planted
from progressgym.preferences.comparisons import MISSING, Comparisons, all_pairs, probabilities
from progressgym.preferences.export import pairs_of_rows, preference_rows
from progressgym.preferences.models.bradley_terry import BradleyTerry
from progressgym.preferences.models.protocol import PREFERENCE_MODELS, PreferenceModel, fitted_margins
from progressgym.preferences.pairs import Pairs

INSTRUMENT = Questionnaire.load("moral19-v1")
TRIPLES = all_pairs(INSTRUMENT)[:40]


def test_comparisons_and_rows_are_views_of_pairs() -> None:
    labels = np.linspace(0.0, 1.0, 40).astype(np.float32)
    labels[3] = MISSING
    comparisons = Comparisons(pairs=TRIPLES, labels=labels)
    pairs = comparisons.as_pairs(INSTRUMENT)
    np.testing.assert_array_equal(pairs.triples, TRIPLES)
    assert pairs.weight[3] == 0.0 and pairs.weight.sum() == 39
    item, a, b = TRIPLES[5]
    np.testing.assert_array_equal(pairs.difference[5], INSTRUMENT.loadings[item, a] - INSTRUMENT.loadings[item, b])
    rows = preference_rows(INSTRUMENT, pairs, "C014")
    assert rows == preference_rows(INSTRUMENT, comparisons, "C014") and len(rows) == 39
    mirrored = preference_rows(INSTRUMENT, pairs.swapped, "C014")
    assert [row["chosen"] for row in mirrored] == [row["chosen"] for row in rows]


class Lengths:
    name = fingerprint = "lengths"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[len(text), text.count("e")] for text in texts], dtype=np.float64)


def test_rows_become_pairs_by_the_vectors_of_their_texts() -> None:
    rows = preference_rows(INSTRUMENT, Pairs.of_options(INSTRUMENT, TRIPLES[:3], [0.9, 0.2, 0.5]), "C014")
    pairs = pairs_of_rows(rows, Lengths())
    np.testing.assert_allclose(pairs.target, [0.9, 0.8, 0.5])  # of the chosen option
    texts = [[row["prompt"] + row["chosen"], row["prompt"] + row["rejected"], row["prompt"]] for row in rows]
    expected = np.array([[[len(text), text.count("e")] for text in three] for three in texts], dtype=np.float64)
    np.testing.assert_array_equal(np.stack([pairs.left, pairs.right, pairs.context], 1), expected)
    with pytest.raises(UserError, match="no rows"):
        pairs_of_rows([], Lengths())


@pytest.mark.parametrize(
    ("sides", "more", "message"),
    [
        ((np.zeros((2, 3)), np.zeros((2, 4))), {}, "have shapes"),
        ((np.zeros((2, 3)), np.full((2, 3), np.nan)), {}, "feature of a pair is NaN"),
        ((["a"], ["b"]), {}, "tables of numbers"),
        (([[1.0, 2.0], [1.0]], [[1.0, 2.0], [1.0]]), {}, "tables of numbers"),
        ((np.zeros((2, 3)), np.zeros((2, 3))), {"target": [0.5, 1.5]}, "target outside"),
        ((np.zeros((2, 3)), np.zeros((2, 3))), {"target": [0.5, np.nan]}, "target outside"),
        ((np.zeros((2, 3)), np.zeros((2, 3))), {"weight": -1.0}, "weight"),
        ((np.zeros((2, 3)), np.zeros((2, 3))), {"target": [0.1, 0.2, 0.3]}, "do not fit"),
    ],
)
def test_pairs_that_would_spoil_a_fit_are_refused(sides: tuple, more: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Pairs.of(*sides, **more)


def planted(count: int, seed: int) -> tuple[Pairs, np.ndarray]:
    random = np.random.default_rng(seed)
    weights, left, right = random.normal(size=3), random.normal(size=(count, 3)), random.normal(size=(count, 3))
    return Pairs.of(left, right, 1.0 / (1.0 + np.exp(-(left - right) @ weights))), weights


def test_bradley_terry_recovers_what_was_planted() -> None:
    pairs, weights = planted(200, 0)
    model = BradleyTerry(ridge=1e-8).fit(pairs)
    np.testing.assert_allclose(model.weights, weights, atol=1e-5)
    np.testing.assert_allclose(model.margin(pairs), pairs.difference @ weights, atol=1e-4)
    np.testing.assert_allclose(model.reward(pairs.left) - model.reward(pairs.right), model.margin(pairs), atol=1e-12)
    half = Pairs.of(pairs.left, pairs.right, np.where(np.arange(200) < 100, pairs.target, np.nan), np.arange(200) < 100)
    np.testing.assert_array_equal(BradleyTerry().fit(half).weights, BradleyTerry().fit(pairs[:100]).weights)


def test_it_recovers_a_stance_from_the_options_it_chooses() -> None:
    """The stance model is Bradley and Terry's with loadings as features: margins are differences of Phi . theta."""
    theta = np.random.default_rng(0).normal(size=19) * 0.5
    answers = Planted(theta).answers(INSTRUMENT)
    known = all_pairs(INSTRUMENT)
    pairs = Pairs.of_options(INSTRUMENT, known, probabilities(answers, known))
    margins = fitted_margins("bradley-terry?ridge=1e-6", pairs, pairs)
    np.testing.assert_allclose(margins, pairs.difference @ theta, atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), name=st.sampled_from(PREFERENCE_MODELS.names()))
def test_every_model_is_antisymmetric(seed: int, name: str) -> None:
    pairs, _ = planted(30, seed)
    model = PREFERENCE_MODELS.make(name)
    assert isinstance(model, PreferenceModel)
    margins = model.fit(pairs).margin(pairs)
    np.testing.assert_allclose(model.margin(pairs.swapped), -np.asarray(margins), atol=1e-9)
    np.testing.assert_allclose(PREFERENCE_MODELS.make(name).fit(pairs.swapped).margin(pairs), margins, atol=1e-4)


def test_a_model_of_other_features_is_told() -> None:
    pairs, _ = planted(10, 0)
    with pytest.raises(UserError, match="3 features is asked about"):
        BradleyTerry().fit(pairs).reward(np.zeros((2, 5)))
    with pytest.raises(UserError, match="unknown preference model 'bradley'"):
        fitted_margins("bradley", pairs, pairs)
