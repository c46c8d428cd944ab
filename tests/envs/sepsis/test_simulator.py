"""The sepsis simulator: exact values of known policies, its published rules one by one, Gymnasium's promises."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import progressgym  # noqa: F401  (registers the environments)
from progressgym.core.errors import UserError
from progressgym.envs.debate.simulator import optimal_policy
from progressgym.envs.sepsis.dynamics import HORIZON, OBSERVED, action_name, build, table
from progressgym.envs.sepsis.mdp import TabularMDP, action_values, evaluate, greedy, occupancy, soften

ID = "ProgressGym/SepsisSimulator-v0"


def test_what_the_tables_are() -> None:
    """416 of 720 observed states are death, 1 is health, with or without diabetes; rows are probabilities."""
    mdp = build("corrected")
    assert mdp.transitions.shape == (8, 1440, 1440)
    np.testing.assert_allclose(mdp.transitions.sum(2), 1.0, atol=1e-12)
    assert (mdp.arrival < 0).sum() == 2 * 416 and (mdp.arrival > 0).sum() == 2
    assert mdp.initial.sum() == pytest.approx(1.0) and not mdp.initial[mdp.terminal].any()
    assert mdp.initial[OBSERVED:].sum() == pytest.approx(0.2), "one in five has diabetes"
    assert not mdp.transitions[:, :OBSERVED, OBSERVED:].any(), "diabetes does not come or go"


@pytest.mark.parametrize(
    ("glucose", "policy", "value"),
    [
        ("published", "random", -0.760),
        ("published", "none", -0.808),
        ("published", "optimal", 0.431),
        ("published", 0.05, 0.317),
        ("published", 0.15, 0.131),
        ("corrected", "random", -0.718),
        ("corrected", "optimal", 0.561),
    ],
)
def test_exact_values(glucose: str, policy: str | float, value: float) -> None:
    """Expected return within 20 steps; numbers are errors of a physician who treats optimally otherwise."""
    mdp = build(glucose)
    best = optimal_policy(glucose)
    if policy == "random":
        chosen = np.full((1440, 8), 1 / 8)
    elif policy == "none":
        chosen = np.eye(8)[np.zeros(1440, dtype=int)]
    else:
        chosen = best if isinstance(policy, str) else soften(best, policy)
    assert evaluate(mdp, chosen, HORIZON) == pytest.approx(value, abs=0.002)


def state(hr: int = 1, bp: int = 1, o2: int = 1, glucose: int = 2, abx: int = 0, vaso: int = 0, vent: int = 0) -> int:
    """Index of an observed state; all normal and untreated by default."""
    wanted = (hr, bp, o2, glucose, abx, vaso, vent)
    return int(np.flatnonzero((table() == wanted).all(1))[0])


@pytest.mark.parametrize(
    ("before", "action", "diabetic", "after", "chance"),
    [
        # antibiotics: heart rate high -> normal .5, pressure high -> normal .5; oxygen and glucose fluctuate
        ({"hr": 2, "bp": 2}, 4, 0, {"abx": 1}, 0.5 * 0.5 * 0.9 * 0.8),
        # withdrawn: heart rate normal -> high .1, pressure stays .9; no other fluctuation of either
        ({"abx": 1, "glucose": 0}, 0, 0, {"hr": 2, "glucose": 0}, 0.1 * 0.9 * 0.9 * 0.9),
        # ventilation: oxygen low -> normal .7; the rest fluctuates
        ({"o2": 0}, 2, 0, {"vent": 1}, 0.7 * 0.8 * 0.8 * 0.8),
        # vasopressors without diabetes: pressure low -> normal .7; glucose does not fluctuate
        ({"bp": 0}, 1, 0, {"vaso": 1}, 0.7 * 0.8 * 0.9),
        # with diabetes: pressure low -> high .4, glucose up one level .5
        ({"bp": 0}, 1, 1, {"bp": 2, "glucose": 3, "vaso": 1}, 0.4 * 0.5 * 0.8 * 0.9),
        # withdrawn with diabetes: pressure down .05
        ({"vaso": 1}, 0, 1, {"bp": 0}, 0.05 * 0.8 * 0.9 * 0.4),
        # antibiotics and vasopressors: pressure high -> normal .5, then up again .7
        ({"bp": 2}, 5, 0, {"bp": 2, "abx": 1, "vaso": 1}, (0.5 + 0.5 * 0.7) * 1.0 * 0.9),
    ],
)
def test_rules(before: dict[str, int], action: int, diabetic: int, after: dict[str, int], chance: float) -> None:
    """One line of the published rules each, by hand."""
    shift = diabetic * OBSERVED
    found = build("corrected").transitions[action, shift + state(**before), shift + state(**after)]
    assert found == pytest.approx(chance)


def test_the_two_glucose_rules() -> None:
    """Without diabetes, a normal glucose that should rise (.1) rises, or falls in the published code."""
    here, lower, higher = state(hr=0), state(hr=0, glucose=1), state(hr=0, glucose=3)
    still = 0.9 * 0.8 * 0.9  # heart rate (low: it cannot fall), pressure and oxygen stay
    fixed, faulty = build("corrected").transitions[0], build("published").transitions[0]
    assert fixed[here, higher] == pytest.approx(0.1 * still) and fixed[here, lower] == pytest.approx(0.1 * still)
    assert faulty[here, higher] == 0.0 and faulty[here, lower] == pytest.approx(0.2 * still)
    np.testing.assert_array_equal(
        build("corrected").transitions[:, OBSERVED:], build("published").transitions[:, OBSERVED:]
    )


def chain() -> TabularMDP:
    """Three states in a row, the last one pays 1 and ends: action 0 stays, action 1 goes on."""
    transitions = np.zeros((2, 3, 3))
    transitions[0] = np.eye(3)
    transitions[1] = [[0, 1, 0], [0, 0, 1], [0, 0, 1]]
    return TabularMDP(
        transitions=transitions,
        arrival=np.array([0.0, 0.0, 1.0]),
        initial=np.array([1.0, 0.0, 0.0]),
        terminal=np.array([False, False, True]),
    )


def test_planning_by_hand() -> None:
    """q(0, go) = 0.5 q(1, go) = 0.5; a policy that goes half the time has been through with 1/4 after two steps."""
    mdp = chain()
    q = action_values(mdp, mdp.rewards, 0.5)
    np.testing.assert_allclose(q, [[0.25, 0.5], [0.5, 1.0], [0.0, 0.0]])
    go = greedy(q)
    half = np.full((3, 2), 0.5)
    assert evaluate(mdp, go, 2) == 1.0 and evaluate(mdp, go, 1) == 0.0 and evaluate(mdp, half, 2) == 0.25
    np.testing.assert_allclose(occupancy(mdp, go, 5), [1.0, 1.0, 0.0])
    np.testing.assert_allclose(soften(go, 0.1)[:2], [[0.1, 0.9], [0.1, 0.9]])


def test_policy_iteration_is_optimal() -> None:
    """No action is better than the policy's own by its own values."""
    mdp = build("corrected")
    q = action_values(mdp, mdp.rewards, 0.99)
    value = q.max(1)
    again = mdp.rewards + 0.99 * (mdp.transitions @ value).T
    np.testing.assert_allclose(np.where(mdp.terminal[:, None], 0.0, again), q, atol=1e-9)


