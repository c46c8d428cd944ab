"""Agents: `make("lifelong-map")` gives one, `names()` lists them, any object with `reset` and `act` is one too."""

if __name__ != "progressgym.agents":
    raise ImportError(f"import this package as progressgym.agents, not {__name__!r}")

from progressgym.agents.registry import AgentSpec, check, headline, make, make_for, marked, names, spec_of, with_policy

__all__ = ["AgentSpec", "check", "headline", "make", "make_for", "marked", "names", "spec_of", "with_policy"]
