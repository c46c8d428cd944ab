"""Known answers that every instrument must satisfy, and the algebra of the value vector."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.core.dimensions import DIMENSIONS, index_of
from progressgym.core.errors import UserError
from progressgym.core.protocols import Respondent
from progressgym.instruments import Instrument, Item
from progressgym.instruments.loadings import item_index, standard_errors, strengths
from progressgym.instruments.respondents import (
    FirstPosition,
    Planted,
    RandomRespondent,
    Table,
    Uniform,
    Upholding,
    Violating,
)

SUBSETS = ("all", "elicitation", "evaluation")
SEEDS = st.integers(min_value=0, max_value=2**32 - 1)


def subset(instrument: Instrument, name: str) -> np.ndarray | None:
    return None if name == "all" else getattr(instrument, name)


def test_values_by_hand(tiny: Instrument) -> None:
    """Item a: deceive +-1, pain centred to -.5, +.5 (m = .5); item b: deceive -+1. Answers .8 and .4:

    deceive = (.8 - .2 - .4 + .6) / 2 = .4; pain = (-.8 * .5 + .2 * .5) / .5 = -.6;
    item c, one-hot loadings .75 and -.25, all on the first: traditional .75 / .75 = 1, others -.25 / .75.
    """
    answers = np.array([[0.8, 0.2, 0, 0], [0.4, 0.6, 0, 0], [1, 0, 0, 0]])
    values = tiny.values(answers)
    expected = np.zeros(19)
    expected[index_of("deceive")], expected[index_of("pain")] = 0.4, -0.6
    expected[15:] = [1, -1 / 3, -1 / 3, -1 / 3]
    np.testing.assert_allclose(values, expected, atol=1e-12)
    covered = {name for name, yes in zip(DIMENSIONS, tiny.covered(), strict=True) if yes}
    assert covered == {"deceive", "pain", "traditional", "modern", "postmodern", "integrated"}


def test_standard_error_by_hand(tiny: Instrument) -> None:
    """Deceive: x = .6, .2, v = .4, m = 1, 1: sqrt(2/1 * (.04 + .04)) / 2 = .2; one item says nothing of spread."""
    answers = np.array([[0.8, 0.2, 0, 0], [0.4, 0.6, 0, 0], [1, 0, 0, 0]])
    errors = tiny.standard_error(answers)
    assert errors[index_of("deceive")] == pytest.approx(0.2)
    assert errors[index_of("pain")] == np.inf
    assert errors[index_of("death")] == 0.0


@pytest.mark.parametrize("which", SUBSETS)
def test_uniform_is_zero(moral19: Instrument, which: str) -> None:
    values = moral19.values(Uniform().answers(moral19), subset(moral19, which))
    np.testing.assert_allclose(values, 0.0, atol=1e-9)


@pytest.mark.parametrize("which", SUBSETS)
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_upholding_is_one_and_violating_is_the_stated_minimum(moral19: Instrument, dimension: str, which: str) -> None:
    d, items = index_of(dimension), subset(moral19, which)
    loadings = moral19.loadings if items is None else moral19.loadings[items]
    assert moral19.values(Upholding(dimension).answers(moral19), items)[d] == pytest.approx(1.0, abs=1e-9)
    lowest = moral19.values(Violating(dimension).answers(moral19), items)[d]
    assert lowest == pytest.approx(loadings[..., d].min(1).sum() / loadings[..., d].max(1).sum(), abs=1e-9)
    assert lowest == pytest.approx(-1.0 if d < 15 else -1 / 3, abs=1e-9)


@pytest.mark.parametrize("which", SUBSETS)
def test_first_position_is_near_zero(moral19: Instrument, which: str) -> None:
    answers, items = FirstPosition().answers(moral19), subset(moral19, which)
    assert (np.abs(moral19.values(answers, items)) <= 3 * moral19.standard_error(answers, items) + 1e-12).all()


def test_random_respondents_are_near_zero(moral19: Instrument) -> None:
    """Out of 50 x 19 values at most 2 % lie outside of three standard errors (0.3 % expected)."""
    answers = np.stack([RandomRespondent(seed).answers(moral19) for seed in range(50)])
    outside = np.abs(moral19.values(answers)) > 3 * moral19.standard_error(answers)
    assert outside.mean() <= 0.02
    np.testing.assert_array_equal(RandomRespondent(3).answers(moral19), answers[3])


def test_all_scripted_respondents_are_respondents() -> None:
    for respondent in (
        Uniform(),
        Upholding("care"),
        Violating("care"),
        FirstPosition(),
        RandomRespondent(0),
        Table(np.zeros((1, 2))),
        Planted(np.zeros(19)),
    ):
        assert isinstance(respondent, Respondent)


def test_standard_error_agrees_with_a_bootstrap_over_items(moral19: Instrument) -> None:
    answers = RandomRespondent(7).answers(moral19)
    rng, n = np.random.default_rng(0), len(moral19)
    draws = np.stack([moral19.values(answers, rng.integers(0, n, n), check=False) for _ in range(600)])
    np.testing.assert_allclose(draws.std(0), moral19.standard_error(answers), rtol=0.2)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, weight=st.floats(0, 1))
def test_values_are_linear_in_the_answers(moral19: Instrument, seed: int, weight: float) -> None:
    a, b = RandomRespondent(seed).answers(moral19), RandomRespondent(seed + 1).answers(moral19)
    mixed = moral19.values(weight * a + (1 - weight) * b)
    np.testing.assert_allclose(mixed, weight * moral19.values(a) + (1 - weight) * moral19.values(b), atol=1e-12)
    assert (np.abs(moral19.values(a)) <= 1 + 1e-12).all()


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_values_do_not_depend_on_the_order_of_options(moral19: Instrument, seed: int) -> None:
    rng = np.random.default_rng(seed)
    answers, moved = RandomRespondent(seed).answers(moral19), np.zeros(moral19.mask.shape)
    items = []
    for i, item in enumerate(moral19.items):
        order = rng.permutation(len(item.options))
        options, tags = tuple(item.options[k] for k in order), tuple(item.tags[k] for k in order)
        items.append(dataclasses.replace(item, options=options, tags=tags))
        moved[i, : len(order)] = answers[i, order]
    other = dataclasses.replace(moral19, items=tuple(items))
    np.testing.assert_allclose(other.values(moved), moral19.values(answers), atol=1e-12)
    np.testing.assert_allclose(other.standard_error(moved), moral19.standard_error(answers), atol=1e-12)
    assert other.hash != moral19.hash


def test_leading_axes_and_subsets(moral19: Instrument) -> None:
    answers = np.stack([RandomRespondent(seed).answers(moral19) for seed in range(6)]).reshape(
        2, 3, *moral19.mask.shape
    )
    batched = moral19.values(answers, moral19.evaluation)
    assert batched.shape == (2, 3, 19)
    np.testing.assert_allclose(batched[1, 2], moral19.values(answers[1, 2], list(moral19.evaluation)), atol=1e-12)
    chosen = np.zeros(len(moral19), dtype=bool)
    chosen[moral19.evaluation] = True
    np.testing.assert_allclose(batched, moral19.values(answers, chosen), atol=1e-12)
    np.testing.assert_allclose(moral19.values(answers.astype(np.float32)), moral19.values(answers), atol=1e-6)
    assert moral19.standard_error(answers).shape == (2, 3, 19)


def test_a_dimension_without_items_is_masked_and_never_nan(moral19: Instrument) -> None:
    only = np.array([i for i, item in enumerate(moral19.items) if item.main == "worldview"])
    covered = moral19.covered(only)
    assert covered[15:].all() and not covered[:15].any()
    values = moral19.values(RandomRespondent(0).answers(moral19), only)
    assert np.isfinite(values).all() and (values[:15] == 0).all()
    assert not moral19.covered([]).any()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda a: a[:-1], "shape"),
        (lambda a: a[0], "shape"),
        (lambda a: np.where(a == a[0, 0], np.nan, a), "NaN"),
        (lambda a: a + np.inf, "NaN or infinite"),
        (lambda a: a - 0.9 * (np.arange(4) == 0), "negative"),
        (lambda a: a * 0.5, "sum to"),
        (lambda a: np.full_like(a, 0.25), "padded"),
        (lambda a: "yes", "numeric"),
    ],
)
def test_malformed_answers_raise(moral19: Instrument, damage: object, message: str) -> None:
    answers = damage(moral19.uniform())  # type: ignore[operator]
    for use in (moral19.values, moral19.standard_error, lambda a: Table(a).answers(moral19)):
        with pytest.raises(UserError, match=message):
            use(answers)


@pytest.mark.parametrize("items", [[0.5], [-1], [432], [[0, 1]], ["a"], [True, False]])
def test_malformed_items_raise(moral19: Instrument, items: object) -> None:
    with pytest.raises(UserError, match="items must"):
        moral19.values(moral19.uniform(), items)  # type: ignore[arg-type]


def test_loadings_are_centred_padded_and_read_only(moral19: Instrument) -> None:
    loadings = moral19.loadings
    assert loadings.shape == (432, 4, 19) and loadings.dtype == np.float64
    np.testing.assert_allclose(loadings.sum(1), 0.0, atol=1e-12)
    assert (loadings[~moral19.mask] == 0).all()
    assert (strengths(loadings) >= 0).all()
    np.testing.assert_array_equal(moral19.option_counts, [len(item.options) for item in moral19.items])
    for array in (loadings, moral19.mask, moral19.evaluation, moral19.elicitation):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_helpers_at_their_edges() -> None:
    assert item_index([], 3).shape == (0,)
    assert standard_errors(np.zeros((0, 2)), np.zeros((0, 2, 19))).shape == (19,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": " "}, "needs an id and a text"),
        ({"main": "deceve"}, "did you mean 'deceive'"),
        ({"options": ("I go.",), "tags": ({},)}, "2 to 4 are possible"),
        ({"options": ("I go.", "")}, "empty option"),
        ({"tags": ({},)}, "2 options and 1 tags"),
        ({"tags": ({"pian": 1}, {})}, "did you mean 'pain'"),
        ({"tags": ({"pain": 2}, {})}, "a tag is -1, 0 or 1"),
    ],
)
def test_item_says_what_is_wrong(change: dict, message: str) -> None:
    good: dict = {"id": "a", "main": "pain", "text": "t", "options": ("x", "y"), "tags": ({"pain": 1}, {"pain": -1})}
    assert Item(**good).upholding_first
    with pytest.raises(UserError, match=message):
        Item(**good | change)
