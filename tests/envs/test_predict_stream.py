"""PredictStream: a clean environment, priced lag, no look ahead, and rules that know a trend from noise."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

import progressgym  # noqa: F401  (registers the environments)
from progressgym import History
from progressgym.agents.stream import D, StreamAgent, pooled
from progressgym.core.errors import UserError
from progressgym.envs.predict_stream import line
from progressgym.envs.vector.base import ROWS
from tests.envs.vector.reference import EXACT, MODES, assert_close, looped, native, plain

ID = "ProgressGym/PredictStream-v0"
READ = np.full(1 + D, -1.0)


def made(history: Any = "gss-v1", **arguments: Any) -> Any:
    return gym.make(ID, history=history, disable_env_checker=True, **arguments)


def written(env: Any, agent: StreamAgent, seed: int = 0) -> tuple[float, dict[str, Any]]:
    observation, _ = env.reset(seed=seed)
    agent.reset()
    total, done = 0.0, False
    while not done:
        observation, reward, done, truncated, info = env.step(agent.act(observation))
        total += reward
        assert not truncated and env.observation_space.contains(observation)
    return total, info["scores"]


@pytest.mark.parametrize("history", ["gss-v1", "gss-annual-v1", "synthetic:linear"])
def test_check_env_is_clean(history: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(ID, history=history, labels="sample", queries=15).unwrapped)
        spec = gym.make(ID, history=history).spec
    assert spec is not None and json.loads(spec.to_json())["entry_point"].startswith("progressgym.envs")
    assert spec.max_episode_steps == made(history=history).unwrapped.steps


def with_gap() -> History:
    """gss-v1 without a step's answers to the elicitation items."""
    history = History.load("gss-v1")
    assert history.people is not None
    answers, people = history.answers.copy(), history.people.copy()
    answers[5, history.instrument.elicitation], people[5, history.instrument.elicitation] = np.nan, 0.0
    return replace(history, answers=answers, people=people)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("history", "labels", "scheme"),
    [
        ("gap", "annotators", "uniforms-v2"),
        ("synthetic:linear", "sample", "uniforms-v1"),
        ("gap", "argmax", "uniforms-v1"),
    ],
)
def test_streams_read_to_the_end_are_single_ones(
    mode: str, backend: str, history: Any, labels: str, scheme: str
) -> None:
    """Row after row to the bit, what is observed; with steps in which nothing was asked; the last observation WRITEs."""
    arguments = {"history": with_gap() if history == "gap" else history, "labels": labels, "rng_scheme": scheme}
    precise = {"array_backend": backend, "dtype": "float64"}
    ours, theirs = native(ID, 5, mode, queries=30, **arguments, **precise), looped(ID, 5, mode, queries=30, **arguments)
    a, b = ours.reset(seed=3), theirs.reset(seed=3)
    random = np.random.default_rng(0)
    for n in range(22):
        np.testing.assert_array_equal(plain(a[0]), b[0], err_msg=f"step {n}")
        assert_close(a, b, EXACT, f"step {n}")
        if mode == "disabled" and n and b[2].any():
            a, b = (env.reset(options={"reset_mask": b[2].copy()}) for env in (ours, theirs))
            np.testing.assert_array_equal(plain(a[0]), b[0])
        actions = random.uniform(-1.0, 1.0, (5, 1 + D)).astype(np.float32)
        actions[:, 0] -= 0.8  # a tenth WRITEs
        a, b = ours.step(torch.tensor(actions) if backend == "torch" else actions), theirs.step(actions)


def test_many_streams_are_drawn_block_by_block() -> None:
    rows, arguments = ROWS + 1, {"history": "synthetic:linear", "labels": "sample", "queries": 20}
    wide = native(ID, rows, "next_step", **arguments)
    first, _ = wide.reset(seed=7)
    for row in (0, ROWS - 1, ROWS):
        np.testing.assert_array_equal(first[row], made(**arguments).reset(seed=7 + row)[0])


def test_what_is_written_has_a_gradient() -> None:
    """The accuracy's is 2 (change - forecast) / |change|^2; a READ has none."""
    envs = native(ID, 2, "disabled", history="gss-v1", array_backend="torch", dtype="float64")
    envs.reset(seed=0)
    actions = torch.full((2, 1 + D), 0.01, dtype=torch.float64)
    actions[1, 0] = -1.0
    _, rewards, done, _, infos = envs.step(actions.requires_grad_())
    (slope,) = torch.autograd.grad(rewards.sum(), actions)
    change = infos["scores"]["change"][0]
    expected = 2.0 * (change - 0.01) / (change @ change)
    torch.testing.assert_close(slope[0, 1:][envs.unwrapped._covered], expected)
    assert done.tolist() == [True, False] and not slope[1].any() and float(rewards[1].detach()) == -0.1 / 8


def test_the_return_is_accuracy_less_the_price_of_the_lag() -> None:
    for wait, lag in ((0, 0.0), (4, 0.5), (8, 1.0), (99, 1.0)):
        total, scores = written(made(lam=0.4), StreamAgent(rule="line", wait=wait))
        assert scores["lag"] == lag and total == pytest.approx(scores["accuracy"] - 0.4 * lag)
    env = made()
    env.reset(seed=0)
    change = env.unwrapped._change
    _, reward, _, _, info = env.step(np.concatenate([[1.0], change]))
    assert reward == 1.0 and info["scores"]["sign"] == 1.0 and info["scores"]["lag"] == 0.0
    np.testing.assert_array_equal(change, History.load("gss-v1").drift(env.unwrapped._instrument.evaluation)[-1])
    env.reset(seed=0)
    assert env.step(np.concatenate([[1.0], np.zeros(D)]))[1] == 0.0
    env.reset(seed=0)
    assert env.step(np.concatenate([[1.0], -5.0 * change]))[1] == -1.0


