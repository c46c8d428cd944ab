"""No agent is told a human's later answers to evaluation items: shown by changing them and finding nothing changed."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from progressgym.bench.challenges import parse_challenge
from progressgym.bench.episodes import run_single
from progressgym.core.protocols import Info, Observation
from progressgym.core.seeding import generator
from progressgym.envs.task import Task
from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire


class Recorder:
    """Answers evenly and writes down a fingerprint of everything that it is given."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.keys: set[str] = set()
        self._shape = (0, 0)

    def reset(self, task: Task, seed: int | None = None) -> None:
        self._shape = task.action_shape
        self.heard.append(fingerprint(task))
        self.heard.append(fingerprint(seed))

    def act(self, observation: Observation, info: Info) -> NDArray[np.float32]:
        self.keys |= set(info)
        self.heard += [fingerprint(dict(observation)), fingerprint(dict(info))]
        return np.zeros(self._shape, dtype=np.float32)


def fingerprint(thing: Any, seen: frozenset[int] = frozenset()) -> str:
    """A hash of everything that can be reached from an object: fields, dictionaries, attributes, arrays."""
    if id(thing) in seen:
        return "again"
    below = seen | {id(thing)}
    if isinstance(thing, np.ndarray):
        content = f"{thing.dtype}{thing.shape}{hashlib.sha256(np.ascontiguousarray(thing).tobytes()).hexdigest()}"
        return content + (fingerprint(thing.base, below) if isinstance(thing.base, np.ndarray) else "")
    if isinstance(thing, Questionnaire):
        return thing.hash
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        return fingerprint({field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}, below)
    if isinstance(thing, dict):
        return str(sorted((str(key), fingerprint(value, below)) for key, value in thing.items()))
    if isinstance(thing, (list, tuple)):
        return str([fingerprint(part, below) for part in thing])
    if thing is None or isinstance(thing, (str, int, float, bool, np.generic)):
        return repr(thing)
    if hasattr(thing, "items"):
        return fingerprint(dict(thing.items()), below)
    raise AssertionError(f"an agent is given a {type(thing).__name__}, which this test cannot look into")


@pytest.fixture(scope="module")
def twins() -> tuple[History, History]:
    """Two histories that differ in every later answer to evaluation items and in nothing else."""
    first = History.load("synthetic:linear?seed=5")
    answers = first.answers.astype(np.float64)
    items = first.instrument.evaluation
    noise = generator(0, "tests", "twins").random((len(first) - 1, len(items), answers.shape[2]))
    changed = answers[1:, items] * (0.2 + noise)
    answers[1:, items] = changed / changed.sum(-1, keepdims=True)
    second = History(name=first.name, labels=first.labels, answers=answers, instrument=first.instrument)  # type: ignore[arg-type]
    assert not np.allclose(first.values(items)[1:], second.values(items)[1:], atol=1e-3)
    return first, second


@pytest.mark.parametrize("challenge", ["follow", "follow?labels=sample", "predict", "predict?horizon=2"])
def test_nothing_an_agent_is_given_depends_on_evaluation_answers(challenge: str, twins: tuple[History, ...]) -> None:
    heard = []
    for history in twins:
        recorder = Recorder()
        run_single(recorder, parse_challenge(challenge).make(history), seed=0)
        assert "scores" not in recorder.keys
        heard.append(recorder.heard)
    assert heard[0] == heard[1]


def test_the_test_can_see_a_leak(twins: tuple[History, ...]) -> None:
    """The environment's own info does differ: what bench strips would have told."""
    told = []
    for history in twins:
        env = parse_challenge("follow").make(history)
        env.reset(seed=0)
        told.append(fingerprint(env.step(np.zeros(env.action_space.shape, dtype=np.float32))[4]))
    assert told[0] != told[1]


def test_coevolve_tells_only_of_elicitation_items(twins: tuple[History, ...]) -> None:
    """Evaluation items move the simulated human's own evaluation answers and nothing that is asked."""
    heard = []
    for history in twins:
        recorder = Recorder()
        run_single(recorder, parse_challenge("coevolve").make(history), seed=0)
        heard.append(recorder.heard)
    assert heard[0] == heard[1]
