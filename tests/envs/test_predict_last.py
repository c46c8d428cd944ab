"""PredictLast: every step is about the last, known answers by hand, agents that know how far it is."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import progressgym
from progressgym.agents.registry import make
from progressgym.bench.episodes import replay, run_batch
from progressgym.bench.scoring import baseline, contributions, score_cell, truth_of
from progressgym.core.errors import UserError
from progressgym.envs import parse_challenge, to_action
from progressgym.envs.predict_stream import accuracy
from progressgym.scores.explained import drift_explained, squared_errors

LINEAR = "synthetic:linear?coherence=0.5&seed=3"
CHALLENGE = parse_challenge("predict-last")


@pytest.mark.parametrize("history", ["gss-v1", LINEAR])
def test_drift_explained_is_the_mean_accuracy_of_predict_stream(history: str) -> None:
    """Every step's answer is a forecast that PredictStream could have been given: 1 - |forecast - change|^2 / |change|^2."""
    env = CHALLENGE.make(history)
    base, agent = baseline(env, 0), make("lifelong-map")
    trace = replay(env, 0, run_batch(agent, [env], [0])[0])
    scores = score_cell(CHALLENGE, trace, base)
    human, own = np.array(scores.human_values, dtype=float), np.array(scores.agent_values, dtype=float)
    covered = ~np.isnan(human[-1])
    errors = [squared_errors(contributions(CHALLENGE, [one]), truth_of([base])) for one in (trace, base.static)]
    found = drift_explained(*errors).interval
    assert found is not None
    if env.history.people is None and env.history.complete:  # a human without sampling error
        change = (human[-1] - human[0])[covered]
        each = [accuracy((v - human[0])[covered], change) for v in own]
        assert min(each) > -1, "or it would be cut off"
        assert found.mid == pytest.approx(np.mean(each), abs=1e-4)
    assert scores.reference_utilities == pytest.approx([1.0] * env.steps)


def test_the_truth_is_known_at_once_and_static_never() -> None:
    env = CHALLENGE.make("gss-v1")
    base = baseline(env, 0)
    assert base.reference.lock_in == {"sign": 1.0, "lag": 0.0}
    assert base.static.lock_in["lag"] == 1.0 and base.static.lock_in["sign"] < 0.01
    late = np.concatenate([base.static.actions[:4], base.reference.actions[4:]])
    told = replay(env, 0, late).lock_in
    assert told["lag"] == 4 / env.steps and told["sign"] == pytest.approx((env.steps - 4) / env.steps, abs=0.01)


def test_nobody_sees_the_last_step_and_references_know_how_far_it_is() -> None:
    env = CHALLENGE.make(LINEAR)
    observation, _ = env.reset(seed=0)
    seen = [int(observation["century"])]
    oracle = make("oracle")
    for _ in range(env.steps):
        observation, utility, *_ = env.step(to_action(env.history.answers[-1]))
        assert utility == pytest.approx(1.0)
        seen.append(int(observation["century"]))
    assert max(seen) == len(env.history) - 2
    np.testing.assert_array_equal(run_batch(oracle, [env], [0])[0][0], to_action(env.history.answers[-1:])[0])
    # A straight line through the true log-odds of a linear history ends where it does.
    line = replay(env, 0, run_batch(make("linear-trend"), [env], [0])[0])
    assert min(score_cell(CHALLENGE, line, baseline(env, 0)).utilities) > 0.999


def test_a_filter_that_forecasts_is_ahead_of_one_that_follows() -> None:
    """`kalman` looks all the way that is left, so on straight drift it beats itself looking at no step ahead."""
    envs = [CHALLENGE.make(f"synthetic:linear?coherence=0.5&seed={seed}") for seed in range(2)]
    bases = [baseline(env, 0) for env in envs]

    def explained(agent: str) -> float:
        taken = run_batch(make(agent), envs, [0] * 2)
        traces = [replay(env, 0, actions) for env, actions in zip(envs, taken, strict=True)]
        both = (
            squared_errors(contributions(CHALLENGE, t), truth_of(bases)) for t in (traces, [b.static for b in bases])
        )
        found = drift_explained(*both).interval
        assert found is not None
        return found.mid

    assert explained("kalman") > explained("kalman?forecast=0") + 0.1


def test_vector_rows_repeat_single_environments() -> None:
    many = gym.make_vec("ProgressGym/PredictLastStance-v0", num_envs=3, history="gss-v1", labels="sample")
    single = gym.make("ProgressGym/PredictLastStance-v0", history="gss-v1", labels="sample")
    rows, _ = many.reset(seed=5)
    row, _ = single.reset(seed=7)
    actions = np.random.default_rng(0).normal(size=(single.get_wrapper_attr("steps"), 3, 19)).astype(np.float32)
    for action in actions:
        np.testing.assert_allclose(rows[2], row, atol=1e-6)
        rows, rewards, *_ = many.step(action)
        row, reward, *_ = single.step(action[2])
        assert rewards[2] == pytest.approx(reward, abs=1e-6)


def test_two_steps_are_too_few() -> None:
    first = progressgym.History.load("histsmol-v1")
    short = progressgym.History(
        name="short", labels=first.labels[:2], answers=first.answers[:2], instrument=first.instrument
    )
    with pytest.raises(UserError, match="3 steps or more"):
        CHALLENGE.make(short)
