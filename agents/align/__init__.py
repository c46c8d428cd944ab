"""Alignment methods: pure functions from one century's comparisons to a new stance."""

from progressgym.agents.align.dpo import dpo_margins, dpo_update
from progressgym.agents.align.map import map_update
from progressgym.agents.align.rlhf import base_stance, reward_weights, rlhf_update

__all__ = ["base_stance", "dpo_margins", "dpo_update", "map_update", "reward_weights", "rlhf_update"]
