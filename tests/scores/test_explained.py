"""Drift explained: known answers, the truth's own error, intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.scores.explained import Truth, drift_explained, squared_errors
from progressgym.scores.resampling import item_contributions

Floats = NDArray[np.float64]
STEPS, ITEMS, DIMS = 6, 40, 5


def loadings(rng: np.random.Generator) -> Floats:
    """Two options each, the first upholding one dimension and touching another."""
    first = np.zeros((ITEMS, DIMS))
    rows = np.arange(ITEMS)
    first[rows, rows % DIMS] = 1.0
    first[rows, (rows + 1 + rows // DIMS) % DIMS] += rng.choice([-0.5, 0.5], ITEMS)
    return np.stack([first, -first], 1)


def chances(z: Floats) -> Floats:
    p = 1 / (1 + np.exp(-z))
    return np.stack([p, 1 - p], -1)


def paths(seed: int = 0) -> tuple[Floats, Floats]:
    """Loadings, and log-odds (T, N) of a drift with a part of every item's own."""
    rng = np.random.default_rng(seed)
    table = loadings(rng)
    base = rng.normal(size=ITEMS)
    drift = table[:, 0] @ rng.normal(size=DIMS) + 0.3 * rng.normal(size=ITEMS)
    return table, base + np.linspace(0, 1, STEPS + 1)[:, None] * drift


def truth_of(table: Floats, answers: Floats, respondents: float | None = None, runs: int = 1) -> Truth:
    return Truth(
        contributions=item_contributions(answers, table)[None],
        scored=np.ones((runs, 1, ITEMS), dtype=bool),
        masses=table.max(1),
        answers=answers[None],
        loadings=table,
        respondents=None if respondents is None else np.full((1, STEPS, ITEMS), respondents),
    )


def explained(table: Floats, z: Floats, agent: Floats) -> float:
    truth = truth_of(table, chances(z[1:]))
    static = squared_errors(item_contributions(chances(np.repeat(z[:1], STEPS, 0)), table)[None], truth)
    result = drift_explained(squared_errors(item_contributions(agent, table)[None], truth), static)
    assert result.interval is not None
    assert result.interval.low <= result.interval.mid <= result.interval.high
    return result.interval.mid


def test_truth_is_one_and_never_learning_is_zero() -> None:
    table, z = paths()
    assert explained(table, z, chances(z[1:])) == 1.0
    assert explained(table, z, chances(np.repeat(z[:1], STEPS, 0))) == 0.0


def test_saying_nothing_is_far_below_zero_although_its_cosine_is_near_one() -> None:
    table, z = paths()
    whisper = chances(0.001 * z[1:])
    assert explained(table, z, whisper) < -0.5


def test_one_step_by_hand() -> None:
    """One item, one dimension: human 0.6 -> values 0.2; static 0.5 -> 0; agent 0.55 -> 0.1: 1 - 0.01 / 0.04 = 0.75."""
    table = np.array([[[1.0], [-1.0]]])
    answers = np.array([[[0.6, 0.4]]])
    truth = Truth(
        contributions=item_contributions(answers, table)[None],
        scored=np.ones((1, 1, 1), dtype=bool),
        masses=table.max(1),
    )
    static = squared_errors(item_contributions(np.array([[[0.5, 0.5]]]), table)[None], truth)
    agent = squared_errors(item_contributions(np.array([[[0.55, 0.45]]]), table)[None], truth)
    assert static.mean == pytest.approx(0.04)
    assert 1 - agent.mean / static.mean == pytest.approx(0.75)


def test_sampling_error_of_the_truth_is_taken_off() -> None:
    """An agent that knows what people really think is not charged for how few of them were asked."""
    table, z = paths()
    exact = item_contributions(chances(z[1:]), table)[None]
    rng = np.random.default_rng(3)
    people, plain, corrected = 60, [], []
    for _ in range(60):
        share = rng.binomial(people, chances(z[1:])[..., 0]) / people
        measured = np.stack([share, 1 - share], -1)
        corrected.append(exact_error(truth_of(table, measured, people), exact))
        plain.append(exact_error(truth_of(table, measured), exact))
    assert np.mean(plain) > 0.02
    assert abs(np.mean(corrected)) < 0.15 * np.mean(plain)


def exact_error(truth: Truth, exact: Floats) -> float:
    """Summed squared distance without the floor at 0, which would hide a correction that is too large."""
    gap = (exact - truth.contributions).sum(2)
    return float(((gap**2 - truth.variances.sum(2)) / truth.mass**2).sum())


def test_reading_the_measured_truth_is_exactly_one_with_errors_too() -> None:
    table, z = paths()
    truth = truth_of(table, chances(z[1:]), 50.0)
    static = squared_errors(item_contributions(chances(np.repeat(z[:1], STEPS, 0)), table)[None], truth)
    own = squared_errors(truth.contributions, truth)
    result = drift_explained(own, static)
    assert own.mean == 0.0 and result.interval is not None and result.interval.mid == 1.0


