"""Variance components and decision studies: known answers, planted components, what cannot be divided."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.core.answers import Floats
from progressgym.core.errors import UserError
from progressgym.instruments.decisions import decide, study_lines, study_record
from progressgym.instruments.facets import Effect, Scores, components, divisible, main_scores, study
from progressgym.instruments.questionnaire import Questionnaire

PLANTED: dict[Effect, float] = {
    ("dimension",): 0.3,
    ("item",): 1.0,
    ("word",): 0.5,
    ("dimension", "word"): 0.2,
    ("item", "word"): 0.6,
    ("lead",): 0.1,
    ("item", "lead"): 0.3,
    ("item", "word", "lead"): 0.4,
}
GROUPS = np.repeat(np.arange(19), [24] * 15 + [18] * 4)


def drawn(seed: int, words: int = 8, leads: int = 4) -> Scores:
    """Scores with the planted components."""
    rng = np.random.default_rng(seed)
    values: Floats = np.zeros((len(GROUPS), words, leads))
    for effect, variance in PLANTED.items():
        first = len(GROUPS) if "item" in effect else 19 if "dimension" in effect else 1
        part = rng.normal(size=(first, words if "word" in effect else 1, leads if "lead" in effect else 1))
        values += variance**0.5 * (part[GROUPS] if "dimension" in effect else part)
    return Scores(values=values, groups=GROUPS, facets=("word", "lead"))


def test_components_by_hand() -> None:
    """Two dimensions of two items, one score each under two equal words.

    Dimension means 2 and 12, items +-1: s^2 of items 2; of dimensions (s^2 of the means 50) - 2 / 2 = 49.
    """
    values = np.array([[1.0, 1.0], [3.0, 3.0], [11.0, 11.0], [13.0, 13.0]])
    found = components(Scores(values=values, groups=np.array([0, 0, 1, 1]), facets=("word",)))
    assert found["item",] == pytest.approx(2.0) and found["dimension",] == pytest.approx(49.0)
    assert found["word",] == pytest.approx(0.0, abs=1e-9) and found["item", "word"] == pytest.approx(0.0, abs=1e-9)


def test_unequal_numbers_of_items_are_no_bias() -> None:
    """Over 60 draws the estimates have the planted means, dimensions of 24 and of 18 items together."""
    found = [components(drawn(seed)) for seed in range(60)]
    for effect in found[0]:
        values = np.array([one[effect] for one in found])
        error = values.std(ddof=1) / len(values) ** 0.5
        assert abs(values.mean() - PLANTED.get(effect, 0.0)) < 3.5 * error + 1e-9, effect


def test_a_decision_study_is_the_formula_and_its_intervals_hold() -> None:
    """.3 / (.3 + .2/8 + 1/n + .6/(8 n) + .3/(4 n) + .4/(32 n)), n the harmonic mean of 24 and 18 items."""
    n = 19 / (15 / 24 + 4 / 18)
    truth = 0.3 / (0.3 + 0.2 / 8 + 1 / n + 0.6 / (8 * n) + 0.3 / (4 * n) + 0.4 / (32 * n))
    made = [study(drawn(seed)) for seed in range(12)]
    estimates = [one.reliability() for one in made]
    assert sum(e.low <= truth <= e.high for e in estimates) >= 10
    assert np.mean([e.value for e in estimates]) == pytest.approx(truth, abs=0.07)
    first = made[0]
    assert first.reliability(word=1).value < first.reliability().value < first.reliability(item=96, word=64).value
    assert sum(share.value for share in first.shares.values()) == pytest.approx(1.0, abs=0.05)
    with pytest.raises(UserError, match="no size of a facet"):
        first.reliability(order=2)
    with pytest.raises(UserError, match="no size of a facet"):
        first.reliability(word=0)
    assert len(study_record(first)["decisions"]) == len(decide(first))
    assert any("<- meant" in line for line in study_lines("values", first))


def test_drift_counts_only_what_moves() -> None:
    """A facet that shifts every century alike, and items that stand apart for ever, are no error of drift."""
    rng = np.random.default_rng(0)
    moved = rng.normal(size=(19, 5))[GROUPS][:, :, None] + 0.1 * rng.normal(size=(len(GROUPS), 5, 3))
    still = 30 * rng.normal(size=(len(GROUPS), 1, 3))
    made = study(Scores(values=moved + still, groups=GROUPS, facets=("century", "word")), time="century")
    assert made.object == ("dimension", "century") and made.reliability().value > 0.99
    with pytest.raises(UserError, match="no size of a facet"):
        made.reliability(century=2)


def test_what_cannot_be_divided_is_said() -> None:
    whole = Questionnaire.load("moral19-v1")
    few = Questionnaire.from_items(whole.items[:1], name="one", config=whole.config)
    assert main_scores(few, np.zeros((2, 2, 1, 2)), ("lead", "word")) is None
    assert not divisible(np.array([0, 0]), [2]) and not divisible(np.array([0, 1]), [2])
    assert not divisible(np.array([0, 0, 1]), [1]) and divisible(np.array([0, 0, 1]), [2])
    with pytest.raises(UserError, match="two dimensions"):
        Scores(values=np.zeros((2, 2)), groups=np.array([0, 0]), facets=("word",))
    with pytest.raises(UserError, match="finite"):
        Scores(values=np.full((4, 2), np.nan), groups=np.array([0, 0, 1, 1]), facets=("word",))
    scored = main_scores(whole, np.ones((2, 2, *whole.mask.shape)), ("lead", "word"))
    assert scored is not None and scored.values.shape == (360, 2, 2) and np.abs(scored.values).max() < 1e-12
