"""The joint bootstrap and its intervals against slow code that recomputes every value vector from resampled answers."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.scores import (
    Panel,
    SkillEstimate,
    bootstrap_skill,
    coevolve_utilities,
    estimate_skill,
    follow_utilities,
    item_contributions,
    item_masses,
    predict_utilities,
)
from progressgym.scores.intervals import centred_interval, ratio_interval, tails
from progressgym.scores.resampling import draw_counts
from progressgym.scores.utilities import Utility

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


def estimate(seed: int, seeds: int = 3, resamples: int = 40, utility: Utility = follow_utilities) -> SkillEstimate:
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


def steady(seed: int, drift: float = 1.0, seeds: int = 4, items: int = 200) -> dict[str, Any]:
    """Contributions of a history that moves along one direction by `drift`, an agent half-way behind it with noise."""
    rng = np.random.default_rng(seed)
    loadings = np.eye(D)[np.arange(items) % D]
    level = rng.normal(size=D)
    path = level + drift * np.arange(T)[:, None] * np.roll(level, 1) / T
    human = path @ loadings.T + 0.3 * rng.normal(size=items)
    agent = (human[0] + human[1:]) / 2 + 0.2 * rng.normal(size=(seeds, T - 1, items))

    def x(z: Floats) -> Floats:
        return np.tanh(z)[..., None] * loadings

    return {
        "agent": x(agent),
        "static": x(np.repeat(human[None, :1], T - 1, 1)),
        "reference": x(human[None, 1:]),
        "human": x(human[None]),
        "masses": loadings,
    }


def slow_values(answers: Floats, loadings: Floats, items: list[int]) -> Floats:
    values = np.zeros(D)
    for d in range(D):
        mass = sum(max(loadings[i, k, d] for k in range(K)) for i in items)
        total = sum(answers[i, k] * loadings[i, k, d] for i in items for k in range(K))
        values[d] = total / mass if mass > 0 else 0.0
    return values


@pytest.mark.parametrize("challenge", ["follow", "coevolve"])
def test_resamples_agree_with_recomputing_everything(challenge: str) -> None:
    """Items and seeds are written out as lists, values summed in loops."""
    loadings, agent, human = cell(0)
    resamples, seeds = 15, 3
    rng = np.random.default_rng(0)
    item_counts, seed_counts = draw_counts(rng, resamples, N), draw_counts(rng, resamples, seeds)
    utility = follow_utilities if challenge == "follow" else coevolve_utilities
    x = item_contributions(human[None], loadings)
    panel = Panel.draw(
        static=np.repeat(x[:, :1], T - 1, 1),
        reference=x[:, 1:],
        human=x,
        masses=item_masses(loadings),
        utility=utility,
        seeds=seeds,
        resamples=resamples,
    )
    fast = panel.utilities(item_contributions(agent, loadings))
    expected = []
    for b, w in enumerate([np.ones(N), *item_counts]):
        items = [i for i in range(N) for _ in range(int(w[i]))]
        h = np.array([slow_values(human[t], loadings, items) for t in range(T)])
        rows = [np.array([slow_values(agent[s, n], loadings, items) for n in range(T - 1)]) for s in range(seeds)]
        expected.append([float(utility(v, h).sum()) for v in rows])
        assert panel.static[b, 0] == pytest.approx(float(utility(np.repeat(h[:1], T - 1, 0), h).sum()))
        assert panel.reference[b, 0] == pytest.approx(float(utility(h[1:], h).sum()))
    np.testing.assert_allclose(fast, expected, atol=1e-10)
    spread = math.sqrt(seeds / (seeds - 1))
    slow_means = []
    for b, counts in enumerate(seed_counts):
        drawn = [expected[b + 1][s] for s in range(seeds) for _ in range(int(counts[s]))]
        plain = sum(expected[b + 1]) / seeds
        slow_means.append(plain + spread * (sum(drawn) / seeds - plain))
    np.testing.assert_allclose(panel.mean(fast)[1], slow_means, atol=1e-10)


def slow_ratio_interval(gain: float, gains: list[float], lead: float, leads: list[float]) -> tuple[float, float]:
    """Every step by itself, as the module's text says it."""
    count = len(gains)
    top = [gain + g - sum(gains) / count for g in gains]
    bottom = [lead + x - sum(leads) / count for x in leads]
    skills = []
    for y, x in zip(top, bottom, strict=True):
        if x > 1e-6:
            skills.append(y / x)
        else:
            skills.append(0.0 if y == 0 else math.copysign(math.inf, y))
    skills.sort()
    outside = int(count * 0.025 + 1e-9)
    return min(skills[outside], gain / lead), max(skills[count - 1 - outside], gain / lead)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 120), st.floats(0.05, 2.0), st.floats(0.0, 0.6))
