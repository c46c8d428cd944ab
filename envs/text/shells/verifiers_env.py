"""verifiers v1: a taskset of episodes and the environment that plays them; `examples/progressgym_text.py` is the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import verifiers.v1 as vf

from progressgym.envs.text.dialogue import Dialogue, set_of

__all__ = ["ProgressEnv", "ProgressTaskset"]


class ProgressConfig(vf.TasksetConfig):  # type: ignore[misc]  # ships no types
    """The size of a `TaskSet` or a `DebateSet` and its other fields."""

    size: int = 1000
    asking: dict[str, Any] = {}  # noqa: RUF012 (pydantic copies defaults)


class ProgressData(vf.TaskData):  # type: ignore[misc]
    """The record of a task."""

    episode: str


class ProgressTask(vf.Task[ProgressData, vf.State, vf.TaskConfig]):  # type: ignore[misc]
    """Scored by its environment."""


class ProgressTaskset(vf.Taskset[ProgressTask, ProgressConfig]):  # type: ignore[misc]
    """The episodes."""

    def load(self) -> Iterator[ProgressTask]:
        """Every episode with its first prompt."""
        for task in (tasks := set_of({"size": self.config.size, **self.config.asking})):
            data = ProgressData(name=str(task.seed), prompt=tasks.env.reset(seed=task.seed)[0], episode=task.record)
            yield ProgressTask(data, self.config.task)


class ProgressEnvConfig(vf.EnvConfig):  # type: ignore[misc]
    player: vf.AgentConfig = vf.AgentConfig(harness={"id": "null"}, runtime={"type": "subprocess"})


class ProgressEnv(vf.Env[ProgressEnvConfig]):  # type: ignore[misc]
    """Asks century after century."""

    async def run(self, task: Any, agents: Any) -> None:
        """One episode; what an agent that stops early has not answered counts as not read."""
        dialogue = Dialogue(task.data.episode)
        async with agents.player.interaction(task) as interaction:
            segment = await interaction.turn()
            while not segment.terminated:
                prompt = dialogue.answer(segment.last_reply)
                if dialogue.done:
                    break
                segment = await interaction.turn(prompt)
        interaction.trace.record_reward("progress", dialogue.finish(), 1.0)
