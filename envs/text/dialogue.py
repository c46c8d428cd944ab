"""One episode as a dialogue: what every framework's shell drives, so that all of them pay the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from progressgym.envs.debate.text_env import DebateTextEnv
from progressgym.envs.debate.text_tasks import DebateSet, DebateTask
from progressgym.envs.text.flavour import TextFlavour
from progressgym.envs.text.sets import fields_of
from progressgym.envs.text.tasks import TaskSet, TextTask


class Dialogue:
    """An episode in text, from its first prompt to its end.

    >>> dialogue = Dialogue(TextTask(seed=0, questions=1, challenge="follow"))
    >>> while not dialogue.done:
    ...     prompt = dialogue.answer("A 60 B 40")
    >>> prompt, dialogue.completions
    ('The episode is over.', 8)
    """

    def __init__(self, task: TextTask | DebateTask | str | Mapping[str, Any]) -> None:
        """Begin.

        Args:
            task: an episode or a debate, or its record.

        Raises:
            UserError: no such task.
        """
        self.task = task if isinstance(task, TextTask | DebateTask) else read_task(task)
        self.env: TextFlavour | DebateTextEnv
        self.env, self.prompt = self.task.begin()
        self.reward = 0.0
        """Sum of the rewards so far."""
        self.paid = 0.0
        """Reward of the last completion."""
        self.completions = 0
        self.done = False
        self.outcomes: list[str] = []
        """What became of every question of the last completion."""

    def answer(self, completion: str | None) -> str:
        """Take a completion, whatever it is, and return the next prompt. After the end nothing is paid any more.

        Args:
            completion: what a model wrote; None, which some servers send for nothing, is an empty text.
        """
        self.paid = 0.0
        if not self.done:
            self.prompt, self.paid, self.done, _, info = self.env.step(completion or "")
            self.outcomes = info["outcomes"]
            self.reward += self.paid
            self.completions += 1
        return self.prompt

    def finish(self) -> float:
        """The reward of the whole episode: what was left unanswered counts as not read, so that stopping early pays nothing."""
        while not self.done:
            self.answer("")
        return self.reward


def read_task(record: str | Mapping[str, Any]) -> TextTask | DebateTask:
    """Read a record back: a debate where it has a `domain`, else an episode.

    Raises:
        UserError: no JSON object, an unknown field, or a value of a wrong kind.
    """
    fields = fields_of(record)
    return DebateTask.of(fields) if "domain" in fields else TextTask.of(fields)


def usual(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as judges mean them: an episode is paid once, at its end, for the drift that its answers explain."""
    return dict(fields) if "domain" in fields else {"reward": "explained", **fields}


def set_of(fields: Mapping[str, Any]) -> TaskSet | DebateSet:
    """A set of fields as a framework gives them: of debates where there is a `domain`.

    Raises:
        UserError: an unknown field, or a value of a wrong kind.
    """
    return DebateSet.of(fields) if "domain" in fields else TaskSet.of(fields)