def test_nothing_of_evaluation_items_or_of_the_end_is_seen() -> None:
    history = History.load("gss-v1")
    hidden, end = history.answers.copy(), history.answers.copy()
    items = history.instrument.evaluation
    hidden[1:, items] = history.answers[:1, items][:, :, ::-1]
    hidden[1:, items] = np.where(history.instrument.mask[items], hidden[1:, items], 0.0)
    hidden[1:, items] /= hidden[1:, items].sum(-1, keepdims=True)
    end[-1] = history.instrument.uniform()
    seen = []
    for answers in (history.answers, hidden, end):
        env = made(replace(history, answers=answers), labels="sample")
        rows = [env.reset(seed=0)[0]]
        for _ in range(env.unwrapped.steps - 1):
            observation, _, _, _, info = env.step(READ)
            rows.append(observation)
            assert not info["scores"]["change"].any()
        seen.append(np.stack(rows))
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])


def test_observations_are_those_of_the_page() -> None:
    """Change of one pair by hand, and a line through three points."""
    env = made("synthetic:linear?seed=3", queries=1)
    observation, _ = env.reset(seed=0)
    history = env.unwrapped._source.fixed
    assert observation[0] == np.float32(1 / 8)
    moved = observation[1 : 1 + D]
    assert len(np.unique(np.abs(moved[moved != 0]))) == 1  # the same pair on each dimension that it speaks of
    assert history is not None and not observation[1 + 2 * D :].any()
    end, sure = line(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 1.0]]), 8)
    np.testing.assert_allclose(end, [8.0, 2 / 3 + 0.5 * 7])
    np.testing.assert_allclose(sure, [1.0, 0.5 / (0.5 + np.sqrt(1 / 6 / 2))])


def test_missing_answers_keep_their_last_label() -> None:
    """A step in which nothing was asked of the elicitation items shows the change of the step before."""
    env = made(with_gap())
    rows = [env.reset(seed=0)[0]] + [env.step(READ)[0] for _ in range(5)]
    np.testing.assert_array_equal(rows[4][1 : 1 + D], rows[3][1 : 1 + D])
    assert (rows[5][1 : 1 + D] != rows[4][1 : 1 + D]).any()


@pytest.mark.parametrize("action", [np.zeros(D), np.full(1 + D, np.nan), np.full(1 + D, np.inf), np.zeros((1, 1 + D))])
def test_wrong_actions(action: Any) -> None:
    env = made()
    env.reset(seed=0)
    with pytest.raises(UserError, match="20 finite numbers"):
        env.step(action)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lam": -0.1}, "lam"),
        ({"lam": float("nan")}, "lam"),
        ({"labels": "some"}, "kind of labels"),
        ({"render_mode": "human"}, "render mode"),
        ({"history": "synthetic:linear?centuries=2&seed=0"}, "3 steps or more"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        made(**arguments)


def test_reset_options() -> None:
    env = made()
    env.reset(seed=0, options={"history": "gss-v1"})
    for options in ({"history": "gss-annual-v1"}, {"histry": "gss-v1"}):
        with pytest.raises(UserError):
            env.reset(options=options)
    env.reset(seed=0)
    env.step(np.ones(1 + D))
    with pytest.raises(gym.error.ResetNeeded):
        env.step(READ)


def test_pooled_continues_a_trend_and_ignores_noise() -> None:
    random = np.random.default_rng(0)
    slope = random.normal(size=D)
    trend = np.arange(6)[:, None] * slope * 0.05
    np.testing.assert_allclose(pooled(trend, 10), 10 * 0.05 * slope, rtol=0.1, atol=0.02)
    noise = np.concatenate([np.zeros((1, D)), 0.1 * random.normal(size=(6, D))])
    assert (pooled(noise, 10) ** 2).sum() < 0.25 * (line(noise, 10)[0] ** 2).sum()
    assert not pooled(np.zeros((4, D)), 10).any()


def test_pooled_lies_above_the_line_at_equal_lag() -> None:
    """On gss-v1, mean of eight splits, at every lag."""
    envs = [made(f"gss-v1?split={split}" if split else "gss-v1") for split in range(8)]
    for wait in range(0, envs[0].unwrapped.steps, 2):
        mean = {
            rule: np.mean([written(env, StreamAgent(rule=rule, wait=wait))[0] for env in envs])
            for rule in ("line", "pooled")
        }
        assert mean["pooled"] > mean["line"]


@pytest.mark.heavy
def test_a_price_on_delay_makes_a_policy_write_earlier() -> None:
    """DPO with `losses.latency`: without a price it waits longer than the reference, and less with every higher price."""
    from research import predict_stream

    features, reached = zip(
        *(
            predict_stream.table(env, n)
            for n, env in enumerate(predict_stream.streams("synthetic:people-v1", "probability", 24))
        ),
        strict=True,
    )
    stacked, scores = torch.stack(features), torch.stack(reached).float()
    lags = torch.arange(stacked.shape[1]) / (stacked.shape[1] - 1)

    def lag(weights: torch.Tensor) -> float:
        return float((predict_stream.stops(stacked, weights).exp() @ lags).mean())

    assert predict_stream.stops(stacked, torch.tensor([0.3, -1.0, 0.2, 0.1])).exp().sum(-1).numpy() == pytest.approx(
        1.0
    )
    path = [lag(predict_stream.trained(stacked, scores, price)) for price in (0.0, 1.0, 4.0)]
    assert path[0] > lag(torch.tensor(predict_stream.REFERENCE)) and path[0] > path[1] > path[2]
