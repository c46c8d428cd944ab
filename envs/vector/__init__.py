"""Vector environments: thousands of episodes in one batch of array operations a step.

    gymnasium.make_vec("ProgressGym/FollowStance-v1", num_envs=1024, autoreset_mode="next_step")

numpy by default, torch on any device with `array_backend="torch"`. Gymnasium makes them by id; the classes are in
`tracking` and the module of each other challenge.
"""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.envs.vector.base import ProgressVectorEnv
    from progressgym.envs.vector.sb3 import StableBaselinesVecEnv

__all__ = [
    "ProgressVectorEnv",  # common part of the vector environments
    "StableBaselinesVecEnv",  # a native vector environment with `autoreset_mode="same_step"`, for stable-baselines3
]
__getattr__ = lazy(
    __name__,
    {
        "base": "ProgressVectorEnv",
        "sb3": "StableBaselinesVecEnv",
    },
)
