"""Hostile completions in every text environment: an outcome each, and never more than honest uncertainty. Frameworks are
loaded in `test_shells.py`, which hands all of them on."""

from __future__ import annotations

import math
import warnings

import pytest

from progressgym.envs.base import EvaluationRewardWarning
from progressgym.envs.text.dialogue import Dialogue
from progressgym.envs.text.flavour import TEXT_REWARDS, TextFlavour
from progressgym.envs.text.reading import NOT_READ, read_completion, written
from progressgym.envs.text.shells.trl_rewards import brier_reward, group_reward
from progressgym.envs.text.tasks import TaskSet
from tests.envs.rollout import TEXT_IDS
from tests.envs.text.hostile import HOSTILE
from tests.envs.text.test_flavour import make

SHORT = "synthetic:linear?coherence=0.5&centuries=4&seed=3"


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("options", [2, 4])
def test_no_kind_is_read(kind: str, options: int) -> None:
    """Not of one question, not of two, and whatever the options are."""
    texts = ["Go", "Stay", "Wait", "Ask"][:options]
    for questions in (1, 2):
        reply = read_completion(HOSTILE[kind], [texts] * questions, 4)
        assert set(reply.outcomes) <= set(NOT_READ) and not reply.answers.any()


def play(env: TextFlavour, completion: str | None) -> tuple[list[float], set[str]]:
    """Rewards and outcomes of an episode of one completion; None says that it does not know."""
    env.reset(seed=1)
    rewards, outcomes = [], set()
    for _ in range(env.calls):
        said = written(env.task.instrument.uniform()[env.asked], env.batch) if completion is None else completion
        _, reward, _, _, info = env.step(said)
        rewards.append(reward)
        outcomes |= set(info["outcomes"])
    return rewards, outcomes


@pytest.mark.parametrize("name", TEXT_IDS)
@pytest.mark.parametrize("reward", TEXT_REWARDS)
def test_every_environment_pays_no_kind_more_than_not_knowing(name: str, reward: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvaluationRewardWarning)
        env = make(name, SHORT, questions=2, reward=reward)
    honest, read = play(env, None)
    assert read == {"probabilities"}
    for kind, completion in HOSTILE.items():
        rewards, outcomes = play(env, completion)
        assert outcomes <= set(NOT_READ), kind
        assert all(a <= b for a, b in zip(rewards, honest, strict=True)) and all(map(math.isfinite, rewards)), kind


@pytest.mark.parametrize("kind", HOSTILE)
def test_reward_functions_pay_every_kind_the_least(kind: str) -> None:
    columns = {"options": [[["Go", "Stay"]]] * 3, "human": [[[0.35, 0.65]]] * 3}
    for said in (HOSTILE[kind], [{"role": "assistant", "content": HOSTILE[kind]}]):
        assert brier_reward(completions=["A 50 B 50", said, said], **columns)[1:] == [-1.0, -1.0]
        assert group_reward(completions=["A", said, said], row=["1"] * 3, **columns)[1:] == [-2.0, -2.0]


@pytest.mark.parametrize(
    ("said", "reward"),
    [
        (None, -1.0),
        ([], -1.0),
        ([{"role": "assistant", "tool_calls": []}], -1.0),
        ([{"role": "assistant", "content": None}], -1.0),
        ([{"role": "assistant", "content": []}], -1.0),
        ([{"role": "assistant", "content": [{"type": "image"}]}], -1.0),
        (
            [{"role": "assistant", "content": [{"type": "text", "text": "A 50"}, {"type": "text", "text": " B 50"}]}],
            0.5,
        ),
        ([{"role": "user", "content": "B"}, {"role": "assistant", "content": "A 50 B 50"}], 0.5),
    ],
)
def test_messages_of_other_forms_have_an_outcome(said: object, reward: float) -> None:
    paid = brier_reward(completions=[said], options=[[["Go", "Stay"]]], human=[[[0.35, 0.65]]])
    assert paid == [pytest.approx(reward)]


def test_a_dialogue_goes_on_after_every_kind() -> None:
    """What was hostile once leaves nothing behind: the next completion is read as ever."""
    for kind, completion in HOSTILE.items():
        dialogue = Dialogue(TaskSet(size=1, questions=2, history=SHORT)[0])
        dialogue.answer(completion)
        dialogue.answer("1. A\n2. B")
        assert dialogue.outcomes == ["letter", "letter"], kind
