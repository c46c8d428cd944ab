"""Sets of text episodes with splits: what a trainer draws from, and what it is judged on.

The splits share neither seeds, nor drawn histories, nor asked items: training asks the elicitation items, and the evaluation
items are halved between validation and test. Of one fixed history the centuries are the same in all three. A board's private
split is no task set: it is made of a secret that stays with the board (docs/leaderboard.md).

    tasks = TaskSet(challenge="follow", history="synthetic:linear?coherence=0.5", split="train")
    env, prompt = tasks[0].begin()
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self

import gymnasium as gym

from progressgym.core.errors import UserError
from progressgym.envs.challenge import parse_challenge
from progressgym.envs.text.flavour import TextFlavour
from progressgym.envs.text.sets import Series, Task, fields_of, split_index
from progressgym.histories.history import SYNTHETIC
from progressgym.histories.source import HistorySource, resolve_history
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.split import balanced_split

DEFAULT_HISTORY = "synthetic:linear?coherence=0.5"


@dataclass(kw_only=True, frozen=True)
class Asking:
    """What the episodes of a set have in common."""

    challenge: str = "follow"
    """A challenge's id, such as `predict?horizon=2`."""
    history: str = DEFAULT_HISTORY
    """As an environment takes it."""
    instrument: str | None = None
    """Questionnaire of synthetic histories; `moral19-v1` by default."""
    split: str = "train"
    """Decides which items are asked, and which seeds a set has."""
    questions: int | str = 4
    """Items asked every century, or `all`."""
    batch: int | str = "all"
    """Questions of a completion."""
    preferences: int = 2
    """Told for every question."""
    form: str = "probabilities"
    """What the prompt asks for."""
    reward: str = "brier"
    """Of the environment."""

    def __post_init__(self) -> None:
        """Check what a file can get wrong; the environment checks the rest."""
        for name in ("challenge", "history", "form", "reward"):
            if not isinstance(getattr(self, name), str):
                raise UserError(f"{name} of a task is {getattr(self, name)!r}; a name is expected")
        if not isinstance(self.instrument, str | None):
            raise UserError(f"instrument of a task is {self.instrument!r}; a name is expected")
        split_index(self.split)

    @property
    def shared(self) -> dict[str, Any]:
        """The fields above."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(Asking)}


@dataclass(kw_only=True, frozen=True)
class TextTask(Task[TextFlavour], Asking):
    """One episode, as plain JSON."""

    noun = "a task"
    seed: int
    """Of the episode, and of its history where that is drawn."""

    @classmethod
    def of(cls, record: str | Mapping[str, Any]) -> Self:
        """Read a record back.

        Raises:
            UserError: no JSON object, an unknown field, or a value of a wrong kind.
        """
        return super().of(fields_of(record))

    def named(self) -> TextTask:
        """The task, where everything in it is a shipped or synthetic name: what a server plays for strangers.

        Raises:
            UserError: a path, or the name of a module, which would be read or run.
        """
        for name, value in (
            ("challenge", self.challenge),
            ("instrument", self.instrument or ""),
            ("history", self.history),
        ):
            stem = value.removeprefix(SYNTHETIC) if name == "history" else value
            if set(stem) & set(":/\\") or (stem and Path(stem).exists()):
                raise UserError(f"a server plays shipped and synthetic names only, not the {name} {value!r}")
        return self

    def make(self) -> TextFlavour:
        """Its environment.

        Raises:
            UserError: what the environment refuses, or a challenge without text.
        """
        challenge = parse_challenge(self.challenge)
        name = text_id(challenge.environment)
        source = _source(self.history, self.instrument)
        given = ("questions", "batch", "preferences", "form", "reward")
        own: dict[str, Any] = {name: value for name, value in self.shared.items() if name in given}
        own |= dict(challenge.arguments)
        items = split_items(source.instrument, self.split)
        env = gym.make(
            name,
            history=source.fixed or self.history,
            instrument=source.instrument,
            items=items,
            reward_items="elicitation" if self.split == "train" else "evaluation",
            disable_env_checker=True,
            **own,
        ).unwrapped
        assert isinstance(env, TextFlavour)
        return env


@dataclass(kw_only=True, frozen=True)
class TaskSet(Series[TextTask], Asking):
    """The episodes of one split: `tasks[0]` to `tasks[size - 1]`."""

    noun = "a task set"
    size: int = 1000

    def task(self, seed: int) -> TextTask:
        """The episode of a seed."""
        return TextTask(seed=seed, **self.shared)

    @cached_property
    def env(self) -> TextFlavour:
        """One environment that plays them all, one after the other."""
        return self[0].make()

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every century of every episode as a row of its own, for trainers that draw groups of completions.

        A century in which a question is not scored has none.

        Each has a `prompt`, a `row` that names it, the `options` of its questions, what the `human` answers and what it answered
        in century 0 (`first`).

        Raises:
            UserError: a challenge whose human the answers move: play whole episodes of it.
        """
        for task in self:
            self.env.reset(seed=task.seed)
            for step in range(self.env.steps):
                if (row := self.row(task, step)) is not None:
                    yield row

    def row(self, task: TextTask, step: int) -> dict[str, Any] | None:
        """The row of a century of the episode that `env` has begun; None where a question is not scored."""
        prompt, human = self.env.prompt_of(step), self.env.human_of(step).tolist()
        first = self.env.first_answers.tolist()
        options = [list(texts) for texts in self.env.batch]
        shares = [row[: len(texts)] for row, texts in zip(human, options, strict=True)]
        if any(math.isnan(row[0]) for row in shares):
            return None
        before = [row[: len(texts)] for row, texts in zip(first, options, strict=True)]
        return {"prompt": prompt, "row": f"{task.seed}/{step}", "options": options, "human": shares, "first": before}


def text_id(environment: str) -> str:
    """Gymnasium id of the text flavour of an environment.

    Raises:
        UserError: it has none.
    """
    stem, _, version = environment.rpartition("-")
    name = f"{stem}Text-{version}"
    if name not in gym.registry:
        raise UserError(f"{environment} has no text flavour; use follow, predict or another challenge that has one")
    return name


@lru_cache(maxsize=32)
def split_items(instrument: Questionnaire, split: str) -> tuple[int, ...]:
    """Indices of the items that a split asks: the elicitation items, or a balanced half of the evaluation items."""
    if split_index(split) == 0:
        return tuple(instrument.elicitation.tolist())
    items = [instrument.items[i] for i in instrument.evaluation]
    half = balanced_split(items)[split_index(split) - 1]
    return tuple(instrument.evaluation[half].tolist())


@lru_cache(maxsize=16)
def _source(history: str, instrument: str | None) -> HistorySource:
    """A history, read once for all tasks of a set."""
    return resolve_history(history, instrument)
