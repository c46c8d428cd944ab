"""The stance model: its base, its identification, its fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.core.answers import centred_log, softmax_options
from progressgym.core.errors import UserError
from progressgym.instruments import Instrument, StanceModel
from progressgym.instruments.respondents import Planted, RandomRespondent, Upholding
from progressgym.instruments.stance_model import centre_worldviews


def test_zero_is_the_base(moral19: Instrument) -> None:
    base = RandomRespondent(0).answers(moral19).clip(1e-3)
    base = np.where(moral19.mask, base, 0.0)
    base /= base.sum(-1, keepdims=True)
    model = StanceModel.of(moral19, base)
    np.testing.assert_allclose(model.answers(np.zeros(19)), base, atol=1e-9)
    np.testing.assert_allclose(model.base, centred_log(base, moral19.mask))


def test_one_unit_moves_a_two_option_item_by_two_logits(tiny: Instrument) -> None:
    """Only deceive: item a has loadings +1, -1, so its log-odds are 2 theta scale."""
    theta = np.zeros(19)
    theta[tiny.dimensions.index("deceive")] = 0.7
    answers = StanceModel.of(tiny, scale=0.5).answers(theta)
    assert np.log(answers[0, 0] / answers[0, 1]) == pytest.approx(0.7)
    assert np.log(answers[1, 0] / answers[1, 1]) == pytest.approx(-0.7)
    assert (answers[:2, 2:] == 0).all()


@pytest.mark.parametrize("scale", [0.5, 1.0])
@pytest.mark.parametrize("which", [None, "elicitation", "evaluation"])
def test_a_planted_stance_is_recovered(moral19: Instrument, which: str | None, scale: float) -> None:
    """Definition: ridge fit of planted theta from its answers, correlation above 0.95. Here for 20 stances each."""
    rng = np.random.default_rng(1)
    base = RandomRespondent(5).answers(moral19)
    model = StanceModel.of(moral19, base, scale=scale)
    planted = centre_worldviews(rng.normal(size=(20, 19)))
    answers = np.stack([Planted(theta, base, scale).answers(moral19) for theta in planted])
    np.testing.assert_allclose(answers, model.answers(planted), atol=1e-12)
    fitted = model.fit(answers, None if which is None else getattr(moral19, which))
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(planted, fitted, strict=True)]
    assert min(correlations) > 0.95
    exact = model.fit(answers, ridge=1e-8)
    np.testing.assert_allclose(exact, planted, atol=1e-4)


def test_choices_drawn_from_a_planted_stance_recover_it(moral19: Instrument) -> None:
    """One drawn choice an item instead of probabilities: 432 choices for 19 numbers."""
    rng = np.random.default_rng(2)
    theta = centre_worldviews(rng.normal(size=19))
    model = StanceModel.of(moral19)
    p = model.answers(theta)
    chosen = (rng.random((len(moral19), 1)) > p.cumsum(1)).sum(1).clip(max=moral19.option_counts - 1)
    fitted = model.fit(np.eye(4)[chosen])
    assert np.corrcoef(theta, fitted)[0, 1] > 0.8


def test_separable_answers_have_a_finite_fit(moral19: Instrument) -> None:
    fitted = StanceModel.of(moral19).fit(Upholding("care").answers(moral19))
    assert np.isfinite(fitted).all()
    assert fitted.argmax() == moral19.dimensions.index("care")


def test_the_fit_is_the_minimum(moral19: Instrument) -> None:
    """Stated objective at the fit against 200 points around it."""
    model, table = StanceModel.of(moral19), RandomRespondent(4).answers(moral19)

    def objective(theta: np.ndarray) -> float:
        q = softmax_options(model.logits(theta), moral19.mask)
        return float(-(table * np.log(np.where(moral19.mask, q, 1.0))).sum() + 0.5 * 2.0 * theta @ theta)

    best = model.fit(table, ridge=2.0)
    rng = np.random.default_rng(0)
    assert all(objective(best) <= objective(best + 0.01 * rng.normal(size=19)) for _ in range(200))


@settings(max_examples=20, deadline=None)
@given(shift=st.floats(-5, 5), seed=st.integers(0, 1000))
def test_worldviews_are_identified_up_to_a_constant(moral19: Instrument, shift: float, seed: int) -> None:
    theta = np.random.default_rng(seed).normal(size=19)
    moved = theta.copy()
    moved[15:] += shift
    model = StanceModel.of(moral19)
    np.testing.assert_allclose(model.answers(theta), model.answers(moved), atol=1e-12)
    np.testing.assert_allclose(centre_worldviews(theta), centre_worldviews(moved), atol=1e-12)
    np.testing.assert_allclose(model.answers(centre_worldviews(theta)), model.answers(theta), atol=1e-12)


def test_batches_and_empty_fit(moral19: Instrument) -> None:
    model = StanceModel.of(moral19)
    thetas = np.random.default_rng(0).normal(size=(2, 3, 19))
    answers = model.answers(thetas)
    assert answers.shape == (2, 3, 432, 4)
    fits = model.fit(answers)
    assert fits.shape == (2, 3, 19)
    np.testing.assert_allclose(fits[1, 1], model.fit(answers[1, 1]), atol=1e-9)
    np.testing.assert_allclose(fits[..., 15:].sum(-1), 0.0, atol=1e-9)
    np.testing.assert_array_equal(model.fit(answers[0, 0], []), np.zeros(19))


def test_bad_input(moral19: Instrument) -> None:
    model = StanceModel.of(moral19)
    with pytest.raises(UserError, match="ridge"):
        model.fit(moral19.uniform(), ridge=0.0)
    with pytest.raises(UserError, match="theta has shape"):
        model.answers(np.zeros(18))
    with pytest.raises(UserError, match="scale"):
        StanceModel.of(moral19, scale=0.0)
    with pytest.raises(UserError, match="do not fit"):
        StanceModel(moral19.loadings, moral19.mask, np.zeros((3, 4)))
    with pytest.raises(UserError, match="NaN"):
        StanceModel(moral19.loadings, moral19.mask, np.full(moral19.mask.shape, np.nan))
