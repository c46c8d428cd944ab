"""Labels of debates: what a learning agent with `targets=debate` learns from."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.agents.debate.labels import DebatedLabels
from progressgym.agents.debate.solver import solve
from progressgym.core.errors import UserError
from progressgym.envs.comparison_evidence import differences, evidence, evidence_weights
from progressgym.envs.debate.dilemmas import DilemmaDomain, ValueJudge
from progressgym.envs.debate.rules import Rules
from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import all_pairs, probabilities

HISTORY = History.load("histsmol-v1")
PAIRS = all_pairs(HISTORY.instrument, HISTORY.instrument.elicitation)[:60]
LABELS = np.stack([probabilities(answers.astype(np.float64), PAIRS) for answers in HISTORY.answers[[0, 8]]])


def test_labels_are_the_winners_of_exact_debates() -> None:
    """Both episodes of a batch, each before the values that its own labels show; a debate solved move by move."""
    debated = DebatedLabels(HISTORY.instrument, np.stack([PAIRS, PAIRS]))(LABELS)
    domain = DilemmaDomain(HISTORY.instrument)
    cases = domain.dilemmas(PAIRS[:, 0], PAIRS[:, 1:])
    weights = evidence_weights(differences(HISTORY.instrument.loadings, PAIRS))
    for row in (0, 1):
        judge = ValueJudge(domain, np.asarray(evidence(LABELS[row], weights)), "seen")
        values = solve(judge, cases, Rules(turns=4), np.zeros(len(cases), dtype=np.int64)).value.round(9)
        np.testing.assert_array_equal(debated[row], 0.5 * (1.0 + np.sign(values)))
    assert set(np.unique(debated)) <= {0.0, 0.5, 1.0} and (debated[0] != debated[1]).any()


def test_exchanging_the_options_exchanges_the_winner() -> None:
    swapped = PAIRS[:, [0, 2, 1]]
    one = DebatedLabels(HISTORY.instrument, PAIRS[None])(LABELS[:1])
    other = DebatedLabels(HISTORY.instrument, swapped[None])(1.0 - LABELS[:1])
    np.testing.assert_array_equal(one, 1.0 - other)


def test_a_missing_label_stays_missing_and_says_nothing() -> None:
    """It counts as undecided for the values; the comparison itself is dropped."""
    label = DebatedLabels(HISTORY.instrument, PAIRS[None])
    missing, undecided = LABELS[:1].copy(), LABELS[:1].copy()
    missing[0, 5], undecided[0, 5] = np.nan, 0.5
    told = label(missing)
    assert np.isnan(told[0, 5]) and np.isnan(told).sum() == 1
    np.testing.assert_array_equal(np.delete(told, 5, 1), np.delete(label(undecided), 5, 1))


def test_pairs_that_are_no_dilemma() -> None:
    with pytest.raises(UserError, match="argue for the same option"):
        DebatedLabels(Questionnaire.load("moral19-v1"), np.array([[[0, 1, 1]]]))
