"""Scores: similarity, utilities of the challenges, skill with intervals, published scales, record schemas.

Pure functions of value vectors and answers (numpy): the environments, the benchmark and the leaderboard all score
with this code, so a number can always be recomputed from raw answers.
"""

from progressgym.scores.coevolve import coevolve_utilities
from progressgym.scores.improvement import interquartile_mean, probability_of_improvement
from progressgym.scores.intervals import Interval, SkillEstimate, bootstrap_skill, estimate_skill
from progressgym.scores.lock_in import against_history, answer_entropy, displacement
from progressgym.scores.published import best_values, code_sum_of_maxes, follow_sum, table2_double_sum
from progressgym.scores.resampling import Panel, item_contributions, item_masses
from progressgym.scores.similarity import cosine, dimension_error, drift_cosine, optional
from progressgym.scores.skill import skill
from progressgym.scores.utilities import (
    follow_utilities,
    gain,
    predict_utilities,
    suffix_max,
)

__all__ = [
    "Interval",
    "Panel",
    "SkillEstimate",
    "against_history",
    "answer_entropy",
    "best_values",
    "bootstrap_skill",
    "code_sum_of_maxes",
    "coevolve_utilities",
    "cosine",
    "dimension_error",
    "displacement",
    "drift_cosine",
    "estimate_skill",
    "follow_sum",
    "follow_utilities",
    "gain",
    "interquartile_mean",
    "item_contributions",
    "item_masses",
    "optional",
    "predict_utilities",
    "probability_of_improvement",
    "skill",
    "suffix_max",
    "table2_double_sum",
]
