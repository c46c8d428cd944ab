"""Environments: Gymnasium ids for Follow, Predict and Coevolve, each in answers, in numbers and in
text, and for two models of sepsis; a PettingZoo id for Debate.

Importing the package registers the ids; entry points are strings, so nothing heavy is loaded before `gymnasium.make`.
PettingZoo has to be imported for that: its registry is in it, and it is light (0.04 s more than Gymnasium). Versions before
1.27 have none: then a warning says so, and only its ids are missing.
"""

if __name__ != "progressgym.envs":
    raise ImportError(f"import this package as progressgym.envs, not {__name__!r}")

import warnings
from typing import TYPE_CHECKING

from gymnasium.envs.registration import register

from progressgym.core.faces import lazy
from progressgym.core.registry import Entry
from progressgym.envs.challenge import CHALLENGES, Challenge, Measure, challenge_of, parse_challenge
from progressgym.envs.coefficients import FITTED_INFLUENCE, FITTED_PULL

if TYPE_CHECKING:
    from progressgym.envs.actions import to_action, to_answers
    from progressgym.envs.base import ProgressEnv
    from progressgym.envs.follow import FollowEnv, FollowStanceEnv
    from progressgym.envs.task import Task
    from progressgym.envs.tracking import Tracking

__all__ = [
    "BENCHMARKED",  # challenges that a benchmark runs when nothing is asked for
    "CHALLENGES",  # the registry of challenges
    "Challenge",  # what bench, tables, pages and boards ask of a challenge
    "FollowEnv",  # the shortest environment, in answers
    "FollowStanceEnv",  # the same in numbers
    "Measure",  # something measured beside the score
    "ProgressEnv",  # common part of the environments
    "Task",  # what an agent is told before an episode
    "Tracking",  # challenges whose human does not heed the agent
    "add_challenge",  # register a challenge with its environments
    "challenge_of",  # the challenge of an environment
    "parse_challenge",  # a challenge of an id with arguments
    "to_action",  # answers as an action
    "to_answers",  # an action as answers
]
__getattr__ = lazy(
    __name__,
    {
        "actions": "to_action to_answers",
        "base": "ProgressEnv",
        "follow": "FollowEnv FollowStanceEnv",
        "task": "Task",
        "tracking": "Tracking",
    },
)


def add_challenge(
    name: str,
    target: str,
    environment: str,
    *,
    vector: str | None = None,
    text: bool = False,
    action_bound: float | None = None,
    **settings: float,
) -> None:
    """Register a challenge with its environments: answers and numbers, one by one and by the thousand.

    Args:
        name: of the challenge.
        target: `module:Class` of its description, a `Challenge`; the module holds `FollowEnv` and `FollowStanceEnv`
            for the environment `Follow-v0`.
        environment: name of the answers flavour and version.
        vector: module of `FollowVectorEnv` and `FollowStanceVectorEnv`, where there are any.
        text: whether the module holds `FollowTextEnv`, the text flavour.
        action_bound: of the numeric flavour, where it is not that flavour's default.
        settings: arguments of both flavours that differ from their defaults.
    """
    CHALLENGES.add(Entry(name, "", target))
    module = target.partition(":")[0]
    stem, _, version = environment.rpartition("-")
    bound = {} if action_bound is None else {"action_bound": action_bound}
    _register_flavour(f"{stem}-{version}", module, vector, settings)
    _register_flavour(f"{stem}Stance-{version}", module, vector, {**settings, **bound})
    if text:
        _register_flavour(f"{stem}Text-{version}", module, None, settings)


def _register_flavour(name: str, module: str, vector: str | None, settings: dict[str, float]) -> None:
    """Register `FollowStance-v1`, which is `FollowStanceEnv` of a module and `FollowStanceVectorEnv` of another."""
    stem = name.rpartition("-")[0]
    register(
        id=f"ProgressGym/{name}",
        entry_point=f"{module}:{stem}Env",
        vector_entry_point=None if vector is None else f"{vector}:{stem}VectorEnv",
        kwargs=settings,
    )


_HERE = "progressgym.envs"
_FITTED = {"pull": FITTED_PULL, "influence": FITTED_INFLUENCE}
add_challenge("follow", f"{_HERE}.follow:Follow", "Follow-v0", vector=f"{_HERE}.vector.tracking", text=True)
add_challenge("predict", f"{_HERE}.predict:Predict", "Predict-v0", vector=f"{_HERE}.vector.tracking", text=True)
add_challenge("coevolve", f"{_HERE}.coevolve:Coevolve", "Coevolve-v0", vector=f"{_HERE}.vector.coevolve", text=True)
add_challenge(
    "coevolve-v1",
    f"{_HERE}.coevolve:CoevolveV1",
    "Coevolve-v1",
    vector=f"{_HERE}.vector.coevolve",
    text=True,
    **_FITTED,
)
add_challenge(
    "coevolve-v2",
    f"{_HERE}.coevolve_v2:CoevolveV2",
    "Coevolve-v2",
    vector=f"{_HERE}.vector.coevolve_v2",
    text=True,
    action_bound=10.0,
)
add_challenge(
    "predict-last",
    f"{_HERE}.predict_last:PredictLast",
    "PredictLast-v0",
    vector=f"{_HERE}.vector.tracking",
    action_bound=10.0,
)
_SANER = {"action_bound": 10.0}  # a standard deviation of 1, with which most learners explore, is a stance of 0.2
_register_flavour("FollowStance-v1", f"{_HERE}.follow", f"{_HERE}.vector.tracking", _SANER)
_register_flavour("PredictStance-v1", f"{_HERE}.predict", f"{_HERE}.vector.tracking", _SANER)
BENCHMARKED = ("follow", "predict", "coevolve-v2")
"""Challenges that a benchmark runs when nothing is asked for."""

register(
    id="ProgressGym/CoevolveLive-v0",
    entry_point="progressgym.envs.coevolve_live:CoevolveLiveEnv",
    nondeterministic=True,  # on a CPU with one number of threads it is not; nothing is promised beyond that
)
register(
    id="ProgressGym/PredictStream-v0",
    entry_point=f"{_HERE}.predict_stream:PredictStreamEnv",
    vector_entry_point=f"{_HERE}.vector.predict_stream:PredictStreamVectorEnv",
)
register(id="ProgressGym/DebateText-v0", entry_point="progressgym.envs.debate.text_env:DebateTextEnv")
register(id="ProgressGym/SepsisICU-v0", entry_point="progressgym.envs.sepsis.icu:SepsisIcuEnv", max_episode_steps=500)
register(id="ProgressGym/SepsisSimulator-v0", entry_point="progressgym.envs.sepsis.simulator:SepsisSimulatorEnv")
register(id="ProgressGym/ShiftTracking-v0", entry_point="progressgym.envs.shift_tracking:ShiftTrackingEnv")
register(id="ProgressGym/SessionReplay-v0", entry_point="progressgym.envs.session_replay:SessionReplayEnv")
register(id="ProgressGym/Tractability-v0", entry_point="progressgym.envs.tractability:TractabilityEnv")

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
    _register("aec", "ProgressGym/DebateText-v0", entry_point=f"{_DEBATE}.text_aec:env")
