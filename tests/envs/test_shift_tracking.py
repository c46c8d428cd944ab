"""ShiftTracking: people's own rates, a clean environment, and an agent that nobody can beat."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from progressgym.agents.shift_tracking import compare, exact, play, policies
from progressgym.core.errors import UserError
from progressgym.envs.shift_tracking import ShiftTrackingEnv
from progressgym.envs.shifts import FEWEST, shipped_shifts, summary, transitions

ID = "ProgressGym/ShiftTracking-v0"
PANEL = Path(os.environ.get("PROGRESSGYM_SHARED", "")) / "real" / "gss-panel"


def test_the_rates_are_those_of_people() -> None:
    if not (PANEL / "panel06.csv.gz").is_file():
        pytest.skip("the panel is not at hand; set PROGRESSGYM_SHARED to the folder that holds real/gss-panel")
    from research.shifts import count_shifts

    counted = [record for record in count_shifts(PANEL) if record.people >= FEWEST]
    assert tuple(counted) == shipped_shifts()
    assert [round(share, 3) for share in summary(counted)] == [0.809, 0.1, 0.091]
    least = min(counted, key=lambda record: record.same)
    assert (least.variable, round(least.same, 3)) == ("colrac", 0.653)


def test_environment_check_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(ID, render_mode="ansi").unwrapped)
    env = gym.make(ID, render_mode="ansi", steps=2)
    env.reset(seed=0)
    assert str(env.render()).startswith("step 0 of 2: 16 of 65 questions asked")
    assert env.spec is not None and env.spec.max_episode_steps == 2


def test_a_person_changes_at_the_rates() -> None:
    """Chains of 400 steps: each rate within five standard errors."""
    env = ShiftTrackingEnv(queries=65, steps=400)
    seen = np.zeros((65, 2, 2))
    for seed in range(5):
        observation, _ = env.reset(seed=seed)
        for _ in range(400):
            now, before = (observation[:130] > 0).astype(int).reshape(2, -1)
            seen[np.arange(65), before, now] += 1
            observation, *_ = env.step(np.zeros(130, dtype=np.float32))
    count = seen.sum(-1, keepdims=True)
    error = np.sqrt(env.rates * (1 - env.rates) / count)
    assert (np.abs(seen / count - env.rates) < 5 * error + 1e-9).all()


def test_what_is_known_is_said_and_the_rest_inferred() -> None:
    """Three steps by hand, against the sum over all paths."""
    rate = np.array([[[0.9, 0.1], [0.3, 0.7]]])
    act = exact(rate, 8)
    asked_before = act(np.array([0.0, 1.0, 1 / 8]))  # plus one step ago, not asked now
    np.testing.assert_allclose(asked_before, [2 * 0.7 - 1, 1.0])
    both = act(np.array([-1.0, 1.0, 2 / 8]))  # plus two steps ago, minus now
    np.testing.assert_allclose(both, [-1.0, 2 * (0.7 * 0.3) / (0.7 * 0.3 + 0.3 * 0.9) - 1])
    long_ago = act(np.array([0.0, -1.0, 3 / 8]))
    three = np.linalg.matrix_power(rate[0], 3)[0, 1], np.linalg.matrix_power(rate[0], 2)[0, 1]
    np.testing.assert_allclose(long_ago, [2 * three[0] - 1, 2 * three[1] - 1])


def test_saying_nothing_is_worth_nothing_and_everything_one() -> None:
    env = ShiftTrackingEnv(queries=65)
    observation, info = env.reset(seed=3)
    assert info == {"now": 0.0, "before": 0.0, "gap": 0.0}
    observation, reward, *_, info = env.step(observation[:130])
    assert reward == 1.0 and info == {"now": 1.0, "before": 1.0, "gap": 0.0}
    assert env.step(np.zeros(130, dtype=np.float32))[1] == 0.0
    assert env.step(-np.sign(np.concatenate([env._now, env._before]) - 0.5).astype(np.float32))[1] == -3.0


def test_agents_stand_in_the_order_of_what_they_know() -> None:
    table = compare(60)
    rewards = {name: rows["reward"][0] for name, rows in table.items()}
    assert rewards["static"] < rewards["last"] < rewards["pooled"] < rewards["filter"]
    assert rewards["filter"] == pytest.approx(0.551, abs=0.02)  # the page's figure
    assert table["filter"]["gap"][0] > 0, "what was before is told more easily"


def test_nobody_beats_the_filter_by_being_bolder_or_shyer() -> None:
    env = ShiftTrackingEnv(queries=10)
    best = policies(env)["filter"]()
    scores = [
        np.mean([play(env, lambda seen, by=by: np.clip(by * best(seen), -1, 1), seed)[0] for seed in range(60)])
        for by in (0.7, 1.0, 1.3)
    ]
    assert max(scores) == scores[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"queries": 66}, "queries"),
        ({"steps": 0}, "steps"),
        ({"queries": True}, "queries"),
        ({"render_mode": "x"}, "render mode"),
    ],
)
def test_wrong_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ShiftTrackingEnv(**arguments)  # type: ignore[arg-type]


def test_wrong_calls() -> None:
    env = ShiftTrackingEnv(steps=1)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.zeros(130, dtype=np.float32))
    with pytest.raises(UserError, match="reset option 'history'"):
        env.reset(options={"history": "x"})
    env.reset(seed=0)
    with pytest.raises(UserError, match="130 numbers"):
        env.step(np.full(130, np.nan, dtype=np.float32))
    with pytest.raises(UserError, match="130 numbers"):
        env.step(np.zeros(65, dtype=np.float32))
    assert env.step(np.full(130, np.inf, dtype=np.float32))[2] is True
    with pytest.raises(UserError, match="at each pole"):
        replace(shipped_shifts()[0], stayed_plus=0, left_plus=0)
    assert transitions(shipped_shifts()).sum(-1) == pytest.approx(1.0)
