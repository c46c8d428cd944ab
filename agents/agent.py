"""What every shipped agent is: `reset` with a task, `act` on observations, for one episode or a batch of them.

Legend of shapes: B episodes of a batch, N items, K options, Q comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.protocols import Info, Observation
from progressgym.envs.actions import LIMIT
from progressgym.envs.task import Task
from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import VOTES

Tasks = Task | Sequence[Task] | gym.Env[Any, Any]
"""One task, one a row of a batch, or an environment, of which only `unwrapped.task` is read."""
Seeds = int | Sequence[int] | None


@dataclass(kw_only=True, frozen=True, eq=False)
class Episodes:
    """The tasks of a batch, stacked."""

    tasks: tuple[Task, ...]
    """B tasks over the same items, whichever half of them is scored, and one challenge."""
    batched: bool
    """False for a single task: then observations and actions have no batch axis."""
    initial_answers: NDArray[np.float64]
    """(B, N, K)."""
    pairs: NDArray[np.int64]
    """(B, Q, 3)."""
    initial_labels: NDArray[np.float32]
    """(B, Q)."""

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def first(self) -> Task:
        """A task that speaks for all in what they share: items, horizon, parameters."""
        return self.tasks[0]

    @property
    def instrument(self) -> Questionnaire:
        """What all of them ask."""
        return self.first.instrument

    @property
    def label_kind(self) -> str:
        """What labels are taken for: `sample` where they are votes of any kind, else `probability`."""
        return "sample" if self.first.parameters.get("labels") in VOTES else "probability"

    @classmethod
    def gather(cls, given: Tasks) -> Episodes:
        """Stack tasks.

        Raises:
            UserError: no task at all, or tasks that differ in items, challenge, horizon, parameters or number of pairs.
        """
        batched = isinstance(given, Sequence)
        tasks = tuple(_task_of(part) for part in (given if isinstance(given, Sequence) else (given,)))
        if not tasks:
            raise UserError("an agent needs at least one task")
        shared = {(t.challenge, t.horizon, tuple(sorted(t.parameters.items()))) for t in tasks}
        alike = all(t.instrument.asks_as(tasks[0].instrument) for t in tasks)
        if len(shared) > 1 or not alike or len({len(t.initial_preferences.pairs) for t in tasks}) > 1:
            raise UserError(
                "the tasks of a batch must share items, challenge, horizon, parameters and numbers of pairs"
            )
        return cls(
            tasks=tasks,
            batched=batched,
            initial_answers=np.stack([task.initial_answers for task in tasks]),
            pairs=np.stack([task.initial_preferences.pairs for task in tasks]),
            initial_labels=np.stack([task.initial_preferences.labels for task in tasks]),
        )

    def seeds(self, seed: Seeds) -> list[int | None]:
        """One seed a row: those given, or seed, seed + 1, ... as a vector environment counts."""
        if seed is None or isinstance(seed, int):
            return [None if seed is None else seed + row for row in range(len(self))]
        if len(seed) != len(self):
            raise UserError(f"{len(seed)} seeds for {len(self)} tasks; give one a task")
        return list(seed)


class Agent:
    """Base of the shipped agents: checks and batches; a subclass fills `begin` and `answer`."""

    privileged: ClassVar[bool] = False
    """True for references that read the truth: they are shown in tables, never ranked, refused as submissions."""

    def __init__(self, name: str) -> None:
        """Name the agent, as in tables and paths."""
        self.name = name
        self._episodes: Episodes | None = None

    def reset(self, task: Tasks, seed: Seeds = None) -> None:
        """Begin an episode, or a batch of them.

        Args:
            task: what the agent may know: one task, one a row of a batch, or an environment that has been reset.
            seed: of the agent's own randomness; a row of a batch uses seed + row unless there is one a row.
        """
        self._episodes = Episodes.gather(task)
        self.begin(self._episodes, self._episodes.seeds(seed))

    def act(self, observation: Observation, info: Info | None = None) -> NDArray[np.float32]:
        """Answer every item.

        Args:
            observation: `century`, `pairs` (Q, 3) and `labels` (Q,), with a leading axis B in a batch.
            info: not used by shipped agents.

        Returns:
            (N, K) unnormalised log-probabilities in [-20, 20], (B, N, K) in a batch.
        """
        batched = observation if self.episodes.batched else _one_row(observation)
        labels = np.asarray(batched["labels"])
        if labels.shape != self.episodes.initial_labels.shape:
            raise UserError(
                f"labels have shape {labels.shape}, expected {self.episodes.initial_labels.shape} as in the task"
            )
        actions = np.clip(np.asarray(self.answer(batched)), -LIMIT, LIMIT).astype(np.float32)
        return actions if self.episodes.batched else actions[0]

    @property
    def episodes(self) -> Episodes:
        """The current tasks."""
        if self._episodes is None:
            raise UserError(f"{self.name}: call reset(task) before act()")
        return self._episodes

    def begin(self, episodes: Episodes, seeds: list[int | None]) -> None:
        """Prepare for new episodes."""
        raise NotImplementedError

    def answer(self, observation: Observation) -> NDArray[np.floating]:
        """Answer a batch of observations: (B, N, K)."""
        raise NotImplementedError


class PrivilegedAgent(Agent):
    """A reference that is told the truth through a door of its own, which only the benchmark opens."""

    privileged: ClassVar[bool] = True

    def __init__(self, name: str) -> None:
        """Name the reference."""
        super().__init__(name)
        self._histories: tuple[History, ...] = ()

    def reveal(self, history: History | Sequence[History]) -> None:
        """Tell the truth about the episodes that `reset` began: a history, or one a row of the batch."""
        given = (history,) if isinstance(history, History) else tuple(history)
        if len(given) not in (1, len(self.episodes)):
            raise UserError(f"{len(given)} histories for {len(self.episodes)} tasks; give one a task")
        self._histories = given * len(self.episodes) if len(given) == 1 else given

    def begin(self, episodes: Episodes, seeds: list[int | None]) -> None:
        """Forget the last truth."""
        self._histories = ()

    @property
    def truth(self) -> NDArray[np.float32]:
        """(B, T, N, K) answers of all centuries; the newest that is known where an item was not asked."""
        if not self._histories:
            raise UserError(f"{self.name} is a reference that reads the truth: call reveal(history) after reset(task)")
        return np.stack([history.last_known for history in self._histories])


def _task_of(given: Task | gym.Env[Any, Any]) -> Task:
    if isinstance(given, gym.Env):
        task = given.unwrapped.task  # type: ignore[attr-defined]  # every progressgym environment has one
        if not isinstance(task, Task):
            raise UserError("this environment has no task; use one of the ProgressGym/* environments")
        return task
    if not isinstance(given, Task):
        raise UserError(f"reset() needs a task or an environment, not {type(given).__name__}")
    return given


def _one_row(observation: Observation) -> Mapping[str, Any]:
    return {key: np.asarray(value)[None] for key, value in observation.items()}
