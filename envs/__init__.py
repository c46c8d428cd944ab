"""Environments: Gymnasium ids for Follow, Predict and Coevolve, each in answers and in numbers.

Importing the package registers the ids; entry points are strings, so nothing heavy is loaded before `gymnasium.make`.
"""

if __name__ != "progressgym.envs":
    raise ImportError(f"import this package as progressgym.envs, not {__name__!r}")

from gymnasium.envs.registration import register

register(id="ProgressGym/Follow-v0", entry_point="progressgym.envs.follow:FollowEnv")
register(id="ProgressGym/FollowStance-v0", entry_point="progressgym.envs.follow:FollowStanceEnv")
register(id="ProgressGym/Predict-v0", entry_point="progressgym.envs.predict:PredictEnv")
register(id="ProgressGym/PredictStance-v0", entry_point="progressgym.envs.predict:PredictStanceEnv")
register(id="ProgressGym/Coevolve-v0", entry_point="progressgym.envs.coevolve:CoevolveEnv")
register(id="ProgressGym/CoevolveStance-v0", entry_point="progressgym.envs.coevolve:CoevolveStanceEnv")
for flavour, name in (("", "CoevolveEnv"), ("Stance", "CoevolveStanceEnv")):
    register(
        id=f"ProgressGym/Coevolve{flavour}-v1",
        entry_point=f"progressgym.envs.coevolve:{name}",
        kwargs={"pull": 0.06, "influence": 0.12},  # fitted to a human who is really fine-tuned: docs/model-tier.md
    )
register(
    id="ProgressGym/CoevolveLive-v0",
    entry_point="progressgym.envs.coevolve_live:CoevolveLiveEnv",
    nondeterministic=True,  # on a CPU with one number of threads it is not; nothing is promised beyond that
)
