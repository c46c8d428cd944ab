"""Wrappers: one idea each, for environments in numbers."""

from progressgym.envs.wrappers.since_start import SinceStart

__all__ = ["SinceStart"]
