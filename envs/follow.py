"""Follow: keep up with the human's values, century by century."""

from __future__ import annotations

from progressgym.envs.stance import StanceFlavour
from progressgym.envs.tracking import TrackingEnv


class FollowEnv(TrackingEnv):
    """
    Human values drift through the centuries; the agent should hold the human's current ones.
    """

    challenge = "follow"


class FollowStanceEnv(StanceFlavour, FollowEnv):
    """
    Follow in numbers.
    """
