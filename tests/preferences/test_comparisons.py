"""Comparisons: the fixed list, stratified choice, probabilities, labels."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.respondents import RandomRespondent
from progressgym.preferences.comparisons import (
    CLIP,
    LABELS,
    MISSING,
    PairChooser,
    all_pairs,
    check_labels,
    draw_asked,
    draw_labels,
    probabilities,
)

INSTRUMENT = Questionnaire.load("moral19-v1")


def test_all_pairs_of_the_elicitation_items() -> None:
    """One pair of a two-option item, six of a four-option item, no evaluation item."""
    pairs = all_pairs(INSTRUMENT)
    counts = INSTRUMENT.option_counts[INSTRUMENT.elicitation]
    assert len(pairs) == (counts * (counts - 1) // 2).sum() == 180 + 6 * 36
    assert set(pairs[:, 0]) == set(INSTRUMENT.elicitation) and not set(pairs[:, 0]) & set(INSTRUMENT.evaluation)
    assert (pairs[:, 1] < pairs[:, 2]).all() and len({tuple(row) for row in pairs.tolist()}) == len(pairs)


def test_all_queries_ask_everything_in_order() -> None:
    chooser = PairChooser(INSTRUMENT)
    np.testing.assert_array_equal(chooser.choose(np.zeros(396)), np.arange(396))


@pytest.mark.parametrize("queries", [1, 19, 40, 57, 200, 395, 396])
def test_queries_are_spread_over_the_dimensions(queries: int) -> None:
    chooser = PairChooser(INSTRUMENT, queries)
    chosen = chooser.choose(np.random.default_rng(queries).random(396))
    assert len(chosen) == len(set(chosen.tolist())) == queries == chooser.queries
    mains = Counter(INSTRUMENT.items[i].main for i in chooser.pairs[chosen, 0].tolist())
    shares = [mains[main] / (4 if main == "worldview" else 1) for main in {item.main for item in INSTRUMENT.items}]
    if queries <= 19 * 12:
        assert max(shares) - min(shares) <= 1


def test_more_queries_ask_a_superset() -> None:
    uniform = np.random.default_rng(0).random(396)
    sets = [set(PairChooser(INSTRUMENT, q).choose(uniform).tolist()) for q in (5, 50, 300)]
    assert sets[0] < sets[1] < sets[2]


def test_choice_depends_on_the_draw() -> None:
    chooser = PairChooser(INSTRUMENT, 40)
    a, b = (chooser.choose(np.random.default_rng(seed).random(396)) for seed in (0, 1))
    assert not np.array_equal(a, b)


@pytest.mark.parametrize("queries", [0, -1, 397, "some", True, 3.5])
def test_impossible_queries(queries: object) -> None:
    with pytest.raises(UserError, match="whole number from 1 to 396"):
        PairChooser(INSTRUMENT, queries)  # type: ignore[arg-type]


def test_probabilities() -> None:
    """0.6 against 0.2 is 3 to 1."""
    answers = np.array([[0.6, 0.2, 0.2], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    pairs = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 0], [2, 0, 1]])
    np.testing.assert_allclose(probabilities(answers, pairs), [0.75, 1 - CLIP, CLIP, 0.5])


def test_probabilities_of_many_centuries() -> None:
    answers = np.stack([RandomRespondent(seed).answers(INSTRUMENT) for seed in range(3)])
    pairs = all_pairs(INSTRUMENT)
    table = probabilities(answers, pairs)
    assert table.shape == (3, 396)
    swapped = pairs[:, [0, 2, 1]]
    np.testing.assert_allclose(table + probabilities(answers, swapped), 1.0)


def test_labels() -> None:
    p, u = np.array([0.2, 0.8]), np.array([0.5, 0.5])
    assert draw_labels(p, "probability", u).tolist() == pytest.approx([0.2, 0.8])
    assert draw_labels(p, "sample", u).tolist() == [0.0, 1.0]
    assert draw_labels(p, "sample", u).dtype == np.float32
    with pytest.raises(UserError, match="did you mean 'sample'"):
        check_labels("sampled")


def test_sampled_labels_have_the_right_frequency() -> None:
    rng = np.random.default_rng(0)
    drawn = draw_labels(np.full(20000, 0.3), "sample", rng.random(20000))
    assert drawn.mean() == pytest.approx(0.3, abs=0.02)


def test_kinds_of_labels_say_what_they_are() -> None:
    """Known answers; the two kinds that are older stay as they were to the bit."""
    preferred, uniform = np.array([0.2, 0.5, 0.6, 1.0 - CLIP]), np.array([0.3, 0.4, 0.7, 0.99])
    expected = {
        "probability": [0.2, 0.5, 0.6, 1.0 - CLIP],
        "sample": [0.0, 1.0, 0.0, 1.0],
        "annotators": [0.0, 1.0, 0.0, 1.0],
        "argmax": [0.0, 0.5, 1.0, 1.0],
        "temperature": [1 / (1 + 4.0**4), 0.5, 1 / (1 + 1.5**-4.0), 1.0 - CLIP],
    }
    assert set(expected) == set(LABELS)
    for kind, labels in expected.items():
        shown = draw_labels(preferred, kind, uniform)
        assert shown.dtype == np.float32
        np.testing.assert_allclose(shown, labels, rtol=1e-6, err_msg=kind)


def test_what_was_not_asked_is_missing_in_every_kind() -> None:
    for kind in LABELS:
        assert draw_asked(np.array([np.nan, 0.9]), kind, np.array([0.5, 0.5]))[0] == MISSING


def test_annotators_change_their_minds_only_where_the_probability_crosses_them() -> None:
    rng = np.random.default_rng(0)
    path = np.sort(rng.random((9, 200)), 0)  # every probability only rises
    votes = draw_labels(path, "annotators", rng.random(200))
    assert (np.diff(votes, axis=0) >= 0).all() and votes[0].mean() < votes[-1].mean()
