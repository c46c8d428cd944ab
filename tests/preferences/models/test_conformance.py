"""What every preference model of the registry owes: the same from both sides, a gradient, a batch, Bradley and Terry as a limit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.core.errors import UserError
from progressgym.preferences.models.batch import Batch
from progressgym.preferences.models.bradley_terry import BradleyTerry
from progressgym.preferences.models.descent import gradient, minimise
from progressgym.preferences.models.fitted import FittedModel
from progressgym.preferences.models.personal import PersonalModel
from progressgym.preferences.models.protocol import PREFERENCE_MODELS
from progressgym.preferences.pairs import Pairs
from tests.preferences.models.planted import linear

torch.set_num_threads(1)
FITTED = [name for name in PREFERENCE_MODELS.names() if name != "bradley-terry"]
NON_CONVEX = ["feature?hidden=3", "hrc", "hrc?k=2", "gpm", "gpm?k=2", "regret"]
LIMITS = [
    "feature",
    "hrc?k=0",
    "pal?k=1",
    "user?size=0",
    "user",
    "pal",
    "denoised?policy=none",
    "meta",
    "meta?eta=0",
    "regret",
]
"""Ids that are Bradley and Terry's where one user tells all."""


@pytest.mark.parametrize("name", LIMITS)
def test_each_has_bradley_and_terry_in_it_to_the_bit(name: str) -> None:
    pairs = linear(0, votes=True)
    parent = BradleyTerry().fit(pairs).margin(pairs)
    np.testing.assert_allclose(PREFERENCE_MODELS.make(name).fit(pairs).margin(pairs), parent, rtol=0, atol=1e-12)


def test_weights_of_the_limits_are_those_of_bradley_and_terry() -> None:
    pairs = linear(1, votes=True)
    parent = BradleyTerry().fit(pairs).weights
    for name in ("feature", "hrc?k=0", "denoised?policy=none", "meta?eta=0", "regret"):
        model = PREFERENCE_MODELS.make(name).fit(pairs)
        np.testing.assert_array_equal(model.parameters[0].numpy(), parent)
    for name in ("pal?k=1", "user?size=0", "pal", "user"):
        np.testing.assert_array_equal(PREFERENCE_MODELS.make(name).fit(pairs).vectors[0].numpy(), parent)


@pytest.mark.parametrize("name", [*FITTED, "feature?hidden=3", "gpm?k=2", "pal?distance=norm", "denoised?models=10"])
def test_weak_and_strong_preferences_are_recovered(name: str) -> None:
    """Exact probabilities of a linear reward: all of them must come near, whatever else they could say."""
    pairs = linear(2, count=400)
    model = PREFERENCE_MODELS.make(name)
    margins = np.asarray(model.fit(pairs[:300]).margin(pairs[300:]))
    truth = pairs[300:].target > 0.5
    assert ((margins > 0) == truth).mean() > 0.9


@settings(max_examples=1, deadline=None)
@given(seed=st.integers(0, 10**6))
@pytest.mark.parametrize("name", [*FITTED, *NON_CONVEX, "pal?distance=norm", "denoised?models=4&policy=flip-margin"])
def test_what_is_told_from_the_other_side_is_the_same(name: str, seed: int) -> None:
    pairs = linear(seed, count=30, votes=True)
    model = PREFERENCE_MODELS.make(name).fit(pairs)
    np.testing.assert_allclose(model.margin(pairs.swapped), -model.margin(pairs), atol=1e-9)