def test_ratio_interval_agrees_with_its_text(seed: int, count: int, lead: float, spread: float) -> None:
    rng = np.random.default_rng(seed)
    gains, leads = rng.normal(size=count), lead * (1 + spread * rng.normal(size=count))
    found = ratio_interval(0.3, gains, lead, leads)
    expected = slow_ratio_interval(0.3, gains.tolist(), lead, leads.tolist())
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.low <= found.mid <= found.high


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.floats(-3.0, 3.0), st.floats(0.0, 0.25))
def test_skill_excludes_zero_exactly_when_the_gain_does(seed: int, gain: float, spread: float) -> None:
    """With leads that are all positive after centring: the sign of a ratio is that of its numerator."""
    rng = np.random.default_rng(seed)
    gains, leads = rng.normal(size=200), 1 + spread * np.clip(rng.normal(size=200), -3, 3)
    found, top = ratio_interval(gain, gains, 1.0, leads), centred_interval(gain, gains)
    assert (found.low > 0, found.high < 0) == (top.low > 0, top.high < 0)


def test_resamples_without_a_lead_are_unbounded_not_left_out() -> None:
    """Of 100 resamples 2 may be outside on either side. With 2 leads gone the bounds are finite, with 3 one is not.

    Leads 1, but 0 where gone; the mean moves every other one up a little. Gains 0.5 everywhere: gone leads mean +inf.
    """
    for gone, finite in ((2, True), (3, False)):
        leads = np.ones(100)
        leads[:gone] = _zero_after_centring(100, gone)
        found = ratio_interval(0.5, np.full(100, 0.5), 1.0, leads)
        assert math.isfinite(found.high) == finite and math.isfinite(found.low)
    up = ratio_interval(-0.5, np.full(100, -0.5), 1.0, leads)
    assert up.low == -math.inf and math.isfinite(up.high)
    assert ratio_interval(0.0, np.zeros(100), 1.0, leads).high == 0.0, "static stays at 0 even without a lead"


def _zero_after_centring(count: int, gone: int) -> float:
    """x with 1 + x - mean = 0 where `gone` of `count` leads are x and the others 1: x = mean - 1."""
    return -count / (count - gone) + 1


def test_tails_by_hand() -> None:
    """Of 80 numbers 2 stay outside on either side; of 39 none does."""
    assert tails(np.arange(80.0)) == (2.0, 77.0)
    assert tails(np.arange(39.0)) == (0.0, 38.0)
    assert centred_interval(10.0, [7.0]).low == 10.0, "one resample has no spread"


def test_a_shift_of_all_resamples_changes_nothing() -> None:
    """The bias that resampled items bring is what percentiles mistake for uncertainty."""
    draws = np.random.default_rng(0).normal(size=500)
    a, b = centred_interval(1.0, draws), centred_interval(1.0, draws + 100.0)
    assert (a.low, a.high) == pytest.approx((b.low, b.high))


def test_static_is_exactly_zero_and_the_reference_exactly_one() -> None:
    data = steady(1)
    for name, expected in (("static", 0.0), ("reference", 1.0)):
        found = bootstrap_skill(**{**data, "agent": np.repeat(data[name], 4, 0)}, utility=follow_utilities).skill
        assert found is not None
        np.testing.assert_allclose((found.low, found.mid, found.high), expected, atol=1e-12)


def test_the_skill_of_the_data_is_the_definition() -> None:
    data = steady(2)
    found = bootstrap_skill(**data, utility=follow_utilities, resamples=100)
    values = {name: x.sum(2) / data["masses"].sum(0) for name, x in data.items() if name != "masses"}
    u = {
        name: follow_utilities(values[name], values["human"]).sum(-1).mean()
        for name in ("agent", "static", "reference")
    }
    assert found.skill is not None and found.item_bias is not None
    assert found.skill.mid == pytest.approx((u["agent"] - u["static"]) / (u["reference"] - u["static"]))
    assert found.skill.low < found.skill.mid < found.skill.high
    assert np.mean(found.runs) == pytest.approx(found.skill.mid) and len(found.runs) == 4


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
    assert found.skill is None and found.item_bias is None and found.runs == ()
    assert found.reference == pytest.approx(T - 1)


def test_a_lead_of_nothing_but_item_noise_is_not_identified() -> None:
    """Every item answers anew each century around a fixed level: the distances are positive, the drift is not there."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(20):
        items = 100
        loadings = np.eye(D)[np.arange(items) % D]
        z = np.tile([0.8, -0.5, 0.3, 0.6, -0.9], items // D) + 0.4 * rng.normal(size=(T, items))
        x = (np.tanh(z)[..., None] * loadings)[None]
        estimate = bootstrap_skill(
            agent=x[:, 1:],
            static=np.repeat(x[:, :1], T - 1, 1),
            reference=x[:, 1:],
            human=x,
            masses=loadings,
            utility=follow_utilities,
            resamples=200,
        )
        assert estimate.lead.mid > 1e-3, "what percentiles would call identified"
        found.append(estimate.skill is None)
    assert np.mean(found) > 0.75
    assert bootstrap_skill(**steady(0, drift=2.0), utility=follow_utilities).skill is not None


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 3))
def test_intervals_are_ordered_and_finite_and_hold_their_estimate(seed: int, seeds: int) -> None:
    for utility in (follow_utilities, coevolve_utilities):
        found = estimate(seed, seeds, utility=utility)
        assert found.seeds == seeds and found.utility.high <= T - 1 + 1e-12
        for one in (found.utility, found.lead, found.skill):
            if one is not None:
                assert one.low <= one.mid <= one.high and np.isfinite([one.low, one.high]).all()


def test_one_seed_one_step_one_resample() -> None:
    """Two centuries make one step; one seed leaves the items' spread only; one resample leaves no spread at all."""
    data = {name: x[:1, :2] if name != "masses" else x for name, x in steady(3).items()}
    data = {**data, **{name: data[name][:, :1] for name in ("agent", "static", "reference")}}
    found = bootstrap_skill(**data, utility=follow_utilities)
    assert found.seeds == 1 and found.utility.low < found.utility.mid and found.reference == pytest.approx(1.0)
    alone = bootstrap_skill(**data, utility=follow_utilities, resamples=1)
    assert alone.utility.low == alone.utility.high == alone.utility.mid


