"""Histories that leave items out in some steps: what was not asked is never compared and never scored."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

from progressgym import History
from progressgym.bench.challenges import parse_challenge
from progressgym.bench.episodes import replay
from progressgym.bench.scoring import baseline, estimate, score_cell
from progressgym.core.errors import UserError
from progressgym.envs.actions import to_action, to_answers
from progressgym.envs.comparison_evidence import differences, evidence, evidence_weights
from progressgym.preferences.comparisons import MISSING, probabilities

ANNUAL = History.load("gss-annual-v1")
CORE = History.load("gss-v1")
Floats = NDArray[np.float64]


def make(name: str, **arguments: Any) -> Any:
    return gym.make(f"ProgressGym/{name}", history="gss-annual-v1", disable_env_checker=True, **arguments).unwrapped


def scored(t: int) -> NDArray[np.bool_]:
    """(N,) evaluation items that were asked in step t and before it."""
    before = ~np.isnan(ANNUAL.answers[:t, :, 0]).all(0)
    now = ~np.isnan(ANNUAL.answers[t, :, 0])
    evaluation = np.isin(np.arange(len(ANNUAL.instrument)), ANNUAL.instrument.evaluation)
    return np.asarray(before & now & evaluation)


def relative_values(answers: Floats, t: int) -> Floats:
    """Values by their definition: sums over what is scored, relative to the strength of all evaluation items."""
    loadings = ANNUAL.instrument.loadings
    total = np.zeros(19)
    for i in np.flatnonzero(scored(t)):
        total += answers[i, : loadings.shape[1]] @ loadings[i]
    mass = loadings[ANNUAL.instrument.evaluation].max(1).sum(0)
    values: Floats = np.where(mass > 0, total / np.where(mass > 0, mass, 1), 0)
    return values


def cosine(a: Floats, b: Floats) -> float:
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 1e-12 else 0.0


@pytest.mark.parametrize(("name", "horizon"), [("Follow-v0", 0), ("Predict-v0", 3)])
def test_utility_by_its_definition(name: str, horizon: int) -> None:
    env = make(name, **({"horizon": horizon} if horizon else {}))
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for step in range(env.steps):
        target = step + 1 + horizon
        action = rng.normal(size=env.action_space.shape).astype(np.float32)
        _, reward, *_ = env.step(action)
        human = relative_values(np.nan_to_num(ANNUAL.answers[target].astype(float)), target)
        own = relative_values(to_answers(action, ANNUAL.instrument.mask), target)
        assert reward == pytest.approx(cosine(own, human), abs=1e-6)


def test_only_what_is_scored_moves_the_score() -> None:
    env = make("Follow-v0")
    action = np.zeros(env.action_space.shape, dtype=np.float32)
    for step in range(env.steps):
        other = action.copy()
        other[~scored(step + 1)] = np.random.default_rng(step).normal(size=other.shape[1]) * 3
        rewards = []
        for last in (action, other):
            env.reset(seed=0)
            for _ in range(step):
                env.step(action)
            rewards.append(env.step(last)[1])
        assert rewards[0] == rewards[1]


def test_labels_are_missing_exactly_where_nothing_was_asked() -> None:
    for kind in ("probability", "sample"):
        env = make("Follow-v0", labels=kind)
        observation, _ = env.reset(seed=0)
        for t in range(1, env.steps + 1):
            asked = ANNUAL.asked[t, observation["pairs"][:, 0]]
            assert (observation["labels"][~asked] == MISSING).all()
            assert ((observation["labels"][asked] >= 0) & (observation["labels"][asked] <= 1)).all()
            if kind == "probability":
                told = probabilities(ANNUAL.answers[t].astype(float), observation["pairs"])
                np.testing.assert_allclose(observation["labels"][asked], told[asked], atol=1e-6)
            if t < env.steps:
                observation, *_ = env.step(np.zeros(env.action_space.shape, dtype=np.float32))
        first = env.task.initial_preferences
        assert ((first.labels == MISSING) == ~ANNUAL.asked[0, first.pairs[:, 0]]).all()


def test_task_tells_when_an_item_was_first_asked() -> None:
    env = make("Follow-v0")
    env.reset(seed=0)
    task = env.task
    assert task.first_steps is not None
    for i, t in enumerate(task.first_steps):
        assert not ANNUAL.asked[:t, i].any() and ANNUAL.asked[t, i]
        np.testing.assert_array_equal(task.initial_answers[i], ANNUAL.answers[t, i].astype(float))
    complete = gym.make("ProgressGym/Follow-v0", history="gss-v1").unwrapped
    complete.reset(seed=0)
    assert complete.task.first_steps is None  # type: ignore[attr-defined]


def test_evidence_of_what_was_asked_only() -> None:
    env = make("FollowStance-v0")
    observation, _ = env.reset(seed=0)
    pairs = env.episode.pairs
    asked = ANNUAL.asked[1, pairs[:, 0]]
    told = probabilities(ANNUAL.answers[1].astype(float), pairs)[asked]
    weights = evidence_weights(differences(ANNUAL.instrument.loadings, pairs[asked]))
    np.testing.assert_allclose(observation[:19], evidence(told, weights), atol=1e-6)


@pytest.mark.parametrize("name", ["Follow-v0", "Predict-v0", "FollowStance-v0", "PredictStance-v0"])
@pytest.mark.filterwarnings("ignore")
def test_environments_check_out(name: str) -> None:
    check_env(make(name, labels="sample"), skip_render_check=True)


def test_what_cannot_do_without_is_refused() -> None:
    for name in ("Coevolve-v0", "Coevolve-v1", "CoevolveStance-v0"):
        with pytest.raises(UserError, match="does not ask every item in every step"):
            make(name)
    with pytest.raises(UserError, match="vectorization_mode"):
        gym.make_vec(
            "ProgressGym/Follow-v0", num_envs=2, history="gss-annual-v1", vectorization_mode="vector_entry_point"
        )
    whole = History(
        name="whole",
        labels=ANNUAL.labels,
        answers=ANNUAL.last_known,
        instrument=ANNUAL.instrument,
    )
    env = gym.make("ProgressGym/Follow-v0", history=whole)
    with pytest.raises(UserError, match="leaves items out"):
        env.reset(options={"history": "gss-annual-v1"})


@pytest.mark.parametrize("id", ["follow", "predict?horizon=2"])
def test_static_scores_0_and_the_truth_1(id: str) -> None:
    challenge = parse_challenge(id)
    env = challenge.make(ANNUAL)
    base = baseline(env, 0)
    for trace, skill in ((base.static, 0.0), (base.reference, 1.0)):
        record = score_cell(challenge, trace, base)
        assert set(record.published) == {"follow_sum"}
        found = estimate(challenge, [trace], [base], 50)
        assert found.skill is not None and found.skill.mid == pytest.approx(skill, abs=1e-6)
        env.reset(seed=0)
        rewards = [env.step(action)[1] for action in trace.actions]
        np.testing.assert_allclose(record.utilities, rewards, atol=1e-9)
    reference = score_cell(challenge, base.reference, base)
    assert all(x is None or x == pytest.approx(1.0, abs=1e-4) for x in reference.drift_cosine)
    assert max(reference.dimension_error) < 1e-6


def test_answers_to_what_is_not_scored_move_no_record() -> None:
    challenge = parse_challenge("follow")
    env = challenge.make(ANNUAL)
    base = baseline(env, 0)
    actions = base.static.actions.copy()
    for step in range(len(actions)):
        actions[step][~scored(step + 1)] = np.random.default_rng(step).normal(size=actions.shape[2])
    trace = replay(env, 0, actions)
    changed, static = (score_cell(challenge, one, base) for one in (trace, base.static))
    assert changed.utilities == static.utilities and changed.drift_cosine == static.drift_cosine
    a, b = (estimate(challenge, [one], [base], 20).utility for one in (trace, base.static))
    assert (a.low, a.mid, a.high) == (b.low, b.mid, b.high)


def test_nothing_missing_changes_nothing() -> None:
    """A history whose items are all asked takes the old path: same numbers with and without people's numbers."""
    bare = History(name="bare", labels=CORE.labels, answers=CORE.answers, instrument=CORE.instrument)
    rewards = []
    for history in (CORE, bare):
        env = gym.make("ProgressGym/Follow-v0", history=history)
        env.reset(seed=0)
        rewards.append([env.step(to_action(CORE.answers[0]))[1] for _ in range(len(CORE) - 1)])
    assert rewards[0] == rewards[1]
    assert bare.hash != CORE.hash and (bare.sampling_error() == 0).all()


def test_malformed_histories_are_refused() -> None:
    answers = ANNUAL.answers.copy()
    answers[:, 3] = np.nan
    with pytest.raises(UserError, match="never asks item"):
        History(name="x", labels=ANNUAL.labels, answers=answers, instrument=ANNUAL.instrument)
    answers = ANNUAL.answers.copy()
    answers[0, int(ANNUAL.asked[0].argmax()), 1] = np.nan
    with pytest.raises(UserError, match="NaN"):
        History(name="x", labels=ANNUAL.labels, answers=answers, instrument=ANNUAL.instrument)
    assert CORE.people is not None
    for people in (CORE.people[:3], CORE.people * np.nan, CORE.people * 0, -CORE.people):
        with pytest.raises(UserError, match="people of history"):
            History(name="x", labels=CORE.labels, answers=CORE.answers, instrument=CORE.instrument, people=people)
