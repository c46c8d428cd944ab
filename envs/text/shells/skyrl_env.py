"""SkyRL-gym: `register()` adds the id `progressgym_text`, whose rows hold the record of a task in `extras["task"]`."""

from __future__ import annotations

from typing import Any

from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput
from skyrl_gym.envs.registration import register as add
from skyrl_gym.envs.registration import registry

from progressgym.envs.text.dialogue import Dialogue
from progressgym.envs.text.prompts import messages

ID = "progressgym_text"


class ProgressTextEnv(BaseTextEnv):  # type: ignore[misc]  # ships no types
    """One episode."""

    def __init__(self, env_config: Any = None, extras: dict[str, Any] | None = None) -> None:
        """Of the row's task."""
        super().__init__()
        self.dialogue = Dialogue((extras or {})["task"])
        self.max_turns = self.dialogue.env.calls

    def init(self, prompt: Any) -> tuple[list[dict[str, str]], dict[str, Any]]:
        """The first prompt, after whatever the row begins with."""
        return [*(prompt or []), *messages(self.dialogue.prompt)], {}

    def step(self, action: str) -> BaseTextEnvStepOutput:
        """Take a completion."""
        self.turns += 1
        prompt = self.dialogue.answer(action)
        done = self.dialogue.done
        return BaseTextEnvStepOutput(
            observations=[] if done else messages(prompt),
            reward=self.dialogue.paid,
            done=done,
            metadata={"outcomes": list(self.dialogue.outcomes)},
        )

    def get_metrics(self) -> dict[str, float]:
        """The episode's reward."""
        return {"reward": self.dialogue.reward}


def register() -> None:
    """Add the id, once."""
    if ID not in registry:
        add(id=ID, entry_point=f"{__name__}:ProgressTextEnv")
