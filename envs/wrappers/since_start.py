"""How far the evidence has moved since century 0, for policies without memory."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError

D = len(DIMENSIONS)
Observation = NDArray[np.float32]


class SinceStart(gym.ObservationWrapper[Observation, Any, Observation], gym.utils.RecordConstructorArgs):
    """Appends the change of the evidence since century 0, 19 numbers in [-1, 1], to a numeric observation.

    The observations of the numeric flavour hold this century's evidence and the last one's. What a stance has to make
    up for is the change since century 0, and a policy without memory cannot know it: people of one history start from
    other values than those of another. An agent is told century 0's labels before the first step, so this is nothing
    that it may not know. Changes beyond 1 (half the range of the evidence) are clipped.

    Wrap single environments, before they are put into a vector environment.

    Example without the wrapper:

    >>> import gymnasium as gym, progressgym
    >>> env = gym.make("ProgressGym/FollowStance-v1", history="synthetic:linear?seed=0")
    >>> env.reset(seed=0)[0].shape
    (47,)

    and with it:

    >>> env = SinceStart(env)
    >>> observation, info = env.reset(seed=0)
    >>> observation.shape
    (66,)
    >>> bool(np.allclose(observation[47:], observation[:19] - observation[19:38]))
    True
    """

    def __init__(self, env: gym.Env[Observation, Any]) -> None:
        """Wrap a numeric environment.

        Args:
            env: an environment whose observation is `Box(-1, 1, (38 + T,))`.

        Raises:
            UserError: another kind of observation.
        """
        gym.utils.RecordConstructorArgs.__init__(self)
        super().__init__(env)
        space = env.observation_space
        if (
            not isinstance(space, gym.spaces.Box)
            or space.shape is None
            or len(space.shape) != 1
            or space.shape[0] < 2 * D
        ):
            raise UserError(f"SinceStart needs a numeric flavour such as ProgressGym/FollowStance-v1, not {space}")
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (space.shape[0] + D,), dtype=np.float32)
        self._start = np.zeros(D, dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode and keep century 0's evidence."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._start = observation[D : 2 * D].copy()
        return self.observation(observation), info

    def observation(self, observation: Observation) -> Observation:
        """The observation with the change appended."""
        change = np.clip(observation[:D] - self._start, -1.0, 1.0)
        return np.concatenate([observation, change], dtype=np.float32)
