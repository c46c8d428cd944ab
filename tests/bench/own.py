"""Agents as a user might write them, good and bad."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np


class Steady:
    """Answers as century 0, like `static`, in a user's own words."""

    def reset(self, task: Any, seed: int | None = None) -> None:
        self.logits = np.log(np.maximum(task.initial_answers, 1e-30))

    def act(self, observation: Any, info: Any) -> Any:
        return self.logits


class Deaf:
    """Neither method."""


class Broken(Steady):
    """Fails for odd seeds."""

    def reset(self, task: Any, seed: int | None = None) -> None:
        if seed is not None and seed % 2:
            raise RuntimeError("an odd seed")
        super().reset(task, seed)


class WrongShape(Steady):
    def act(self, observation: Any, info: Any) -> Any:
        return self.logits[:-1]


class NotANumber(Steady):
    def act(self, observation: Any, info: Any) -> Any:
        return self.logits * np.nan


class Words(Steady):
    def act(self, observation: Any, info: Any) -> Any:
        return "agree"


class Thief(Steady):
    """Tries to change what it is given; nobody else must notice."""

    def act(self, observation: Any, info: Any) -> Any:
        observation["labels"][:] = 0
        observation["pairs"][:] = 0
        return super().act(observation, info)


class DiesOnce(Steady):
    """Takes its process down the first time; a file remembers it."""

    def reset(self, task: Any, seed: int | None = None) -> None:
        marker = Path(os.environ["PROGRESSGYM_TEST_MARKER"])
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        super().reset(task, seed)
