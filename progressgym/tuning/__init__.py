"""Fine-tuning of language models, shared by the history builder, live humans and agents. Uses transformers and PEFT."""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.tuning.alignment import AlignRecipe, dpo_stage, rlhf_stage
    from progressgym.tuning.lora import LoraRecipe
    from progressgym.tuning.preference_run import PreferenceRecipe, train_file
    from progressgym.tuning.training import StageRecipe, train_stage
    from progressgym.tuning.tunable import TunableModel

__all__ = [
    "AlignRecipe",  # hyperparameters of a stage
    "LoraRecipe",  # where an adapter sits and how large it is
    "PreferenceRecipe",  # what is trained on which file of preferences, and how
    "StageRecipe",  # hyperparameters of one stage
    "TunableModel",  # one model and its current trainable state
    "dpo_stage",  # one stage of direct preference optimisation
    "rlhf_stage",  # one stage of RLHF: a reward model on the current policy, then RLOO
    "train_file",  # train a language model on a file of preferences, and judge it on held-out prompts
    "train_stage",  # train the trainable weights of a model on examples, in their order
]
__getattr__ = lazy(
    __name__,
    {
        "alignment": "AlignRecipe dpo_stage rlhf_stage",
        "lora": "LoraRecipe",
        "preference_run": "PreferenceRecipe train_file",
        "training": "StageRecipe train_stage",
        "tunable": "TunableModel",
    },
)