def test_items_that_are_not_scored_change_nothing() -> None:
    table, z = paths()
    answers = chances(z[1:])
    mask = np.arange(ITEMS) % 2 == 0
    whole = truth_of(table, answers)
    half = replace(whole, scored=np.broadcast_to(mask, (1, 1, ITEMS)))
    agent = item_contributions(chances(z[1:] + 0.2), table)[None]
    odd = agent.copy()
    odd[:, :, ~mask] = 7.0
    assert squared_errors(agent, half).mean == squared_errors(odd, half).mean
    alone = Truth(
        contributions=whole.contributions[:, :, mask],
        scored=np.ones((1, 1, mask.sum()), dtype=bool),
        masses=table.max(1)[mask],
    )
    assert squared_errors(agent, half).mean == pytest.approx(squared_errors(agent[:, :, mask], alone).mean, rel=1e-12)


def test_jackknife_leaves_one_item_out() -> None:
    table, z = paths()
    truth = truth_of(table, chances(z[1:]), 200.0)
    agent = item_contributions(chances(0.5 * (z[1:] + z[0])), table)[None]
    whole = squared_errors(agent, truth)
    for item in (0, 17):
        mask = np.arange(ITEMS) != item
        again = squared_errors(agent, replace(truth, scored=np.broadcast_to(mask, (1, 1, ITEMS))))
        assert whole.without[item] == pytest.approx(again.runs[0], rel=1e-9)


def test_peoples_part_against_drawing_people_again() -> None:
    """First-order propagation gives the variance that redrawing every answer of 400 people has."""
    table, z = paths()
    p = chances(z[1:])
    agent = item_contributions(chances(0.5 * (z[1:] + z[0])), table)[None]
    told = float((squared_errors(agent, truth_of(table, p, 400.0)).people ** 2).sum())
    rng, drawn = np.random.default_rng(5), []
    for _ in range(1500):
        share = rng.binomial(400, p[..., 0]) / 400
        drawn.append(squared_errors(agent, truth_of(table, np.stack([share, 1 - share], -1))).mean)
    assert told == pytest.approx(float(np.var(drawn)), rel=0.15)


def test_people_of_a_shared_history_err_once_for_all_runs() -> None:
    table, z = paths()
    agent = item_contributions(chances(0.5 * (z[1:] + z[0])), table)[None]
    one, many = (squared_errors(agent, truth_of(table, chances(z[1:]), 200.0, runs=runs)) for runs in (1, 5))
    np.testing.assert_allclose(one.people, many.people)


def test_difference_of_an_agent_to_itself_is_zero_without_width() -> None:
    table, z = paths()
    truth = truth_of(table, chances(z[1:]), 500.0)
    static = squared_errors(item_contributions(chances(np.repeat(z[:1], STEPS, 0)), table)[None], truth)
    agent = squared_errors(item_contributions(chances(0.6 * z[1:] + 0.4 * z[0]), table)[None], truth)
    same = drift_explained(agent, static, other=agent).interval
    assert same is not None and (same.low, same.mid, same.high) == (0.0, 0.0, 0.0)
    ahead = drift_explained(agent, static, other=static).interval
    alone = drift_explained(agent, static).interval
    assert ahead == alone


def test_people_widen_the_interval_and_are_named() -> None:
    table, z = paths()
    widths = []
    for people in (None, 200.0, 20.0):
        truth = truth_of(table, chances(z[1:]), people)
        static = squared_errors(item_contributions(chances(np.repeat(z[:1], STEPS, 0)), table)[None], truth)
        agent = squared_errors(item_contributions(chances(0.6 * z[1:] + 0.4 * z[0]), table)[None], truth)
        result = drift_explained(agent, static)
        assert result.interval is not None
        assert sum(result.shares.values()) == pytest.approx(1.0)
        assert (result.shares["people"] > 0) == (people is not None)
        widths.append(result.interval.high - result.interval.low)
    assert widths == sorted(widths)


def test_no_drift_is_not_identified() -> None:
    table, z = paths()
    rng = np.random.default_rng(1)
    share = rng.binomial(100, chances(np.repeat(z[:1], STEPS + 1, 0))[..., 0]) / 100
    answers = np.stack([share, 1 - share], -1)
    truth = truth_of(table, answers[1:], 100.0)
    static = squared_errors(item_contributions(np.repeat(chances(z[:1]), STEPS, 0), table)[None], truth)
    assert drift_explained(static, static).interval is None


def test_shapes_and_numbers_are_checked() -> None:
    table, z = paths()
    truth = truth_of(table, chances(z[1:]))
    with pytest.raises(UserError, match="shape"):
        squared_errors(np.zeros((1, STEPS, ITEMS - 1, DIMS)), truth)
    with pytest.raises(UserError, match="NaN"):
        squared_errors(np.full((1, STEPS, ITEMS, DIMS), np.nan), truth)
