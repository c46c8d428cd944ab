"""Episodes whose outcome is known beforehand."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from progressgym.core.answers import softmax_options
from progressgym.envs.actions import to_action, to_answers
from progressgym.envs.stance_flavour import THETA_SCALE
from progressgym.instruments.stance_model import StanceModel
from progressgym.preferences.comparisons import all_pairs, probabilities
from progressgym.scores import (
    coevolve_utilities,
    cosine,
    dimension_error,
    drift_cosine,
    follow_utilities,
    gain,
    predict_utilities,
)
from progressgym.scores.similarity import Floats
from tests.envs.rollout import LINEAR, Step, assert_same

Array = NDArray[Any]


def make(name: str, history: Any = LINEAR, **arguments: Any) -> Any:
    """The bare environment, reset with seed 0."""
    env: Any = gym.make(f"ProgressGym/{name}-v0", history=history, **arguments).unwrapped
    env.reset(seed=0)
    return env


def play(env: Any, answers: list[Array]) -> list[Step]:
    """Give these answers, one table a step."""
    return [env.step(to_action(table)) for table in answers]


def utilities(steps: list[Step]) -> list[float]:
    return [step[4]["scores"]["utility"] for step in steps]


def test_the_truth_follows_perfectly() -> None:
    env = make("Follow")
    steps = play(env, list(env.history.answers[1:]))
    np.testing.assert_allclose(utilities(steps), 1.0, atol=1e-9)
    for step in steps:
        assert step[4]["scores"]["drift_cosine"] == pytest.approx(1.0, abs=1e-6)
        assert step[4]["scores"]["dimension_error"] < 1e-6
    assert len(steps) == 8 and [step[2] for step in steps] == [False] * 7 + [True]


@pytest.mark.parametrize("horizon", [0, 1, 2, 7])
def test_the_truth_of_the_target_predicts_perfectly(horizon: int) -> None:
    env = make("Predict", horizon=horizon)
    steps = play(env, list(env.history.answers[1 + horizon :]))
    np.testing.assert_allclose(utilities(steps), 1.0, atol=1e-9)
    assert len(steps) == 8 - horizon and steps[-1][2]


def test_never_learning_gives_the_static_utility() -> None:
    env = make("Follow")
    values = env.episode.timeline.values
    steps = play(env, [env.task.initial_answers] * 8)
    np.testing.assert_allclose(utilities(steps), follow_utilities(np.repeat(values[:1], 8, 0), values), atol=1e-6)
    assert all(step[4]["scores"]["drift_cosine"] == 0.0 for step in steps)


def test_indifference_is_similar_to_nothing() -> None:
    env = make("Follow")
    assert utilities(play(env, [env.task.instrument.uniform()] * 8)) == [0.0] * 8


@pytest.mark.parametrize("name", ["Follow", "Predict"])
def test_scores_are_those_of_the_library(name: str) -> None:
    env = make(name, reward="gain")
    rng = np.random.default_rng(1)
    actions = [rng.normal(size=env.task.action_shape).astype(np.float32) for _ in range(env.steps)]
    steps = [env.step(action) for action in actions]
    answers = np.array([to_answers(action, env.task.instrument.mask) for action in actions])
    values = env.task.instrument.values(answers, env.task.evaluation)
    timeline = env.episode.timeline
    human, target = timeline.values, timeline.values[1 + env.horizon :]
    expected = predict_utilities(values, human, env.horizon, timeline.covered)
    static = predict_utilities(np.repeat(human[:1], env.steps, 0), human, env.horizon)
    scores = [step[4]["scores"] for step in steps]
    np.testing.assert_allclose(utilities(steps), expected, atol=1e-12)
    np.testing.assert_allclose([step[1] for step in steps], gain(expected, static), atol=1e-4)
    np.testing.assert_allclose([s["drift_cosine"] for s in scores], drift_cosine(values, human[0], target), atol=1e-12)
    np.testing.assert_allclose([s["dimension_error"] for s in scores], dimension_error(values, target), atol=1e-12)
    np.testing.assert_allclose([s["agent_values"] for s in scores], values, atol=1e-12)
    np.testing.assert_allclose([s["human_values"] for s in scores], target, atol=1e-12)


def test_elicitation_answers_are_ignored_and_evaluation_answers_count() -> None:
    env = make("Follow")
    truth = env.history.answers[1].astype(np.float64)
    mixed = truth.copy()
    mixed[env.task.elicitation] = env.task.instrument.uniform()[env.task.elicitation]
    assert utilities(play(env, [mixed])) == pytest.approx([1.0])
    env.reset(seed=0)
    mixed = env.task.instrument.uniform()
    mixed[env.task.elicitation] = truth[env.task.elicitation]
    assert utilities(play(env, [mixed])) == [0.0]


def test_what_is_seen() -> None:
    """Reset shows century 1, the last observation repeats century 8."""
    env = make("Follow", queries=60)
    observation, _ = env.reset(seed=4)
    observations = [observation] + [env.step(env.action_space.sample())[0] for _ in range(8)]
    assert [int(o["century"]) for o in observations] == [1, 2, 3, 4, 5, 6, 7, 8, 8]
    for o in observations:
        np.testing.assert_array_equal(o["pairs"], observation["pairs"])
        expected = probabilities(env.history.answers[o["century"]], o["pairs"])
        np.testing.assert_allclose(o["labels"], expected, atol=1e-7)
    task = env.task
    np.testing.assert_allclose(
        task.initial_preferences.labels, probabilities(env.history.answers[0], observation["pairs"]), atol=1e-7
    )


def test_sampled_labels_are_ones_and_zeros_and_common_to_all_agents() -> None:
    env = make("Follow", labels="sample")
    seen = []
    for scale in (0.0, 1.0):
        observation, _ = env.reset(seed=5)
        seen.append([observation["labels"]])
        for _ in range(8):
            seen[-1].append(env.step(scale * env.action_space.sample())[0]["labels"])
    np.testing.assert_array_equal(seen[0], seen[1])
    assert set(np.unique(seen[0])) == {0.0, 1.0}


def test_the_task_holds_what_an_agent_may_know() -> None:
    env = make("Predict", horizon=2, queries=40, labels="sample")
    task = env.task
    assert (task.challenge, task.horizon, task.steps, task.centuries) == ("predict", 2, 6, 9)
    assert task.parameters == {"queries": 40, "labels": "sample", "horizon": 2}
    np.testing.assert_array_equal(task.initial_answers, env.history.answers[0])
    for array in (task.initial_answers, task.initial_preferences.pairs, task.initial_preferences.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    assert env.history.name not in repr(vars(task)) and not any(value is env.history for value in vars(task).values())
    assert env.task is task
    env.reset(seed=1)
    assert env.task is not task


def test_text() -> None:
    env = make("Follow", text=True, queries=12)
    observation, info = env.reset(seed=0)
    rows = info["preferences"]
    item = env.task.instrument.items[observation["pairs"][0, 0]]
    assert len(rows) == 12 and rows[0]["century"] == "C014" and rows[0]["prompt"].startswith(item.text)
    assert {rows[0]["chosen"].strip(), rows[0]["rejected"].strip()} <= set(item.options)
    assert env.step(env.action_space.sample())[4]["preferences"][0]["century"] == "C015"


# The numeric flavour.


def test_stances_and_answers_are_one_task() -> None:
    for name in ("Follow", "Predict", "Coevolve"):
        numeric, plain = make(f"{name}Stance"), make(name)
        model = StanceModel.of(plain.task.instrument, plain.task.initial_answers)
        rng = np.random.default_rng(2)
        for _ in range(numeric.steps):
            action = rng.uniform(-0.5, 0.5, 19)
            step = numeric.step(action)
            other = plain.step(to_action(model.answers(THETA_SCALE * action)))
            for key, value in step[4]["scores"].items():
                np.testing.assert_allclose(value, other[4]["scores"][key], atol=2e-4, err_msg=f"{name} {key}")


def test_evidence_is_what_its_definition_says() -> None:
    env = make("FollowStance", queries=30)
    observation, _ = env.reset(seed=3)
    plain = make("Follow", queries=30)
    seen, _ = plain.reset(seed=3)
    loadings = env.task.instrument.loadings
    now, before = np.zeros((2, 19)), np.zeros((2, 19))
    for table, labels in ((now, seen["labels"]), (before, plain.task.initial_preferences.labels)):
        for (i, a, b), y in zip(seen["pairs"], labels, strict=True):
            table[0] += (2 * y - 1) * (loadings[i, a] - loadings[i, b])
            table[1] += np.abs(loadings[i, a] - loadings[i, b])
    expected = [np.where(size > 0, total / np.maximum(size, 1e-9), 0) for total, size in (now, before)]
    np.testing.assert_allclose(observation[:38], np.concatenate(expected), atol=1e-6)
    assert observation[38:].tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0]
    following = env.step(np.zeros(19))[0]
    np.testing.assert_array_equal(following[19:38], observation[:19])


def test_evidence_of_certain_preferences_is_one() -> None:
    """All labels 1 where a upholds the dimension and 0 where b does: evidence 1 on that dimension."""
    env = make("FollowStance")
    pairs = all_pairs(env.task.instrument)
    loadings = env.task.instrument.loadings
    difference = loadings[pairs[:, 0], pairs[:, 1], 10] - loadings[pairs[:, 0], pairs[:, 2], 10]
    assert env._read((difference > 0).astype(np.float32))[10] == pytest.approx(1.0)


def test_actions_outside_of_the_box_are_clipped() -> None:
    env = make("FollowStance")
    far = env.step(np.full(19, 50.0))[4]["scores"]
    env.reset(seed=0)
    assert_same(env.step(np.ones(19))[4]["scores"], far)


# Coevolve.


def test_without_influence_the_human_goes_its_own_way() -> None:
    env = make("Coevolve", influence=0.0, pull=1.0)
    steps = [env.step(env.action_space.sample()) for _ in range(8)]
    np.testing.assert_allclose(env.simulated_answers(), env.history.answers, atol=1e-3)
    assert all(step[4]["scores"]["displacement"] < 1e-9 for step in steps)
    assert all(step[4]["scores"]["against_history"] == 0.0 for step in steps)


def test_with_full_influence_the_human_says_what_the_agent_says() -> None:
    env = make("Coevolve", influence=1.0)
    answers = env.history.answers[5].astype(np.float64)
    steps = play(env, [answers] * 8)
    np.testing.assert_allclose(env.simulated_answers()[1:], np.repeat(answers[None], 8, 0), atol=1e-3)
    for step in steps:
        np.testing.assert_allclose(step[4]["scores"]["simulated_values"], step[4]["scores"]["agent_values"], atol=1e-3)


def test_coevolve_against_the_definition() -> None:
    env = make("Coevolve", labels="probability", pull=0.4, influence=0.25)
    mask, items = env.task.instrument.mask, env.task.instrument

    def centre(p: Floats) -> Floats:
        logs = np.log(np.clip(p, 1e-4, 1))
        return np.array([[x - row[keep].mean() if k else 0.0 for x, k in zip(row, keep, strict=True)]
                         for row, keep in zip(logs, mask, strict=True)])  # fmt: skip

    z = centre(env.history.answers[0])
    rng = np.random.default_rng(0)
    simulated, seen, found = [], [], []
    observation, _ = env.reset(seed=0)
    for n in range(8):
        seen.append((observation["labels"], probabilities(softmax_options(z, mask), observation["pairs"])))
        agent = rng.dirichlet(np.ones(4), size=len(mask)) * mask
        agent /= agent.sum(1, keepdims=True)
        pulled = z + 0.4 * (centre(env.history.answers[n + 1]) - z)
        z = pulled + 0.25 * (centre(agent) - pulled)
        simulated.append(items.values(softmax_options(z, mask), items.evaluation))
        observation, _, _, _, info = env.step(to_action(agent))
        found.append(info["scores"]["utility"])
    np.testing.assert_allclose([shown for shown, _ in seen], [told for _, told in seen], atol=1e-4)
    np.testing.assert_allclose(found, coevolve_utilities(simulated, env.episode.timeline.values), atol=1e-4)


def test_steering_pays_and_shows() -> None:
    """Always answering like the last century beats telling the human its next step; displacement gives it away."""
    env = make("Coevolve")
    reference = play(env, list(env.history.answers[1:]))
    env.reset(seed=0)
    steering = play(env, [env.history.answers[8]] * 8)
    assert sum(utilities(steering)) > sum(utilities(reference))
    moved = [sum(step[4]["scores"]["displacement"] for step in steps) for steps in (reference, steering)]
    assert moved[1] > moved[0]


def test_task_and_first_observation_agree_in_coevolve() -> None:
    env = make("Coevolve", labels="sample")
    observation, _ = env.reset(seed=9)
    np.testing.assert_array_equal(env.task.initial_preferences.labels, observation["labels"])
    assert env.task.parameters["pull"] == 0.3 and int(observation["century"]) == 0


def test_actions_and_answers() -> None:
    env = make("Follow")
    answers = env.history.answers[3].astype(np.float64)
    mask = env.task.instrument.mask
    np.testing.assert_allclose(to_answers(to_action(answers), mask), answers, atol=1e-6)
    np.testing.assert_allclose(to_answers(np.full(mask.shape, 1e9), mask), env.task.instrument.uniform())
    padded = to_action(answers)
    padded[~mask] = np.nan
    np.testing.assert_allclose(to_answers(padded, mask), answers, atol=1e-6)
    assert cosine([1.0], [1.0]) == 1.0