def test_an_agent_without_values_has_utility_zero() -> None:
    """sim(0, .) = 0 on every resample: no NaN, no warning, a skill far below 0."""
    data = steady(4)
    with np.errstate(all="raise"):
        found = bootstrap_skill(**{**data, "agent": np.zeros_like(data["agent"])}, utility=follow_utilities)
    assert (found.utility.low, found.utility.mid, found.utility.high) == (0.0, 0.0, 0.0)
    assert found.skill is not None and found.skill.high < 0


def test_a_dimension_that_no_drawn_item_measures_is_left_out() -> None:
    """One item alone measures the last dimension: 36 % of the resamples miss it, and none becomes NaN."""
    data = steady(5, items=200)
    masses = data["masses"].copy()
    lonely = np.flatnonzero(masses[:, -1])[1:]
    masses[lonely, -1] = 0.0
    changed = {name: x if name == "masses" else x * (masses > 0) for name, x in data.items()} | {"masses": masses}
    found = bootstrap_skill(**changed, utility=follow_utilities)
    assert found.skill is not None and math.isfinite(found.skill.low)


def test_equal_seeds_are_computed_once_with_the_same_result() -> None:
    data = steady(6)
    equal = {**data, "agent": np.repeat(data["agent"][:1], 4, 0)}
    shared = {k: v for k, v in equal.items() if k != "agent"}
    panel = Panel.draw(**shared, utility=follow_utilities, seeds=4, resamples=50)
    u = panel.utilities(equal["agent"])
    assert u.shape == (51, 4) and (u == u[:, :1]).all()
    np.testing.assert_allclose(u[:, 0], panel.utilities(data["agent"])[:, 0], atol=1e-12)


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
    good: dict[str, Any] = {"agent": a, "static": np.repeat(x[:, :1], T - 1, 1), "reference": x[:, 1:], "human": x}
    run = partial(bootstrap_skill, masses=masses, utility=follow_utilities)
    for change, message in (
        ({"agent": a[0]}, "agent contributions have shape"),
        ({"human": np.repeat(x, 2, 0)}, "human has 2 seeds"),
        ({"static": x}, "same number of steps"),
        ({"agent": a[:, :1]}, "same number of steps"),
        ({"agent": a * np.nan}, "agent contributions hold NaN"),
        ({"human": np.full_like(x, np.inf)}, "human contributions hold NaN or infinite"),
        ({"agent": a[:0]}, "at least one seed"),
    ):
        with pytest.raises(UserError, match=message):
            run(**{**good, **change})
    with pytest.raises(UserError, match="resamples is 0"):
        run(**good, resamples=0)


def test_coverage_of_a_known_truth() -> None:
    """Half-way behind a steady drift, 60 small questionnaires: nine in ten intervals and more hold the expected skill.

    `research/coverage.py` has the whole picture; this would notice intervals that became far too narrow.
    """
    found = []
    for seed in range(60):
        rng = np.random.default_rng(100 + seed)
        items = 100
        loadings = np.eye(D)[np.arange(items) % D]
        level = np.array([0.8, -0.5, 0.3, 0.6, -0.9])
        human = (level + np.arange(T)[:, None] * np.roll(level, 1) / T) @ loadings.T + 0.3 * rng.normal(size=items)
        agent = (human[0] + human[1:]) / 2 + 0.3 * rng.normal(size=(5, T - 1, items))
        x = [(np.tanh(z)[..., None] * loadings) for z in (agent, human[None])]
        panel = Panel.draw(
            static=np.repeat(x[1][:, :1], T - 1, 1),
            reference=x[1][:, 1:],
            human=x[1],
            masses=loadings,
            utility=follow_utilities,
            seeds=5,
            resamples=200,
        )
        found.append(estimate_skill(panel, panel.utilities(x[0])))
    truth = np.mean([f.utility.mid - f.static for f in found]) / np.mean([f.lead.mid for f in found])
    bounds = [f.skill for f in found]
    assert None not in bounds
    held = [b.low <= truth <= b.high for b in bounds if b is not None]
    assert np.mean(held) >= 0.88
    spread = np.std([b.mid for b in bounds if b is not None])
    assert np.mean([b.high - b.low for b in bounds if b is not None]) < 1.6 * 3.92 * spread, "not simply wide"
