"""Shells: environments in text as the frameworks expect them, one file each.

This face lists what needs no framework. The other modules, `skyrl_env`, `openenv_server`, `verifiers_env` and `inspect_task`, import
theirs, each an extra, and are public as modules.
"""

from typing import TYPE_CHECKING

from progressgym.core.faces import lazy

if TYPE_CHECKING:
    from progressgym.envs.text.shells.trl_rewards import TextEnvironment, brier_reward, group_reward

__all__ = [
    "TextEnvironment",  # whole episodes, for TRL's `environment_factory`
    "brier_reward",  # for TRL's `reward_funcs`: stated probabilities
    "group_reward",  # for TRL's `reward_funcs`: letters, by group
]
__getattr__ = lazy(__name__, {"trl_rewards": "TextEnvironment brier_reward group_reward"})
