"""Alignment methods: from one century's comparisons to a new stance, or to what a language model is trained on."""

from progressgym.agents.methods.dpo import Dpo
from progressgym.agents.methods.map import Map
from progressgym.agents.methods.rlhf import Rlhf
from progressgym.agents.methods.stage import Method, ModelStage, Stage

__all__ = ["Dpo", "Map", "Method", "ModelStage", "Rlhf", "Stage"]