@pytest.mark.parametrize("name", NON_CONVEX)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    model = PREFERENCE_MODELS.make(name)
    if name == "regret":
        model.among(np.random.default_rng(0).normal(size=(3, 5, 4)))
    random = np.random.default_rng(1)
    left, right = random.normal(size=(2, 20, 4))
    if name == "regret":
        left, right = (np.hstack([side, random.integers(0, 5, (20, 2))]) for side in (left, right))
    batch = Batch.of(Pairs.of(left, right, random.random(20)))
    at = model.begin(batch) + 0.2 * torch.from_numpy(random.normal(size=model.begin(batch).shape))
    _, slope = gradient(lambda theta, rows: model.objective(theta, batch.rows(rows)), at)
    for p in range(at.shape[1]):
        step = torch.zeros_like(at)
        step[:, p] = 1e-5
        up, down = (model.objective(at + sign * step, batch) for sign in (1, -1))
        torch.testing.assert_close(slope[:, p], (up - down) / 2e-5, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        *(n for n in FITTED if n not in ("pal", "user")),
        "feature?hidden=3&ridge=1",
        "gpm?k=2&ridge=1",
        "denoised?models=4",
    ],
)
def test_a_batch_gives_what_single_fits_give(name: str) -> None:
    sets = [linear(seed, count=60, votes=True) for seed in range(2)]
    model = PREFERENCE_MODELS.make(name)
    assert isinstance(model, FittedModel)
    batch = Batch(**{key: torch.cat([vars(Batch.of(pairs))[key] for pairs in sets]) for key in vars(Batch.of(sets[0]))})
    together = model.solve(batch)
    for row, pairs in enumerate(sets):
        alone = PREFERENCE_MODELS.make(name).fit(pairs)
        # By their margins: a plane may be turned within itself, and nothing changes.
        margins = model.margins(together[row : row + 1], Batch.of(pairs))[0].numpy()
        np.testing.assert_allclose(margins, alone.margin(pairs), atol=1e-4)


@pytest.mark.parametrize("name", ["pal?k=3", "user?size=2", "pal?distance=norm"])
def test_users_in_a_table_and_one_by_one_are_the_same(name: str) -> None:
    """Four users are all asked the same 20 pairs, or told pair by pair; in a batch of two or alone."""
    random = np.random.default_rng(0)
    left, right, target = random.normal(size=(20, 3)), random.normal(size=(20, 3)), random.random((2, 4, 20))
    model = PREFERENCE_MODELS.make(name)
    assert isinstance(model, PersonalModel)
    both = Batch.of(Pairs.of(left, right)).repeated(2)
    table = Batch(
        **{**vars(both), "target": torch.from_numpy(target), "weight": torch.ones(2, 4, 20, dtype=torch.float64)}
    )
    vectors, _ = model.places(table, None, 4)
    for row in range(2):
        pairs = Pairs.of(np.tile(left, (4, 1)), np.tile(right, (4, 1)), target[row].ravel())
        alone, _ = model.places(Batch.of(pairs), torch.arange(4).repeat_interleave(20), 4)
        torch.testing.assert_close(vectors[row], alone[0], atol=1e-4, rtol=0)
        known = Pairs.of(pairs.left, pairs.right, pairs.target, group=np.repeat([3, 5, 8, 9], 20))
        torch.testing.assert_close(PREFERENCE_MODELS.make(name).fit(known).vectors, alone[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", FITTED)
def test_bad_input_is_one_line(name: str) -> None:
    pairs = linear(3, count=10)
    with pytest.raises(UserError, match="features is asked about 7"):
        PREFERENCE_MODELS.make(name).fit(pairs).margin(Pairs.of(np.zeros((1, 7)), np.ones((1, 7))))
    with pytest.raises(UserError, match="0 features is asked about 4"):
        PREFERENCE_MODELS.make(name).margin(pairs)
    with pytest.raises(UserError, match="weight"):
        PREFERENCE_MODELS.make(name).fit(Pairs.of(pairs.left, pairs.right, weight=0.0))


def test_descent_finds_the_minimum_of_every_row_for_itself() -> None:
    """Rosenbrock's valley with another bend for every row; its minimum is at (a, a^2)."""
    a = torch.tensor([0.5, 1.0, -1.5], dtype=torch.float64)

    asked: list[int] = []

    def valley(x: torch.Tensor, rows: torch.Tensor | None) -> torch.Tensor:
        asked.append(len(x))
        bend = a[: len(x)] if rows is None else a[rows]
        return (bend - x[:, 0]) ** 2 + 100.0 * (x[:, 1] - x[:, 0] ** 2) ** 2

    together = minimise(valley, torch.zeros(3, 2, dtype=torch.float64), tolerance=1e-9)
    assert {1, 3} <= set(asked)  # a step that went too far in one row is tried again in that row alone
    torch.testing.assert_close(together, torch.stack([a, a**2], 1), atol=1e-6, rtol=0)
    assert torch.equal(minimise(valley, torch.zeros(1, 2, dtype=torch.float64), tolerance=1e-9)[0], together[0])


def test_rows_of_a_batch() -> None:
    batch = Batch.of(linear(5, count=8)).repeated(3)
    some = batch.rows(torch.tensor([2, 0]))
    assert batch.rows(None) is batch and len(some) == 2
    torch.testing.assert_close(some.difference, batch.difference[[2, 0]], atol=0, rtol=0)
