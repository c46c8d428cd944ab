"""Losses of more than margins on a language model's comparisons: what each row is given, and what none has."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import progressgym  # noqa: F401
from progressgym.agents import make
from progressgym.agents.language_learner import LanguageModelLearner
from progressgym.agents.methods import ConditionalDpo, Dpo, Gpo, ModelStage
from progressgym.agents.policies.language_model import LanguageModelPolicy
from progressgym.agents.policies.row_parts import WORSE, Asked, reason, with_parts
from progressgym.core.errors import UserError
from progressgym.losses import LOSSES, parts_of
from progressgym.preferences.pairs import Pairs
from progressgym.tuning.contrasts import Contrast
from tests.agents.test_language_policy import policy_of, task_of
from tests.tuning.century_models import save_history

torch.set_num_threads(1)
PAIR = np.array([[0, 0, 1]])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("losses")
    save_history(folder)
    return folder


@pytest.fixture(scope="module")
def policy(place: Path) -> LanguageModelPolicy:
    return policy_of(place)


def rows_of(policy: LanguageModelPolicy, loss: str, target: float = 0.8, **more: Any) -> list[Contrast]:
    pairs = Pairs.of_options(policy.instrument, PAIR, [target])
    return policy.rows(pairs, None, 1.0, seed=0, parts=parts_of(loss), **more)


def test_rows_of_a_verdict_have_what_each_loss_looks_at(policy: LanguageModelPolicy) -> None:
    item = policy.instrument.items[0]
    deed, other = (f"{item.text} {option} It is" for option in item.options[:2])
    for loss in LOSSES.names():
        if parts_of(loss) in (("lag",), ("fares",)):
            continue
        first, second = rows_of(policy, loss)
        assert (first.prompt, second.prompt) == (deed, other) and first.chosen == second.rejected == " just"
    inter = [(term.prompt, term.continuation, term.share) for term in rows_of(policy, "mapl?intra=0")[0].terms]
    assert set(inter) == {
        (deed, " just", 1.0),
        (other, " just", -1.0),
        (deed, " wicked", -1.0),
        (other, " wicked", 1.0),
    }
    (why,) = rows_of(policy, "rdpo")[0].terms
    text = reason(policy.instrument, 0, 0, 1)
    assert why.bare and why.continuation == f" {text}" and text.startswith("because") and item.options[1] in why.prompt
    assert (
        rows_of(policy, "rdpo", 0.2)[0].terms[0].continuation == f" {reason(policy.instrument, 0, 1, 0)}" != f" {text}"
    )
    steer = [(term.prompt, term.continuation, term.slot) for term in rows_of(policy, "steerlm")[0].terms]
    assert steer == [(deed, " just", 0), (WORSE + deed, " wicked", 0), (deed, " wicked", 1), (WORSE + deed, " just", 1)]
    assert len(rows_of(policy, "steerlm", 1.0)[0].terms) == 2, "a certain label has one way to go"


def test_degrees_of_a_verdict_are_deeds_with_less_in_them(policy: LanguageModelPolicy) -> None:
    item = replace(policy.instrument.items[0], text="He", options=("kept a promise to them", "lied"))
    instrument = replace(policy.instrument, items=(item, *policy.instrument.items[1:]))
    row = Contrast(prompt="He kept a promise to them It is", chosen=" just", rejected=" wicked")
    asked = Asked(item=0, options=(0, 1), preferred=0, about=0, lead=" It is")
    terms = with_parts(row, asked, instrument, ("degrees",)).terms
    poorer = "He a promise to them It is"
    assert [(term.prompt, term.continuation, term.share, term.slot) for term in terms] == [
        (row.prompt, " just", 1.0, 0),
        (row.prompt, " wicked", -1.0, 0),
        (poorer, " just", -1.0, 0),
        (poorer, " wicked", 1.0, 0),
    ]
    short = replace(asked, options=(1, 0), preferred=1)
    assert with_parts(row, short, instrument, ("degrees",)).terms == (), "a deed of one phrase has one degree"


def test_lengths_are_those_of_what_a_row_prefers(policy: LanguageModelPolicy) -> None:
    item = policy.instrument.items[0]
    words = [math.log(max(len(option.split()), 1)) for option in item.options[:2]]
    for target, way in ((0.8, 1.0), (0.2, -1.0)):
        rows = rows_of(policy, "length-controlled", target)
        assert [row.numbers["length"][0] for row in rows] == pytest.approx([way * (words[0] - words[1])] * 2)


def test_options_as_texts_have_no_other_prompt_and_nothing_has_a_lag(place: Path) -> None:
    texts = policy_of(place)
    texts.mode = "cloze"
    assert len(rows_of(texts, "spo")) == 1 and rows_of(texts, "rdpo")[0].terms
    for loss, words in (
        ("mapl", "a prompt that asks for the rejected answer"),
        ("latency", "comparisons are answered at once"),
        ("gpo", "use lifelong-gpo"),
    ):
        with pytest.raises(UserError, match=words):
            rows_of(texts, loss)


def test_gpo_of_a_reward_asks_for_the_rewards_difference(place: Path, policy: LanguageModelPolicy) -> None:
    """s(a > k) = r_a - r_k, so that what the policy answers cancels; the rows of both deeds ask for their own share."""
    history = task_of(place)[0].history
    pairs = np.array([[item, 0, 1] for item in range(len(policy.instrument.items))])
    targets = history.answers[-1][:, 0] / history.answers[-1][:, :2].sum(1)
    asked = Pairs.of_options(policy.instrument, pairs, targets)
    method = Gpo(model="bradley-terry", scale=1.0)
    stage = ModelStage(policy=policy, pairs=asked, seed=0)
    fares = method.fares(stage)
    from progressgym.preferences.models import BradleyTerry

    reward = BradleyTerry(ridge=method.ridge).fit(asked)
    np.testing.assert_allclose(fares[:, 0] - fares[:, 1], reward.margin(asked), atol=1e-9)
    for row, fare in zip(method.rows(stage)[:2], fares[0], strict=True):
        way = 1.0 if row.chosen == " just" else -1.0
        assert row.numbers["fares"] == pytest.approx((way * fare, -way * fare))


def test_one_century_is_dpo_and_more_are_told_apart_in_words(policy: LanguageModelPolicy) -> None:
    stage = ModelStage(
        policy=policy,
        pairs=Pairs.of_options(policy.instrument, PAIR, [0.8]),
        seed=0,
        past=np.array([[0.3, np.nan, 0.6, 0.8]]),
    )
    plain = Dpo().rows(stage)
    assert ConditionalDpo(centuries=1).rows(stage) == plain
    rows = ConditionalDpo(centuries=4).rows(stage)
    assert rows[:2] == plain and [row.prompt[:8] for row in rows[2:]] == ["[1 ago] "] * 2 + ["[3 ago] "] * 2
    assert [row.target for row in rows] == pytest.approx([0.8, 0.8, 0.6, 0.6, 0.7, 0.7])
    with pytest.raises(UserError, match="ahead continues the numbers of a stance"):
        ConditionalDpo(ahead=1.0).rows(stage)


@pytest.mark.parametrize(
    "agent", ["lifelong-gpo?model=bradley-terry", "conditional-dpo", "lifelong-dpo?loss=mapl&reference=uniform"]
)
def test_agents_learn_a_language_model(place: Path, agent: str) -> None:
    """One century of each: it ends elsewhere than it began, and its first margin is 0 against the stage's own policy."""
    env, task = task_of(place)
    learner = make(agent, policy=f"lm:{place / 'base'}", comparisons=8, learning_rate=0.02)
    assert isinstance(learner, LanguageModelLearner)
    logs: list[dict[str, float]] = []
    learner.on_step = lambda century, entry: logs.append(dict(entry))
    observation, _ = env.reset(seed=0)
    learner.reset(env.task, seed=0)
    before = learner.policy.logits(np.arange(len(task.instrument.items)))
    learner.act(observation, {})
    after = learner.policy.logits(np.arange(len(task.instrument.items)))
    assert np.abs(after - before).max() > 1e-3 and logs[0]["rewards/margins"] == 0.0
