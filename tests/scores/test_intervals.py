"""The joint bootstrap against a slow one that recomputes every value vector from resampled answers."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.scores import (
    bootstrap_skill,
    coevolve_utilities,
    follow_utilities,
    interquartile_mean,
    item_contributions,
    item_masses,
    predict_utilities,
    probability_of_improvement,
)
from progressgym.scores.intervals import Utility, _draw

Floats = NDArray[np.float64]
N, K, D, T = 12, 3, 5, 4


def cell(seed: int, seeds: int = 3, steps: int = T - 1) -> tuple[Floats, Floats, Floats]:
    """Loadings (N, K, D), agent answers (seeds, steps, N, K) and human answers (T, N, K)."""
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(N, K, D)) * (rng.random((N, 1, D)) < 0.5)
    loadings -= loadings.mean(1, keepdims=True)
    human = rng.dirichlet(np.ones(K), size=(T, N))
    noise = rng.dirichlet(np.ones(K), size=(seeds, steps, N))
    return loadings, 0.7 * human[1 : 1 + steps] + 0.3 * noise, human


def estimate(seed: int, seeds: int = 3, resamples: int = 40, utility: Utility = follow_utilities):  # type: ignore[no-untyped-def]
    loadings, agent, human = cell(seed, seeds)
    x = item_contributions(human[None], loadings)
    return bootstrap_skill(
        agent=item_contributions(agent, loadings),
        static=np.repeat(x[:, :1], T - 1, 1),
        reference=x[:, 1:],
        human=x,
        masses=item_masses(loadings),
        utility=utility,
        resamples=resamples,
    )


def slow_values(answers: Floats, loadings: Floats, items: list[int]) -> Floats:
    values = np.zeros(D)
    for d in range(D):
        mass = sum(max(loadings[i, k, d] for k in range(K)) for i in items)
        total = sum(answers[i, k] * loadings[i, k, d] for i in items for k in range(K))
        values[d] = total / mass if mass > 0 else 0.0
    return values


def test_agrees_with_a_bootstrap_that_recomputes_everything() -> None:
    loadings, agent, human = cell(0)
    resamples, seeds = 20, 3
    rng = np.random.default_rng(0)
    item_weights, seed_weights = _draw(rng, resamples, N), _draw(rng, resamples, seeds)
    skills, leads = [], []
    for w, s in zip(item_weights, seed_weights, strict=True):
        items = [i for i in range(N) for _ in range(int(w[i]))]
        h = np.array([slow_values(human[t], loadings, items) for t in range(T)])
        u = []
        for chosen in (q for q in range(seeds) for _ in range(int(s[q]))):
            v = np.array([slow_values(agent[chosen, n], loadings, items) for n in range(T - 1)])
            u.append(follow_utilities(v, h).sum())
        static, reference = follow_utilities(np.repeat(h[:1], T - 1, 0), h).sum(), follow_utilities(h[1:], h).sum()
        skills.append((np.mean(u) - static) / (reference - static))
        leads.append(reference - static)
    found = estimate(0, resamples=resamples)
    assert found.skill is not None
    np.testing.assert_allclose([found.skill.low, found.skill.high], np.quantile(skills, [0.025, 0.975]), atol=1e-10)
    np.testing.assert_allclose([found.lead.low, found.lead.high], np.quantile(leads, [0.025, 0.975]), atol=1e-10)


def test_static_is_exactly_zero_and_the_reference_exactly_one() -> None:
    loadings, _, human = cell(1)
    x = item_contributions(human[None], loadings)
    static = np.repeat(x[:, :1], T - 1, 1)
    for agent, expected in ((static, 0.0), (x[:, 1:], 1.0)):
        found = bootstrap_skill(
            agent=np.repeat(agent, 4, 0),
            static=static,
            reference=x[:, 1:],
            human=x,
            masses=item_masses(loadings),
            utility=follow_utilities,
            resamples=50,
        ).skill
        assert found is not None
        np.testing.assert_allclose((found.low, found.mid, found.high), expected, atol=1e-12)


def test_a_history_that_stands_still_has_no_skill() -> None:
    loadings, agent, human = cell(2)
    x = item_contributions(np.repeat(human[:1], T, 0)[None], loadings)
    found = bootstrap_skill(
        agent=item_contributions(agent, loadings),
        static=x[:, 1:],
        reference=x[:, 1:],
        human=x,
        masses=item_masses(loadings),
        utility=follow_utilities,
    )
    assert found.skill is None and found.reference == pytest.approx(T - 1)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 3))
def test_intervals_are_ordered_and_finite(seed: int, seeds: int) -> None:
    for utility in (follow_utilities, coevolve_utilities):
        found = estimate(seed, seeds, utility=utility)
        assert found.utility.low <= found.utility.high and found.seeds == seeds
        if found.skill is not None:
            assert np.isfinite([found.skill.low, found.skill.mid, found.skill.high]).all()
            assert found.skill.low <= found.skill.high


def test_predict_with_a_horizon_and_a_history_a_seed() -> None:
    loadings, agent, human = cell(3, seeds=2, steps=T - 2)
    x = item_contributions(np.array([human, human[::-1]]), loadings)
    found = bootstrap_skill(
        agent=item_contributions(agent, loadings),
        static=np.repeat(x[:, :1], T - 2, 1),
        reference=x[:, 2:],
        human=x,
        masses=item_masses(loadings),
        utility=lambda v, h, covered: predict_utilities(v, h, 1, covered),
        resamples=30,
    )
    assert found.reference == pytest.approx(T - 2)


def test_repeatable() -> None:
    assert estimate(4) == estimate(4)


def test_misfits_are_named() -> None:
    loadings, agent, human = cell(5)
    x, a, masses = item_contributions(human[None], loadings), item_contributions(agent, loadings), item_masses(loadings)
    good = {"agent": a, "static": np.repeat(x[:, :1], T - 1, 1), "reference": x[:, 1:], "human": x}
    run = partial(bootstrap_skill, masses=masses, utility=follow_utilities)
    for change, message in (
        ({"agent": a[0]}, "agent contributions have shape"),
        ({"human": np.repeat(x, 2, 0)}, "human has 2 seeds"),
        ({"static": x}, "same number of steps"),
        ({"agent": a * np.nan}, "NaN"),
    ):
        with pytest.raises(UserError, match=message):
            run(**{**good, **change})


def test_a_thousand_resamples_of_ten_seeds_are_fast() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10, 9, 216, 19))
    start = time.process_time()
    bootstrap_skill(
        agent=x[:, 1:],
        static=x[:1, 1:],
        reference=x[:1, :8],
        human=x[:1],
        masses=np.abs(x[0, 0]),
        utility=follow_utilities,
    )
    assert time.process_time() - start < 3.0, "0.1 s on an idle core"


def test_interquartile_mean() -> None:
    """Of eight scores the two lowest and two highest are left out: (2 + 3 + 4 + 5) / 4."""
    assert interquartile_mean([-100.0, 1, 2, 3, 4, 5, 6, 1000]) == 3.5
    assert interquartile_mean([1.0, float("nan"), 3.0]) == 2.0
    assert interquartile_mean([]) is None
    assert interquartile_mean([float("nan")]) is None


def test_probability_of_improvement() -> None:
    assert probability_of_improvement([2.0, 3.0], [1.0]) == 1.0
    assert probability_of_improvement([1.0], [1.0]) == 0.5
    assert probability_of_improvement([float("nan")], [1.0]) is None
