"""Policies: what an agent adjusts."""

from progressgym.agents.policies.stance_policy import StancePolicy

__all__ = ["StancePolicy"]
