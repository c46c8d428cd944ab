"""A vector environment as stable-baselines3 wants it. Importing this module imports stable-baselines3."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import VecEnv

from progressgym.core.errors import UserError
from progressgym.envs.arrays import NumpyArrays
from progressgym.envs.vector.base import ProgressVectorEnv


class StableBaselinesVecEnv(VecEnv):
    """A native vector environment with `autoreset_mode="same_step"`, for stable-baselines3.

    Its convention is that of the same step: the observation returned with `done` is the first of the next episode, and
    the last one is `infos[i]["terminal_observation"]`. The step that ends an episode also carries its `scores`.

    >>> import gymnasium as gym, progressgym
    >>> env = gym.make_vec("ProgressGym/FollowStance-v1", num_envs=4, history="synthetic:linear?seed=0",
    ...                    autoreset_mode="same_step")
    >>> StableBaselinesVecEnv(env).reset().shape
    (4, 47)
    """

    def __init__(self, env: gym.vector.VectorEnv[Any, Any, Any]) -> None:
        """Adapt.

        Args:
            env: made by `gymnasium.make_vec(..., autoreset_mode="same_step")`, on numpy.

        Raises:
            UserError: another kind of environment, autoreset mode or back end.
        """
        if not isinstance(env, ProgressVectorEnv):
            raise UserError(f"expected a native ProgressGym vector environment, not {type(env).__name__}")
        if env.autoreset_mode is not AutoresetMode.SAME_STEP:
            raise UserError(
                'stable-baselines3 resets in the same step: make the environment with autoreset_mode="same_step"'
            )
        if not env.on(NumpyArrays):
            raise UserError('stable-baselines3 reads numpy arrays: make the environment with array_backend="numpy"')
        self.env = env
        self.render_mode = None
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self._actions: Any = None

    def reset(self) -> Any:
        """Begin episodes in all rows, with the seeds of `seed()` if it was called."""
        given = [None if seed is None else int(seed) for seed in self._seeds]
        observations, _ = self.env.reset(seed=given)
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = [{} for _ in range(self.num_envs)]
        return observations

    def step_async(self, actions: Any) -> None:
        """Keep the actions."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, Any, Any, list[dict[str, Any]]]:
        """Take them: observations, float32 rewards, dones, one info a row."""
        observations, rewards, terminations, truncations, infos = self.env.step(self._actions)
        dones = np.logical_or(terminations, truncations)
        rows: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if dones.any():
            scores = infos["final_info"]["scores"]
            for row in np.flatnonzero(dones).tolist():
                rows[row] = {
                    "terminal_observation": infos["final_obs"][row],
                    "TimeLimit.truncated": bool(truncations[row]),
                    "scores": {key: value[row] for key, value in scores.items() if scores.get(f"_{key}", dones)[row]},
                }
                rows[row]["scores"] = {k: v for k, v in rows[row]["scores"].items() if not k.startswith("_")}
        return observations, rewards.astype(np.float32), dones, rows

    def close(self) -> None:
        """Close."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: int | Iterable[int] | None = None) -> list[Any]:
        """An attribute of the environment, once a row."""
        if attr_name == "render_mode":
            return [None for _ in self._get_indices(indices)]
        values = self.env.get_attr(attr_name)
        return [values[row] for row in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: int | Iterable[int] | None = None) -> None:
        """Not possible: rows share their arrays."""
        raise UserError(f"{attr_name} cannot be set: the rows of a native vector environment share their arrays")

    def env_method(
        self, method_name: str, *method_args: Any, indices: int | Iterable[int] | None = None, **method_kwargs: Any
    ) -> list[Any]:
        """Not possible: there are no single environments inside."""
        raise UserError(f"{method_name}() cannot be called: a native vector environment holds no single environments")

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: int | Iterable[int] | None = None
    ) -> list[bool]:
        """Nothing is wrapped."""
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[Any]:
        """Nothing is drawn."""
        return []
