"""Challenges are asked, never recognised: each says the truth about its environment, and a new one is one file."""

from __future__ import annotations

import importlib
import inspect
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from rich.console import Console

from progressgym.bench.plan import make_plan
from progressgym.bench.runner import run_bench, steps_of
from progressgym.bench.table import render
from progressgym.core.errors import UserError
from progressgym.core.registry import Entry
from progressgym.envs import BENCHMARKED, add_challenge
from progressgym.envs.actions import to_action, to_answers
from progressgym.envs.challenge import CHALLENGES, Challenge, challenge_class, challenge_of, defaults, parse_challenge
from progressgym.envs.coevolve import CoevolveEnv
from progressgym.leaderboard.board import challenge_in
from progressgym.leaderboard.site.columns import columns_of, measures_of
from progressgym.leaderboard.standings_data import shipped_standings

LINEAR = "synthetic:linear?coherence=0.5&seed=1"
NO_ARGUMENTS = {
    "self",
    "history",
    "instrument",
    "reward",
    "reward_items",
    "text",
    "scores",
    "rng_scheme",
    "render_mode",
}


@pytest.mark.parametrize("name", CHALLENGES)
def test_a_challenge_has_the_arguments_of_its_environment(name: str) -> None:
    kind = challenge_class(name)
    spec = gym.spec(kind.environment)
    module, _, attribute = str(spec.entry_point).partition(":")
    signature = inspect.signature(getattr(importlib.import_module(module), attribute).__init__)
    own = {key: one.default for key, one in signature.parameters.items() if key not in NO_ARGUMENTS}
    assert defaults(kind) == {**own, **spec.kwargs}


@pytest.mark.parametrize("name", CHALLENGES)
def test_a_challenge_says_the_truth_about_its_environment(name: str) -> None:
    challenge = parse_challenge(name)
    assert challenge.name == challenge.id == name and challenge.summary and challenge.title
    assert challenge.cost is None or challenge.cost in [measure.name for measure in challenge.measures]
    env = challenge.make(LINEAR)
    observation, _ = env.reset(seed=0)
    assert env.challenge == challenge.kind and env.horizon == challenge.horizon
    assert int(observation["century"]) == challenge.first_shown
    assert challenge_of(env.task).arguments == challenge.arguments
    same = type(challenge_of(env.task))
    for what in {*vars(Challenge)} - {"name", "summary", "environment", "id"}:
        if not what.startswith("_") and what not in defaults(Challenge):
            assert getattr(same, what) is getattr(type(challenge), what), f"{what} differs: this is a kind of its own"
    reference = challenge.reference(env.history.answers, env.steps)
    assert len(reference) == env.steps
    target = challenge.compared(env.steps, len(env.history))[0]
    np.testing.assert_array_equal(reference[0], env.history.answers[target])
    assert pickle.loads(pickle.dumps(challenge)) == challenge  # noqa: S301  (our own bytes: workers get them so)


@pytest.mark.parametrize(
    "name",
    [
        "follow",
        "predict?horizon=2",
        "predict-last",
        "coevolve",
        "coevolve-v1",
        "coevolve-v2",
        "coevolve?influence=1.0",
    ],
)
@pytest.mark.parametrize("history", ["histsmol-v1", LINEAR])
def test_a_challenge_scores_to_the_bit_what_its_environment_does(name: str, history: str) -> None:
    challenge = parse_challenge(name)
    env: Any = challenge.make(history)
    env.reset(seed=3)
    items, options = env.task.action_shape
    actions = np.random.default_rng(0).normal(size=(env.steps, items, options)).astype(np.float32)
    actions += to_action(env.history.answers[1 : 1 + env.steps])
    answers = to_answers(actions, env.history.instrument.mask)
    scored = challenge.scored(env.history, answers)
    infos = [env.step(action)[4]["scores"] for action in actions]
    measured = challenge.measured(env.history, scored)
    assert list(measured) == [measure.name for measure in challenge.measures]
    if isinstance(env, CoevolveEnv):
        assert measured == {name: infos[-1][name] for name in measured}
        np.testing.assert_array_equal(scored, env.simulated_answers()[1:])
    values = env.history.instrument.values(scored, env.task.evaluation, check=False)
    read = challenge.read(env.history, scored)
    utilities = challenge.utility(values if read is None else read, env.history.values(env.task.evaluation), None)
    np.testing.assert_allclose(utilities, [info["utility"] for info in infos], atol=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folow", "unknown challenge 'folow' .did you mean 'follow'"),
        ("follow?horizon=1", "unknown argument of challenge 'follow' 'horizon'"),
        ("coevolve?labels=some", "unknown kind of labels"),
        ("?labels=sample", "empty name"),
    ],
)
def test_wrong_ids(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_challenge(text)


@pytest.fixture
def hush() -> Iterator[str]:
    """Somebody's challenge, registered for a test."""
    add_challenge("hush", "tests.envs.hush:Hush", "Hush-v0")
    yield "hush"
    CHALLENGES.remove("hush")
    for name in ("ProgressGym/Hush-v0", "ProgressGym/HushStance-v0"):
        del gym.registry[name]


def test_a_challenge_of_somebody_else_runs_and_is_shown_everywhere(hush: str, tmp_path: Path) -> None:
    """One file and one line: the benchmark runs it, table and board show its measure and rank by its pair."""
    plan = make_plan(agents=["static", "lifelong-map", "oracle"], challenges=[hush], histories=[LINEAR], seeds=2)
    outcome = run_bench(plan, tmp_path, workers=1, resamples=50, progress=False)
    assert not outcome.failures
    rows = {(row.agent, row.labels): row for row in outcome.results.aggregates}
    assert rows["static", "probability"].front is not None and rows["oracle", "probability"].front is None
    assert 0.25 < rows["lifelong-map", "probability"].lock_in["loudness"].mid < 1.0
    assert rows["oracle", "probability"].skill is not None
    assert list((tmp_path / "plots").glob("*hush-pareto.png"))
    console = Console(width=120, record=True)
    console.print(render(outcome.results.aggregates, steps_of(plan)))
    text = console.export_text()
    assert "front" in text and "loud" in text and "loud: probability of the likeliest option." in text
    group = f"hush on {LINEAR}"
    standings = shipped_standings().model_copy(update={"groups": [group], "rows": []})
    assert "Loudness" in [column.title for column in columns_of(standings, group)]
    assert measures_of(standings) == {"loudness": "Loudness"}
    assert challenge_in(group).ranking_note == "Hush is ranked by skill and loudness together"


def test_the_default_benchmark_stays() -> None:
    assert BENCHMARKED == ("follow", "predict", "coevolve-v2")


def test_what_is_registered_must_be_a_challenge(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = Entry(name="odd", summary="", target="progressgym.envs.follow:FollowEnv")
    monkeypatch.setitem(CHALLENGES._shipped, "odd", odd)
    with pytest.raises(UserError, match="is not a Challenge"):
        parse_challenge("odd")
