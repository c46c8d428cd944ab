"""Wrappers: one idea each."""

from progressgym.envs.wrappers.hide_scores import HideScores, HideVectorScores
from progressgym.envs.wrappers.since_start import SinceStart

__all__ = ["HideScores", "HideVectorScores", "SinceStart"]
