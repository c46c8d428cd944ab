"""Debate: two agents show evidence for competing decisions, a judge who sees only the evidence rules.

`env()`, `raw_env()` and `parallel_env()` as in every PettingZoo environment. PettingZoo is imported when one is asked
for.
"""

from typing import TYPE_CHECKING, Any

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.envs.debate.aec import env, raw_env
    from progressgym.envs.debate.config import DebateConfig
    from progressgym.envs.debate.domains import make_domain
    from progressgym.envs.debate.parallel import DebateParallelEnv as parallel_env
    from progressgym.envs.debate.rules import Rules, correct
    from progressgym.envs.debate.simulator import BayesJudge, SimulatorDomain
    from progressgym.envs.debate.text_tasks import DebateSet, DebateTask
    from progressgym.envs.debate.vector import VectorDebate

__all__ = [
    "BayesJudge",  # the ideal judge of any evidence, in closed form
    "DebateConfig",  # what is debated, before whom, and by which rules
    "DebateSet",  # debates in text of a split
    "DebateTask",  # one of them, as plain JSON
    "Rules",  # how a debate goes
    "SimulatorDomain",  # cases from the sepsis simulator
    "VectorDebate",  # many debates in lockstep
    "correct",  # 1 where the preferred option won, 0.5 for a draw, 0 where it lost
    "env",  # the environment with PettingZoo's guard against calls out of order
    "make_domain",  # a domain and the judge that goes with it
    "parallel_env",  # debate in rounds: both debaters show a piece at once
    "raw_env",  # two debaters show evidence for competing decisions, piece by piece
]
_look_up = lazy(
    __name__,
    {
        "aec": "env raw_env",
        "config": "DebateConfig",
        "domains": "make_domain",
        "parallel": "DebateParallelEnv",
        "rules": "Rules correct",
        "simulator": "BayesJudge SimulatorDomain",
        "text_tasks": "DebateSet DebateTask",
        "vector": "VectorDebate",
    },
)


def __getattr__(name: str) -> Any:
    return _look_up("DebateParallelEnv" if name == "parallel_env" else name)
