"""Environments: Gymnasium ids for Follow, in answers and in numbers.

Importing the package registers the ids; entry points are strings, so nothing heavy is loaded before `gymnasium.make`.
"""

if __name__ != "progressgym.envs":
    raise ImportError(f"import this package as progressgym.envs, not {__name__!r}")

from gymnasium.envs.registration import register

register(id="ProgressGym/Follow-v0", entry_point="progressgym.envs.follow:FollowEnv")
register(id="ProgressGym/FollowStance-v0", entry_point="progressgym.envs.follow:FollowStanceEnv")
