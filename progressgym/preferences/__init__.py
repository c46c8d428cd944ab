"""Preferences: comparisons elicited from a century, their labels, their export as a preference dataset."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.preferences.comparisons import Comparisons, PairChooser, all_pairs
    from progressgym.preferences.conditions import Conditions, Facts, conditions_of
    from progressgym.preferences.export import PreferenceRow, history_rows, preference_rows
    from progressgym.preferences.learned_judge import JudgeRecipe, LearnedJudge, train_judge
    from progressgym.preferences.length_control import LengthControlled, with_length
    from progressgym.preferences.lm_judge import LanguageModelJudge
    from progressgym.preferences.pairs import Pairs
    from progressgym.preferences.uses import best_of_n, filtered, guarded_best_of_n, worth

__all__ = [
    "Comparisons",  # labelled comparisons of one century
    "Conditions",  # what must hold before a run is ranked
    "Facts",  # what conditions are checked against
    "JudgeRecipe",  # how a judge is trained
    "LanguageModelJudge",  # rules by the verdicts of a language model
    "LearnedJudge",  # a trained network as a `Judge`
    "LengthControlled",  # a model that is not paid for length
    "PairChooser",  # which pairs are asked
    "Pairs",  # labelled pairs
    "PreferenceRow",  # one comparison in TRL's explicit-prompt format
    "all_pairs",  # every pair of options of the given items, in the instrument's order
    "best_of_n",  # the candidate of largest worth
    "conditions_of",  # a run's, from what is known of it
    "filtered",  # pairs whose label a model supports
    "guarded_best_of_n",  # the same among those that a guard lets through
    "history_rows",  # rows of every century of a history, the same comparisons each century
    "preference_rows",  # rows of one century's pairs, in their order
    "train_judge",  # train a judge on a domain's preferences, every batch with fresh cases and fresh random evidence
    "with_length",  # pairs with their lengths as a feature
    "worth",  # what a model thinks of things beside each other
]
__getattr__ = lazy(
    __name__,
    {
        "comparisons": "Comparisons PairChooser all_pairs",
        "conditions": "Conditions Facts conditions_of",
        "export": "PreferenceRow history_rows preference_rows",
        "learned_judge": "JudgeRecipe LearnedJudge train_judge",
        "length_control": "LengthControlled with_length",
        "lm_judge": "LanguageModelJudge",
        "pairs": "Pairs",
        "uses": "best_of_n filtered guarded_best_of_n worth",
    },
)