@pytest.mark.parametrize("observation", ["levels", "index"])
def test_check_env_is_clean(observation: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(ID, observation=observation).unwrapped)
        check_env(gym.make(ID, glucose="published", render_mode="ansi").unwrapped)


def test_episodes_follow_the_table() -> None:
    """The mean return of 3000 random episodes is within 4 standard errors of the exact one."""
    env: Any = gym.make(ID, disable_env_checker=True).unwrapped
    rng = np.random.default_rng(0)
    returns = []
    for episode in range(3000):
        env.reset(seed=0 if episode == 0 else None)
        total, over = 0.0, False
        while not over:
            _, reward, terminated, truncated, _ = env.step(int(rng.integers(8)))
            total, over = total + reward, terminated or truncated
        returns.append(total)
    exact = evaluate(env.mdp, np.full((1440, 8), 1 / 8), HORIZON)
    assert abs(np.mean(returns) - exact) < 4 * np.std(returns) / np.sqrt(len(returns))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"glucose": "fixed"}, "known: corrected, published"),
        ({"observation": "level"}, "did you mean 'levels'"),
        ({"horizon": 0}, "horizon is 0"),
        ({"render_mode": "video"}, "known: ansi, rgb_array"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gym.make(ID, **arguments)


def test_bad_actions_and_ends() -> None:
    env: Any = gym.make(ID).unwrapped
    with pytest.raises(gym.error.ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    with pytest.raises(UserError, match="no action 8"):
        env.step(8)
    assert action_name(7) == "antibiotics, vasopressors and ventilation"


def test_a_picture_and_the_wrapper_that_asks_for_one() -> None:
    """stable-baselines3 makes every environment with `rgb_array`."""
    from stable_baselines3.common.env_util import make_vec_env

    env = gym.make(ID, render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    assert isinstance(before, np.ndarray) and before.dtype == np.uint8 and before.shape == (320, 480, 3)
    env.step(0)  # one step only: any more may meet the episode's end
    after = env.render()
    assert isinstance(after, np.ndarray) and not np.array_equal(before, after)
    make_vec_env(ID, 2).reset()
