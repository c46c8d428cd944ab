"""Anybody's agent for single episodes, played in a batch: every row has one of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from progressgym.agents.agent import Agent, Episodes
from progressgym.core.errors import UserError
from progressgym.core.protocols import AgentLike, Observation
from progressgym.envs.actions import checked_action


class Rowwise(Agent):
    """One object with `reset(task, seed)` and `act(observation, info)` for every row."""

    def __init__(self, name: str, factory: Callable[[], AgentLike]) -> None:
        """Name the agent.

        Args:
            name: in tables and paths.
            factory: makes one.

        Raises:
            UserError: what it makes is no agent.
        """
        super().__init__(name)
        self._factory = factory
        check_agent(name, factory())

    def begin(self, episodes: Episodes, seeds: list[int | None]) -> None:
        """Give every row a fresh one."""
        self._each = [self._factory() for _ in seeds]
        for agent, task, seed in zip(self._each, episodes.tasks, seeds, strict=True):
            agent.reset(task, seed)

    def answer(self, observation: Observation) -> NDArray[np.floating]:
        """Ask one after the other: (B, N, K)."""
        shape = self.episodes.first.action_shape
        rows = []
        for row, agent in enumerate(self._each):
            own = {key: np.array(value[row]) for key, value in observation.items()}
            rows.append(checked_action(agent.act(own, {}), shape, f"{self.name}: "))
        return np.stack(rows)


def check_agent(name: str, agent: object) -> None:
    """Check that an object, or the class of one, is an agent.

    Raises:
        UserError: a method is missing.
    """
    lacking = [method for method in ("reset", "act") if not callable(getattr(agent, method, None))]
    if lacking:
        raise UserError(f"agent {name!r} lacks {' and '.join(lacking)}(); see progressgym.core.protocols.AgentLike")
