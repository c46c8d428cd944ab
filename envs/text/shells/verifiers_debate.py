"""verifiers v1: debates in which both sides are models that learn; `examples/progressgym_debate.py` is the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import verifiers.v1 as vf

from progressgym.envs.debate.config import DebateConfig
from progressgym.envs.debate.text_table import TextTable
from progressgym.envs.text.sets import SEEDS, split_index


class DebatesConfig(vf.TasksetConfig):  # type: ignore[misc]  # ships no types
    """How many debates, of which split, and the arguments of `DebateConfig`."""

    size: int = 1000
    split: str = "train"
    asking: dict[str, Any] = {}  # noqa: RUF012 (pydantic copies defaults)


class DebateData(vf.TaskData):  # type: ignore[misc]
    """A debate's seed and rules."""

    seed: int
    asking: dict[str, Any]


class DebateTask(vf.Task[DebateData, vf.State, vf.TaskConfig]):  # type: ignore[misc]
    """Scored by its environment."""


class DebateTaskset(vf.Taskset[DebateTask, DebatesConfig]):  # type: ignore[misc]
    """The debates. Who opens is told by the environment, so tasks have no prompt."""

    def load(self) -> Iterator[DebateTask]:
        """Every debate."""
        for seed in range(first := SEEDS * split_index(self.config.split), first + self.config.size):
            yield DebateTask(DebateData(name=str(seed), seed=seed, asking=self.config.asking), self.config.task)


class DebateEnvConfig(vf.EnvConfig):  # type: ignore[misc]
    debater_0: vf.AgentConfig = vf.AgentConfig(harness={"id": "null"}, runtime={"type": "subprocess"})
    debater_1: vf.AgentConfig = vf.AgentConfig(harness={"id": "null"}, runtime={"type": "subprocess"})


class DebateEnv(vf.Env[DebateEnvConfig]):  # type: ignore[misc]
    """Asks the two in turn; each is paid its own side of the game."""

    async def run(self, task: Any, agents: Any) -> None:
        """One debate; who stops early forfeits."""
        table, total = TextTable(DebateConfig(**task.data.asking)), 0.0
        table.reset(task.data.seed, None)
        async with agents.debater_0.interaction(task) as first, agents.debater_1.interaction(task) as second:
            while not table.done:
                segment = await (first, second)[table.mover].turn(table.prompt(table.mover))
                total += table.show(segment.last_reply or "")
        first.trace.record_reward("debate", total, 1.0)
        second.trace.record_reward("debate", -total, 1.0)
