"""Scores: similarity, utilities of the challenges, skill with intervals, published scales, record schemas.

Pure functions of value vectors and answers (numpy): the environments, the benchmark and the leaderboard all score
with this code, so a number can always be recomputed from raw answers.
"""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy
from progressgym.scores.coevolve import coevolve_utilities
from progressgym.scores.improvement import interquartile_mean, probability_of_improvement
from progressgym.scores.intervals import Interval, SkillEstimate, bootstrap_skill, estimate_skill
from progressgym.scores.lock_in import against_history, answer_entropy, displacement
from progressgym.scores.published import best_values, code_sum_of_maxes, follow_sum, table2_double_sum
from progressgym.scores.resampling import Panel, item_contributions, item_masses
from progressgym.scores.similarity import cosine, dimension_error, drift_cosine, optional
from progressgym.scores.skill import skill
from progressgym.scores.utilities import (
    Utility,
    follow_utilities,
    gain,
    predict_utilities,
    suffix_max,
)

if TYPE_CHECKING:
    from progressgym.scores.item_drift import NormDrift, norm_drift
    from progressgym.scores.tropes import TropeMiner, Tropes

__all__ = [
    "Interval",  # a number with its 95 % bootstrap interval
    "NormDrift",  # which items drifted more than chance, and how far
    "Panel",  # the resamples of one challenge and history, with the utilities of `static` and the reference on each
    "SkillEstimate",  # what one agent reached on one challenge and history
    "TropeMiner",  # finds justifications that come again in many sentences
    "Tropes",  # what was found, with births and deaths
    "Utility",  # of every step of an episode, from values
    "against_history",  # share of covered dimensions that moved against the way that history went
    "answer_entropy",  # how undecided the answers are, from 0 (fixed) to 1 (indifferent)
    "best_values",  # best possible value of each scale
    "bootstrap_skill",  # skill, utility and the reference's lead with 95 % intervals, for a single agent
    "code_sum_of_maxes",  # the published Predict and Coevolve scores as the code computed them
    "coevolve_utilities",  # coevolve: mean over m = 0..T-1 of the largest sim(h_j, v(s_n)) with j >= m
    "cosine",  # cosine similarity over the covered dimensions
    "dimension_error",  # mean absolute difference per covered dimension, (...,)
    "displacement",  # how far the answers are from those of a human without the assistant, 0 to 1
    "drift_cosine",  # cosine between what the agent moved and what the human moved: cos(v - h_0, h - h_0)
    "estimate_skill",  # skill, utility and lead from the utilities of an agent on every resample
    "follow_sum",  # sum of cosines, best value S (8 for eight snapshots): the published Follow score
    "follow_utilities",  # follow: sim(v_n, h_n) for n = 1..T-1
    "gain",  # training reward: (sim - sim_static) / (1 - sim_static), clipped to [-1, 1]
    "interquartile_mean",  # mean of the middle half of all scores
    "item_contributions",  # x_id = sum over options of p L: (..., N, K) answers and (N, K, D) loadings -> (..., N, D)
    "item_masses",  # m_id = the largest loading of any option, (N, K, D) -> (N, D)
    "norm_drift",  # a line through every item's scores, and what is found at a false discovery rate
    "optional",  # a number for a record: None instead of NaN or infinity, which JSON does not have
    "predict_utilities",  # predict: sim(v_n, h_{n + horizon}) for n = 1..T-1-horizon
    "probability_of_improvement",  # chance that a run of ours beats a run of theirs, ties counted half
    "skill",  # share of the reference's lead that was reached: (U - U_static) / (U_ref - U_static)
    "suffix_max",  # largest value from each position to the end: out[m] = max over j >= m of values[j]
    "table2_double_sum",  # the formula printed in the paper's table 2
]
__getattr__ = lazy(__name__, {"item_drift": "NormDrift norm_drift", "tropes": "TropeMiner Tropes"})
