"""Alignment methods: from one century's comparisons to a new stance, or to what a language model is trained on."""

from progressgym.agents.methods.conditional import ConditionalDpo
from progressgym.agents.methods.dpo import Dpo
from progressgym.agents.methods.gpo import Gpo
from progressgym.agents.methods.map import Map
from progressgym.agents.methods.rlhf import Rlhf
from progressgym.agents.methods.stage import Method, ModelStage, Stage

__all__ = ["ConditionalDpo", "Dpo", "Gpo", "Map", "Method", "ModelStage", "Rlhf", "Stage"]
