"""Sets of debates in text: splits that share nothing, records that play the same debate, rows that pay what a debate pays."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from progressgym.core.errors import UserError
from progressgym.envs.debate import DebateSet, DebateTask
from progressgym.envs.debate.text_env import DebateTextEnv
from progressgym.envs.debate.text_tasks import turn_reward
from progressgym.envs.text.dialogue import Dialogue, read_task, set_of
from progressgym.envs.text.sets import SPLITS
from progressgym.envs.text.tasks import TaskSet
from tests.envs.rollout import assert_same

DOMAINS = ("simulator", "dilemmas?century=C015")


@pytest.mark.parametrize("domain", DOMAINS)
def test_splits_share_neither_seeds_nor_what_is_debated(domain: str) -> None:
    seeds: set[int] = set()
    debated: set[int] = set()
    for split in SPLITS:
        debates = DebateSet(domain=domain, split=split, size=40)
        table, mine = debates.env.table, set()
        for debate in debates:
            debates.env.reset(seed=debate.seed)
            state = int(table.cases.states[0])
            mine.add(state if domain == "simulator" else int(getattr(table.domain, "table")[state, 0]))  # noqa: B009
        assert len(mine) > 10 and not debated & mine and not seeds & {one.seed for one in debates}
        seeds, debated = seeds | {one.seed for one in debates}, debated | mine


def test_a_record_plays_the_same_debate() -> None:
    debate = DebateSet(domain="dilemmas?century=C015", split="test", opponent="random", turns=6)[3]
    again = read_task(debate.record)
    assert again == debate and isinstance(again, DebateTask)
    (one, first), (two, second) = debate.begin(), again.begin()
    assert first == second
    while not one.table.done:
        move = one.greedy
        assert_same(one.step(move), two.step(move))


@pytest.mark.parametrize("order", ["alternating", "precommit", "solo"])
def test_a_row_pays_what_the_debate_pays(order: str) -> None:
    """Of the first turn all of a debate; what cannot be read is a forfeit, and nothing pays less."""
    debates = DebateSet(size=2, order=order, domain="dilemmas?century=C015")
    rows = list(debates.rows())
    assert len(rows) == 2 * debates.env.steps and len({row["row"] for row in rows}) == len(rows)
    for row in rows:
        debate = debates[int(row["row"].partition("/")[0])]
        prompt, _ = debates.env.reset(seed=debate.seed)
        before = 0.0
        for _ in range(row["turn"]):
            prompt, reward, *_ = debates.env.step(debates.env.greedy)
            before += reward
        assert prompt == row["prompt"]
        best = debates.env.greedy
        dialogue = Dialogue(row["task"])
        assert isinstance(dialogue.env, DebateTextEnv)
        while not dialogue.done:
            dialogue.answer(dialogue.env.greedy)
        assert turn_reward(debates.env, debate, row["turn"], best) == pytest.approx(dialogue.reward - before, abs=1e-12)
        paid = {turn_reward(debates.env, debate, row["turn"], str(n)) for n in range(1, 9)}
        assert turn_reward(debates.env, debate, row["turn"], "I pass") <= min(paid)


def answer(prompt: str) -> str:
    """Numbers of pieces for the most part: a function of the prompt, so that every framework hears the same."""
    free = [line.partition(".")[0] for line in prompt.splitlines() if line[:1].isdigit()]
    said = ["no idea", *free, *free]
    return said[zlib.crc32(prompt.encode()) % len(said)]


def total(debate: DebateTask) -> float:
    dialogue = Dialogue(debate)
    while not dialogue.done:
        dialogue.answer(answer(dialogue.prompt))
    return dialogue.reward


def test_frameworks_pay_for_debates_what_the_environment_pays() -> None:
    debates = DebateSet(domain="dilemmas?century=C015", size=8, split="validation")
    expected = [total(debate) for debate in debates]
    assert len(set(expected)) > 4
    from progressgym.envs.text.shells.trl_debates import debate_reward
    from progressgym.envs.text.shells.trl_rewards import TextEnvironment

    for debate, reward in zip(debates, expected, strict=True):
        env = TextEnvironment()
        prompt = env.reset(debate.record)
        while prompt != "The episode is over.":
            prompt = env.answer(answer(prompt))
        assert env.get_reward() == reward
    rows = [row for row in debates.rows() if row["turn"] == debates.env.steps - 1]
    last = [answer(row["prompt"]) for row in rows]
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in ("task", "turn")}
    paid = debate_reward(completions=last, **columns)
    assert paid == [turn_reward(debates.env, debates[n], row["turn"], last[n]) for n, row in enumerate(rows)]
    assert len(set(paid)) > 4


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"seed": 0, "domain": "nowhere"}, "unknown domain"),
        ({"seed": 0, "domain": "simulator?part=test"}, "cannot be split"),
        ({"seed": 0, "domain": 3}, "domain of a debate is 3"),
        ({"seed": -1, "domain": "simulator"}, "seed of a debate is -1"),
        ({"seed": 0, "domain": "simulator", "turn": 4}, "did you mean 'turns'"),
        ({"seed": 0, "domain": "simulator", "split": "tests"}, "did you mean 'test'"),
        ({"seed": 0, "domain": "simulator", "payoff": "margin"}, "no margin"),
        ({"seed": 0, "domain": "simulator", "turns": 3}, "not even-handed"),
        ({"seed": 0, "domain": "simulator", "see_other": "no"}, "true or false"),
        ({"seed": 0, "domain": "simulator", "opponent": "best"}, "unknown opponent"),
    ],
)
def test_bad_records_are_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_task(fields).begin()


def test_a_framework_asks_for_debates_by_a_domain() -> None:
    assert set_of({"domain": "simulator", "size": 2}) == DebateSet(size=2)
    assert set_of({"size": 2}) == TaskSet(size=2)
    with pytest.raises(UserError, match="size of a set of debates is 0"):
        set_of({"domain": "simulator", "size": 0})
