"""Task sets: their splits share nothing, and a record plays the same episode anywhere."""

from __future__ import annotations

from typing import Any

import pytest

from progressgym.core.errors import UserError
from progressgym.envs.text.sets import SPLITS
from progressgym.envs.text.tasks import TaskSet, TextTask, split_items
from progressgym.instruments.instrument import Instrument
from tests.envs.rollout import assert_same


def test_splits_share_neither_seeds_nor_items_nor_histories() -> None:
    seeds: set[int] = set()
    asked: set[int] = set()
    histories: set[str] = set()
    for split in SPLITS:
        tasks = TaskSet(split=split, size=3, questions="all")
        mine = {task.seed for task in tasks}
        env = tasks.env
        items, hashes = set(), set()
        for task in tasks:
            env.reset(seed=task.seed)
            items |= set(env._now().tolist())
            hashes.add(env.history.hash)
        assert not seeds & mine and not asked & items and not histories & hashes
        seeds, asked, histories = seeds | mine, asked | items, histories | hashes
    assert asked == set(range(432)) and len(histories) == 9


@pytest.mark.parametrize("name", ["moral19-v1", "people-core-v1"])
def test_training_never_asks_what_is_judged(name: str) -> None:
    instrument = Instrument.load(name)
    train, *judged = (split_items(instrument, split) for split in SPLITS)
    assert train == tuple(instrument.elicitation.tolist())
    assert sorted(judged[0] + judged[1]) == instrument.evaluation.tolist()
    assert abs(len(judged[0]) - len(judged[1])) <= 5


def test_a_record_plays_the_same_episode() -> None:
    task = TaskSet(challenge="predict?horizon=2&labels=sample", split="test", reward="explained")[7]
    again = TextTask.of(task.record)
    assert again == task
    (one, first), (two, second) = task.begin(), again.begin()
    assert first == second and one.horizon == 2
    assert_same(one.step("1. A\n2. A 30 B 70"), two.step("1. A\n2. A 30 B 70"))


def test_rows_are_the_centuries_of_the_environment() -> None:
    tasks = TaskSet(size=2, history="gss-v1", questions=3, form="letters")
    rows = list(tasks.rows())
    assert len(rows) == 2 * tasks.env.steps and len({row["row"] for row in rows}) == len(rows)
    env, prompt = tasks[1].begin()
    for row in rows[env.steps :]:
        assert row["prompt"] == prompt and row["options"] == [list(texts) for texts in env.batch]
        human = env.target_answers
        assert row["human"] == [human[i, : len(texts)].tolist() for i, texts in enumerate(env.batch)]
        prompt = env.step("")[0]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{", "JSON object with a seed"),
        ("[]", "JSON object with a seed"),
        ("[" * 100_000, "JSON object with a seed"),
        ('{"challenge": "follow"}', "JSON object with a seed"),
        ({"seed": -1}, "seed of a task is -1"),
        ({"seed": 3 * 10**8}, "seed of a task"),
        ({"seed": True}, "seed of a task is True"),
        ({"seed": 0, "histroy": "gss-v1"}, "did you mean 'history'"),
        ({"seed": 0, "history": 3}, "history of a task is 3"),
        ({"seed": 0, "split": "private"}, "unknown split 'private'"),
    ],
)
def test_bad_records_are_named(record: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        TextTask.of(record)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size of a task set is 0"),
        ({"split": "tests"}, "did you mean 'test'"),
        ({"challenge": "folow"}, "did you mean 'follow'"),
        ({"questions": 217}, "questions is 217"),
        ({"history": "nowhere"}, "unknown history"),
    ],
)
def test_bad_sets_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        TaskSet(**arguments).env  # noqa: B018 (making it is what fails)


@pytest.mark.parametrize(
    "fields",
    [
        {"history": "/etc/passwd"},
        {"history": "./folder"},
        {"history": "resampled:gss-v1?seed=1"},
        {"history": "synthetic:os:path"},
        {"history": "."},
        {"challenge": "os:path"},
        {"instrument": "../items"},
    ],
)
def test_a_server_reads_no_path_and_runs_no_module(fields: dict[str, str]) -> None:
    assert TextTask(seed=0, history="synthetic:linear?coherence=0.5&seed=3").named().seed == 0
    assert TextTask(seed=0, history="gss-v1", challenge="predict?horizon=2").named().seed == 0
    with pytest.raises(UserError, match="shipped and synthetic names only"):
        TextTask.of({"seed": 0, **fields}).named()


def test_a_field_that_is_none_is_named() -> None:
    assert TaskSet.of({"size": 3, "split": "test"}) == TaskSet(size=3, split="test")
    with pytest.raises(UserError, match="did you mean 'questions'"):
        TaskSet.of({"question": 3})


def test_a_moved_human_has_no_rows() -> None:
    with pytest.raises(UserError, match="play whole episodes"):
        next(TaskSet(challenge="coevolve-v2").rows())
