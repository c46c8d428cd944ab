"""A drift that all items share: where it is found, and that pooling helps people's history in either direction of time."""

from __future__ import annotations

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

import progressgym
from progressgym.agents.filters.common import common_course
from progressgym.core.answers import Floats
from progressgym.core.errors import UserError
from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.split import balanced_split


def explained(name: str, history: History, horizon: int = 0, labels: str = "probability", seed: int = 0) -> float:
    """1 - sum |v_agent - v_human|^2 / sum |v_static - v_human|^2 of one episode."""
    env = gym.make("ProgressGym/Predict-v0", history=history, labels=labels, horizon=horizon).unwrapped
    observation, info = env.reset(seed=seed)
    agent = progressgym.agents.make(name)
    agent.reset(env.task, seed=seed)  # type: ignore[attr-defined]
    items = history.instrument.evaluation
    human = history.values(items)
    error = still = 0.0
    done, step = False, 1 + horizon
    while not done:
        observation, _, done, _, info = env.step(agent.act(observation, info))
        error += float(((env._path[-1] - human[step]) ** 2).sum())  # type: ignore[attr-defined]
        still += float(((human[0] - human[step]) ** 2).sum())
        step += 1
    return 1 - error / still


def split(history: History, seed: int) -> History:
    elicitation, evaluation = balanced_split(history.instrument.items, seed=seed)
    return replace(
        history, instrument=replace(history.instrument, elicitation=elicitation, evaluation=evaluation), card={}
    )


@pytest.fixture(scope="module")
def people() -> list[History]:
    """Four divisions of the items, none of them the shipped one."""
    history = History.load("gss-v1")
    return [split(history, seed) for seed in range(101, 105)]


def test_ends_of_an_item_are_one_apart() -> None:
    for name in ("people-core-v1", "moral19-v1"):
        instrument = Questionnaire.load(name)
        course = common_course(instrument)
        ends = np.where(instrument.mask, course, -np.inf).max(1) - np.where(instrument.mask, course, np.inf).min(1)
        assert set(np.unique(ends.round(9))) <= {0.0, 1.0} and ends.mean() > 0.8
        np.testing.assert_allclose(course.sum(1), 0.0, atol=1e-12)
        assert not course[~instrument.mask].any()


def test_purity_and_authority_stand_at_one_end_and_freedom_at_the_other() -> None:
    instrument = Questionnaire.load("people-core-v1")
    course = common_course(instrument)
    together = np.einsum("nk,nkd->d", course, instrument.loadings)
    purity, authority, freedom = (instrument.dimensions.index(name) for name in ("purity", "authority", "freedom"))
    assert together[purity] * together[authority] > 0 > together[purity] * together[freedom]


def test_without_it_the_filter_is_the_plain_one(people: list[History]) -> None:
    assert explained("kalman-pooled?common=0", people[0]) == explained("kalman-trend", people[0])


@pytest.mark.parametrize("horizon", [0, 4])
def test_pooling_helps_on_people(people: list[History], horizon: int) -> None:
    """Twenty years ahead as today, on average over splits."""
    gains = [explained("kalman-pooled", h, horizon) - explained("kalman", h, horizon) for h in people]
    assert np.mean(gains) > 0.02


def test_it_does_not_know_which_way_values_go(people: list[History]) -> None:
    """The same history told backwards drifts the other way, and is followed too, nearly as well as without pooling."""
    backwards = [replace(h, answers=h.answers[::-1].copy(), people=None) for h in people]
    gains = [explained("kalman-pooled", h) - explained("kalman", h) for h in backwards]
    assert np.mean([explained("kalman-pooled", h) for h in backwards]) > 0.5 and np.mean(gains) > -0.1


def test_one_vote_a_question_is_enough_on_people(people: list[History]) -> None:
    found = [explained("kalman-pooled", h, labels="sample", seed=seed) for h in people for seed in range(3)]
    assert np.mean(found) > 0.2
    assert np.mean(found) > np.mean([explained("kalman", h, labels="sample", seed=s) for h in people for s in range(3)])


def test_values_that_only_waver_around_a_level_are_not_chased(people: list[History]) -> None:
    """Noise around a level: a trend that continues the last move would be far below 0."""
    rng = np.random.default_rng(0)
    base = people[0]
    wavering = np.where(base.instrument.mask, np.log(np.maximum(base.answers[:1], 1e-6)), 0.0) + 0.4 * rng.normal(
        size=base.answers.shape
    )
    chances: Floats = np.where(base.instrument.mask, np.exp(wavering), 0.0)
    history = replace(base, answers=(chances / chances.sum(-1, keepdims=True)).astype(np.float32), people=None)
    assert explained("kalman-pooled", history, horizon=1) > -0.1


def test_its_size_is_checked() -> None:
    with pytest.raises(UserError, match="common is -1; use a number from 0 to 100"):
        progressgym.agents.make("kalman-pooled", common=-1)
