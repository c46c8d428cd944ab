"""Debate: two agents show evidence for competing decisions, a judge who sees only the evidence rules.

`env()`, `raw_env()` and `parallel_env()` as in every PettingZoo environment. PettingZoo is imported when one is asked
for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from progressgym.envs.debate.aec import env, raw_env
    from progressgym.envs.debate.parallel import DebateParallelEnv as parallel_env

__all__ = ["env", "parallel_env", "raw_env"]


def __getattr__(name: str) -> Any:
    """Look one of the three names up."""
    if name in ("env", "raw_env"):
        from progressgym.envs.debate import aec

        return getattr(aec, name)
    if name == "parallel_env":
        from progressgym.envs.debate.parallel import DebateParallelEnv

        return DebateParallelEnv
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
