"""Follow, with the distance of answers in place of the angle between values."""

from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym

from progressgym.envs.challenge import Challenge
from progressgym.envs.follow import FollowEnv
from progressgym.scores.utilities import Utility


def nearness(values: Any, human: Any, covered: Any) -> Any:
    """1 - largest difference of any value, step by step."""
    return 1.0 - abs(values - human[..., 1:, :]).max(-1)


@dataclass(kw_only=True, frozen=True)
class Near(Challenge):
    """Be near in every single value."""

    name: ClassVar[str] = "near"
    kind: ClassVar[str] = "near"
    title: ClassVar[str] = "Near"
    summary: ClassVar[str] = "be near in every single value"
    environment: ClassVar[str] = "toys/Near-v0"

    @property
    def utility(self) -> Utility:
        return nearness


class NearEnv(FollowEnv):
    challenge = "near"


gym.register("toys/Near-v0", entry_point="tests.toys.challenge:NearEnv")
