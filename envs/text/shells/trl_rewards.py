"""TRL: reward functions for the rows of a `TaskSet`, and an environment for `environment_factory=`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from progressgym.envs.text.dialogue import Dialogue
from progressgym.envs.text.reading import Reply, read_completion
from progressgym.envs.text.reward import brier, leave_one_out

Row = Sequence[Sequence[Any]]


def brier_reward(completions: Sequence[Any], options: Sequence[Row], human: Sequence[Row], **_: Any) -> list[float]:
    """Brier score of every completion, for stated probabilities: what the environment itself pays."""
    replies = [_read(completion, texts) for completion, texts in zip(completions, options, strict=True)]
    return [float(brier(r.answers, r.read, _padded(p, r)).mean()) for r, p in zip(replies, human, strict=True)]


def group_reward(
    completions: Sequence[Any], row: Sequence[str], options: Sequence[Row], human: Sequence[Row], **_: Any
) -> list[float]:
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
            text: one line for every question, as the instructions above it say.
        """
        return self._dialogue.answer(text)

    def get_reward(self) -> float:
        """Sum of the rewards of the episode."""
        return self._dialogue.reward


def _read(completion: Any, options: Row) -> Reply:
    """Read a completion, as text or as messages."""
    text = completion if isinstance(completion, str) else completion[-1]["content"] if completion else ""
    return read_completion(text or "", options, max(map(len, options)))


def _padded(human: Row, reply: Reply) -> Any:
    """(B, K) of rows as long as their options."""
    return np.array([[*row, *[0.0] * (reply.answers.shape[1] - len(row))] for row in human])
