"""Agents as a user might write them, good and bad."""

from __future__ import annotations

import os
import signal
import sys
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


class Leaves(Steady):
    """Ends everything in one way or another, for one seed."""

    SEED = 1

    def reset(self, task: Any, seed: int | None = None) -> None:
        super().reset(task, seed)
        if seed == self.SEED:
            self.leave()

    def leave(self) -> None:
        sys.exit(0)


class Interrupts(Leaves):
    def leave(self) -> None:
        raise KeyboardInterrupt


class Unheard(BaseException):
    """Nobody's error."""


class RaisesItsOwn(Leaves):
    def leave(self) -> None:
        raise Unheard("farewell")


class Exits(Leaves):
    def leave(self) -> None:
        os._exit(0)


class Kills(Leaves):
    def leave(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class ClosesItsStreams(Leaves):
    """Prints, reads and closes what it finds; its answers must get through all the same."""

    def leave(self) -> None:
        print("\u2020 not a result", sys.stdin.read())
        os.write(1, b"not a frame")
        sys.stdout.close()
        sys.stdin.close()


class LeavesAStrangeError(Leaves):
    def leave(self) -> None:
        raise RuntimeError("half \ud800\n\n a pair")
