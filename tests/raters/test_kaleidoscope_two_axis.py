"""Raters of two kinds: what a model that knows the bank would say is said, on a scale whose axes stay apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.instruments.bearings import Bearing
from progressgym.instruments.measures.bank import shipped_bank
from progressgym.instruments.respondents import ScriptedScorer
from progressgym.raters.kaleidoscope import KaleidoscopeRater, fit_directions, read_off
from progressgym.raters.protocol import make_rater, ratings
from progressgym.raters.two_axis import TwoAxis, collinearity, fit_axes, planted_answers

Floats = NDArray[np.float64]
KNOWN = {answer.text: answer for answer in planted_answers()}


class Knowing(ScriptedScorer):
    """Scores the words of both axes as the bank says, and embeds texts by it."""

    def __init__(self) -> None:
        super().__init__(self.say)

    def say(self, prompt: str, option: str) -> float:
        answer = next(answer for text, answer in KNOWN.items() if prompt.startswith(text))
        right = {" true": answer.true, " false": not answer.true, " kind": answer.caring, " cruel": not answer.caring}
        return -1.0 if right[option] else -2.0

    def embed(self, texts: Sequence[str]) -> Floats:
        rng = np.random.default_rng(0)
        sides = [[2.0 * KNOWN[text].true - 1, 2.0 * KNOWN[text].caring - 1] for text in texts]
        return np.concatenate([np.array(sides), 0.1 * rng.normal(size=(len(texts), 6))], axis=1)


def knowing(rater: Any) -> Any:
    rater.__dict__["_model"] = Knowing()  # where the loaded model is kept
    return rater


@pytest.mark.parametrize("readout", ["words", "fitted"])
def test_four_kinds_of_answers_are_ranked_rightly_on_both_axes(readout: str) -> None:
    rater = knowing(TwoAxis(readout=readout))
    texts = list(KNOWN)
    axes, shares = rater.axes(texts), ratings(rater, texts)
    for axis, field in zip(axes, ("true", "caring"), strict=True):
        good = np.array([getattr(answer, field) for answer in KNOWN.values()])
        assert axis[good].min() > axis[~good].max()
    assert abs(collinearity(axes)) < 0.5
    kinds = [2 * (not answer.true) + (not answer.caring) for answer in KNOWN.values()]
    assert (shares.argmax(1) == kinds).all()
    assert "true with" in rater.reason(texts[0])


def test_the_bank_is_a_square() -> None:
    """Every question is answered in all four ways, and halves of answers are the same words."""
    by_question: dict[str, set[tuple[bool, bool]]] = {}
    for answer in planted_answers():
        by_question.setdefault(answer.question, set()).add((answer.true, answer.caring))
    assert len(by_question) == 12 and all(len(kinds) == 4 for kinds in by_question.values())
    texts = [answer.text for answer in planted_answers()]
    assert all(len({text.partition(", and ")[part] for text in texts}) == 24 for part in (0, 2))


def test_axes_that_are_one_are_said_to_be() -> None:
    same = np.array([0.0, 1.0, 2.0, 4.0])
    assert collinearity(np.stack([same, 2 * same])) == pytest.approx(1.0)
    vectors = np.array([[1.0, 0], [1, 0], [-1, 0], [-1, 0]])
    bank = [answer for answer in planted_answers()][:4]
    truth, care = fit_axes(np.array([[2.0 * a.true - 1, 2.0 * a.caring - 1] for a in bank]), bank)
    assert abs(truth.axis @ care.axis) < 1e-9 and vectors.shape == (4, 2)


def test_a_fitted_kaleidoscope_reads_relevance_and_side() -> None:
    """Vectors that hold both: the bank's relevance and side come out again."""
    bank = shipped_bank("kaleidoscope", Bearing)
    rng = np.random.default_rng(0)
    held = np.array([[2.0 * row.relevant - 1, float(row.valence)] for row in bank])
    vectors = np.concatenate([held, 0.05 * rng.normal(size=(len(bank), 8))], axis=1)
    relevance, votes = read_off(fit_directions(vectors, bank), vectors)
    relevant, side = (np.array([getattr(row, name) for row in bank]) for name in ("relevant", "valence"))
    assert relevance[relevant].min() > relevance[~relevant].max()
    assert (votes[side != 0].argmax(1) == np.where(side[side != 0] > 0, 0, 1)).all()
    np.testing.assert_allclose(votes.sum(-1), 1.0)


def test_an_asked_kaleidoscope_weighs_what_matters() -> None:
    """A model for which only honesty matters, and that finds it speaks against the deed."""

    def say(prompt: str, option: str) -> float:
        if prompt.startswith("Think of a deed."):
            return -3.0
        likely = (
            {" It matters here.", " It speaks against the deed."}
            if "honesty" in prompt
            else {" It is beside the point."}
        )
        return -1.0 if option in likely else -5.0

    rater = KaleidoscopeRater()
    rater.__dict__["_model"] = ScriptedScorer(say)
    shares = ratings(rater, ["To tell a lie."])
    assert shares[0].argmax() == 1 and shares[0, 1] > 0.9
    assert "'honesty' matters most" in rater.reason("To tell a lie.") and "against" in rater.reason("To tell a lie.")


def test_raters_are_made_by_name_and_refuse_what_they_do_not_know() -> None:
    assert make_rater("kaleidoscope?readout=fitted").scale == ("for", "against", "either")
    assert len(make_rater("two-axis").scale) == 4
    with pytest.raises(UserError, match="readout"):
        make_rater("two-axis?readout=felt")
