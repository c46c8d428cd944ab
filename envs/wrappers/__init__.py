"""Wrappers: one idea each."""

from progressgym.envs.wrappers.hide_scores import HideScores, HideVectorScores
from progressgym.envs.wrappers.log_episodes import LogEpisodes
from progressgym.envs.wrappers.since_start import SinceStart

__all__ = [
    "HideScores",  # takes `scores` out of every info, so that a loop may hand infos to its agent as they come
    "HideVectorScores",  # the same of a vector environment, `final_info` included
    "LogEpisodes",  # tells a logger such as W&B or trackio of every finished episode
    "SinceStart",  # appends the change of the evidence since century 0, to a numeric observation
]
