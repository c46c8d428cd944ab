"""A spec that says how many steps an episode has, for wrappers and libraries that ask it."""

from __future__ import annotations

import dataclasses

from gymnasium.envs.registration import EnvSpec


class KnownSteps:
    """Mixed in before `gymnasium.Env`: `spec.max_episode_steps` is `steps`.

    Episodes end by themselves, so ids are registered without a number of steps, and `gymnasium.make` adds no time limit:
    the last step is terminal and never truncated. An environment made again from such a spec gets one, which calls its
    last step truncated as well; `gymnasium.make(spec, max_episode_steps=-1)` does not.
    """

    _spec: EnvSpec | None = None

    @property
    def calls(self) -> int:
        """How often `step()` is called in an episode."""
        steps: int = self.steps  # type: ignore[attr-defined]  # an attribute here, a property there
        return steps

    @property
    def spec(self) -> EnvSpec | None:
        """How the environment was made; None before `gymnasium.make` is done with it."""
        return self._spec

    @spec.setter
    def spec(self, made: EnvSpec | None) -> None:
        self._spec = None if made is None else dataclasses.replace(made, max_episode_steps=self.calls)
