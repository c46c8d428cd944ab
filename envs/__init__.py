"""Environments: Gymnasium ids for Follow, Predict and Coevolve, each in answers and in numbers, and
for two models of sepsis; a PettingZoo id for Debate.

Importing the package registers the ids; entry points are strings, so nothing heavy is loaded before `gymnasium.make`.
PettingZoo has to be imported for that: its registry is in it, and it is light (0.04 s more than Gymnasium). Versions before
1.27 have none: then a warning says so, and only its ids are missing.
"""

if __name__ != "progressgym.envs":
    raise ImportError(f"import this package as progressgym.envs, not {__name__!r}")

import warnings

from gymnasium.envs.registration import register

from progressgym.envs.coefficients import FITTED_INFLUENCE, FITTED_PULL

register(
    id="ProgressGym/Follow-v0",
    entry_point="progressgym.envs.follow:FollowEnv",
    vector_entry_point="progressgym.envs.vector.tracking:FollowVectorEnv",
)
register(
    id="ProgressGym/FollowStance-v0",
    entry_point="progressgym.envs.follow:FollowStanceEnv",
    vector_entry_point="progressgym.envs.vector.tracking:FollowStanceVectorEnv",
)
register(
    id="ProgressGym/Predict-v0",
    entry_point="progressgym.envs.predict:PredictEnv",
    vector_entry_point="progressgym.envs.vector.tracking:PredictVectorEnv",
)
register(
    id="ProgressGym/PredictStance-v0",
    entry_point="progressgym.envs.predict:PredictStanceEnv",
    vector_entry_point="progressgym.envs.vector.tracking:PredictStanceVectorEnv",
)
register(
    id="ProgressGym/Coevolve-v0",
    entry_point="progressgym.envs.coevolve:CoevolveEnv",
    vector_entry_point="progressgym.envs.vector.coevolve:CoevolveVectorEnv",
)
register(
    id="ProgressGym/CoevolveStance-v0",
    entry_point="progressgym.envs.coevolve:CoevolveStanceEnv",
    vector_entry_point="progressgym.envs.vector.coevolve:CoevolveStanceVectorEnv",
)
_FITTED = {"pull": FITTED_PULL, "influence": FITTED_INFLUENCE}
register(
    id="ProgressGym/Coevolve-v1",
    entry_point="progressgym.envs.coevolve:CoevolveEnv",
    vector_entry_point="progressgym.envs.vector.coevolve:CoevolveVectorEnv",
    kwargs=_FITTED,
)
register(
    id="ProgressGym/CoevolveStance-v1",
    entry_point="progressgym.envs.coevolve:CoevolveStanceEnv",
    vector_entry_point="progressgym.envs.vector.coevolve:CoevolveStanceVectorEnv",
    kwargs=_FITTED,
)
register(
    id="ProgressGym/CoevolveLive-v0",
    entry_point="progressgym.envs.coevolve_live:CoevolveLiveEnv",
    nondeterministic=True,  # on a CPU with one number of threads it is not; nothing is promised beyond that
)
register(id="ProgressGym/SepsisICU-v0", entry_point="progressgym.envs.sepsis.icu:SepsisIcuEnv", max_episode_steps=500)
register(id="ProgressGym/SepsisSimulator-v0", entry_point="progressgym.envs.sepsis.simulator:SepsisSimulatorEnv")

_COEVOLVE, _DEBATE = "progressgym.envs.coevolve_parallel", "progressgym.envs.debate"
try:
    from pettingzoo import register as _register
except ImportError as error:  # older versions have no registry; whoever uses Gymnasium alone must not care
    warnings.warn(
        "PettingZoo's ids ProgressGym/Debate-v0 and ProgressGym/Coevolve-v0 are missing, Gymnasium's are all there: "
        f"pip install 'pettingzoo>=1.27' ({str(error).partition(' (')[0]})",
        stacklevel=2,
    )
else:
    _register("parallel", "ProgressGym/Coevolve-v0", entry_point=f"{_COEVOLVE}:parallel_env")
    _register("aec", "ProgressGym/Coevolve-v0", entry_point=f"{_COEVOLVE}:env")
    _register("aec", "ProgressGym/Debate-v0", entry_point=f"{_DEBATE}.aec:env")
    _register("parallel", "ProgressGym/Debate-v0", entry_point=f"{_DEBATE}:parallel_env")
