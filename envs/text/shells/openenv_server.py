"""OpenEnv: an environment server. `examples/openenv` is a folder to deploy; `openenv validate` passes it."""

from __future__ import annotations

from typing import Any

from openenv.core.env_server.http_server import create_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, Observation, State

from progressgym.envs.text.dialogue import Dialogue, read_task, usual
from progressgym.envs.text.sets import SEEDS, SPLITS, split_index


class TextAction(Action):  # type: ignore[misc]  # ships no types
    """A completion."""

    text: str


class TextObservation(Observation):  # type: ignore[misc]
    """The next prompt, and what became of the questions of the last completion."""

    prompt: str
    outcomes: list[str] = []  # noqa: RUF012 (pydantic copies defaults)


class ProgressTextEnvironment(Environment[TextAction, TextObservation, State]):  # type: ignore[misc]
    """`reset(task=record)` begins a task, `reset(seed=3, split="test", history="gss-v1")` number 3 of a set."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, task: str | None = None, **asking: Any
    ) -> TextObservation:
        """Begin; `asking` are fields of `TextTask`, or with a `domain` of `DebateTask`; `index` is another `seed`."""
        number = asking.pop("index", seed or 0) + SEEDS * split_index(asking.get("split", "train"))
        self.dialogue = Dialogue(read_task(task or usual(asking) | {"seed": number}).named())
        self._state = State(episode_id=episode_id or str(self.dialogue.task.seed), step_count=0)
        return TextObservation(prompt=self.dialogue.prompt)

    def step(self, action: TextAction, timeout_s: float | None = None, **_: Any) -> TextObservation:
        """Take a completion."""
        prompt, now = self.dialogue.answer(action.text), self.dialogue
        self._state.step_count = now.completions
        return TextObservation(prompt=prompt, reward=now.paid, done=now.done, outcomes=list(now.outcomes))

    @property
    def state(self) -> State:
        """How far the episode is."""
        return getattr(self, "_state", State())

    def list_splits(self) -> list[str]:
        """Names of the splits."""
        return list(SPLITS)


def make_app() -> Any:
    """The server's application; up to 64 sessions at once."""
    return create_app(ProgressTextEnvironment, TextAction, TextObservation, max_concurrent_envs=64)
