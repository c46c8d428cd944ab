"""TRL: a reward function for the rows of a `DebateSet`; whole debates are played by `trl_rewards.TextEnvironment`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from progressgym.envs.debate.text_env import DebateTextEnv
from progressgym.envs.debate.text_tasks import DebateTask, Debating, turn_reward
from progressgym.envs.text.dialogue import read_task
from progressgym.envs.text.reading import text_of


def debate_reward(completions: Sequence[Any], task: Sequence[str], turn: Sequence[int], **_: Any) -> list[float]:
    """What every completion is worth, where the greedy debater plays the rest of the debate in the model's place."""
    rewards = []
    for completion, record, number in zip(completions, task, turn, strict=True):
        debate = read_task(record)
        assert isinstance(debate, DebateTask)
        rewards.append(turn_reward(_env(Debating(**debate.shared)), debate, number, text_of(completion)))
    return rewards


@lru_cache(maxsize=16)
def _env(asking: Debating) -> DebateTextEnv:
    return asking.make()
