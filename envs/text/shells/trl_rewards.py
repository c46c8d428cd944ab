"""TRL: reward functions for the rows of a `TaskSet`, and an environment for `environment_factory=`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from progressgym.envs.text.dialogue import Dialogue
from progressgym.envs.text.reading import Reply, read_completion, text_of
from progressgym.envs.text.reward import brier, leave_one_out


def brier_reward(completions: Sequence[Any], options: Any, human: Any, **_: Any) -> list[float]:
    """What the environment pays: Brier scores, for stated probabilities."""
    replies = map(_read, completions, options)
    return [float(brier(r.answers, r.read, _padded(p, r)).mean()) for r, p in zip(replies, human, strict=True)]


def group_reward(completions: Sequence[Any], row: Sequence[str], options: Any, human: Any, **_: Any) -> list[float]:
    """Leave-one-out reward of every completion among those of its row, for letters: all of a group in one call."""
    rewards = np.zeros(len(completions))
    for name in dict.fromkeys(row):
        members = [i for i, other in enumerate(row) if other == name]
        replies = [_read(completions[i], options[i]) for i in members]
        stated, read = np.stack([r.answers for r in replies]), np.stack([r.read for r in replies])
        rewards[members] = leave_one_out(stated, read, _padded(human[members[0]], replies[0]))
    return [float(reward) for reward in rewards]


class TextEnvironment:
    """Rows hold a `prompt` and a `task`, the record of a `TextTask`."""

    def reset(self, task: str, **_: Any) -> str:
        """Begin the row's episode; the first prompt is added to the row's."""
        self._dialogue = Dialogue(task)
        return self._dialogue.prompt

    def answer(self, text: str) -> str:
        """Answer the questions asked last, and get the next ones.

        Args:
            text: one line for every question, as it was asked for.
        """
        return self._dialogue.answer(text)

    def get_reward(self) -> float:
        """Of the episode; what was not answered counts as not read."""
        return self._dialogue.finish()


def _read(completion: Any, options: Any) -> Reply:
    return read_completion(text_of(completion), options, max(map(len, options)))


def _padded(human: Any, reply: Reply) -> Any:
    return np.array([[*row, *[0.0] * (reply.answers.shape[1] - len(row))] for row in human])
