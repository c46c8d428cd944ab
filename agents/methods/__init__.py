"""Alignment methods: from one century's comparisons to a new stance, or to what a language model is trained on."""

from progressgym.agents.methods.conditional import ConditionalDpo
from progressgym.agents.methods.dpo import Dpo
from progressgym.agents.methods.gpo import Gpo
from progressgym.agents.methods.map import Map
from progressgym.agents.methods.rlhf import Rlhf
from progressgym.agents.methods.stage import Method, ModelStage, Stage
from progressgym.agents.methods.steer import SteerLm

__all__ = [
    "ConditionalDpo",  # DPO whose users are a history's centuries
    "Dpo",  # the policy whose margins over the reference are what the preferences ask for
    "Gpo",  # the policy that moves by how options fare against its own answers
    "Map",  # the stance of highest posterior density given a century's comparisons and the last stance
    "Method",  # an alignment method: a subclass adds its hyperparameters and `update`
    "ModelStage",  # one century of one language model
    "Rlhf",  # the best policy for a reward that explains the preferences, at a price on divergence from the reference
    "Stage",  # one century of a batch of stance policies
    "SteerLm",  # the policy that is asked for answers of the best score
]
