"""Preferences: comparisons elicited from a century, their labels, their export as a preference dataset."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.preferences.comparisons import Comparisons, PairChooser, all_pairs
    from progressgym.preferences.export import PreferenceRow, history_rows, preference_rows
    from progressgym.preferences.learned_judge import JudgeRecipe, LearnedJudge, train_judge
    from progressgym.preferences.lm_judge import LanguageModelJudge
    from progressgym.preferences.pairs import Pairs

__all__ = [
    "Comparisons",  # labelled comparisons of one century
    "JudgeRecipe",  # how a judge is trained
    "LanguageModelJudge",  # rules by the verdicts of a language model
    "LearnedJudge",  # a trained network as a `Judge`
    "PairChooser",  # which pairs are asked
    "Pairs",  # labelled pairs
    "PreferenceRow",  # one comparison in TRL's explicit-prompt format
    "all_pairs",  # every pair of options of the given items, in the instrument's order
    "history_rows",  # rows of every century of a history, the same comparisons each century
    "preference_rows",  # rows of one century's pairs, in their order
    "train_judge",  # train a judge on a domain's preferences, every batch with fresh cases and fresh random evidence
]
__getattr__ = lazy(
    __name__,
    {
        "comparisons": "Comparisons PairChooser all_pairs",
        "export": "PreferenceRow history_rows preference_rows",
        "learned_judge": "JudgeRecipe LearnedJudge train_judge",
        "lm_judge": "LanguageModelJudge",
        "pairs": "Pairs",
    },
)
