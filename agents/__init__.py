"""Agents: `make("lifelong-map")` gives one, `names()` lists them, any object with `reset` and `act` is one too."""

if __name__ != "progressgym.agents":
    raise ImportError(f"import this package as progressgym.agents, not {__name__!r}")

from typing import TYPE_CHECKING

from progressgym.agents.registry import AgentSpec, check, headline, make, make_for, marked, names, spec_of, with_policy
from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.agents.agent import Agent, Episodes, PrivilegedAgent
    from progressgym.agents.forecast import extrapolate
    from progressgym.agents.stream import StreamAgent

__all__ = [
    "Agent",  # what every shipped agent is: `reset` with a task, `act` on observations
    "AgentSpec",  # what an agent's id says
    "Episodes",  # the episodes that an agent is in
    "PrivilegedAgent",  # a reference that reads the truth
    "StreamAgent",  # of PredictStream: reads some steps, then writes
    "check",  # an id of an agent, read and checked
    "extrapolate",  # the next terms of series of labels
    "headline",  # agents of the headline tables
    "make",  # an agent by id
    "make_for",  # an agent by id, for an environment
    "marked",  # how an agent's id is written in tables
    "names",  # of all agents, installed ones too
    "spec_of",  # of an agent's id
    "with_policy",  # the same agent with another policy
]
__getattr__ = lazy(
    __name__,
    {"agent": "Agent Episodes PrivilegedAgent", "forecast": "extrapolate", "stream": "StreamAgent"},
)
