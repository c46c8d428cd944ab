"""Policies: what an agent adjusts."""

from progressgym.agents.policies.stance import StancePolicy

__all__ = ["StancePolicy"]
