"""Which states a learner trains on and which it is measured on, once and for all.

| part | share | for |
|---|---|---|
| `fit` | .6 | training while a recipe is being chosen |
| `validation` | .2 | choosing it |
| `train` | .8 | `fit` and `validation` together: training with the recipe chosen |
| `test` | .2 | the figures that are reported; looked at once |
"""

from __future__ import annotations

import numpy as np

from progressgym.core.debate import Bools
from progressgym.core.errors import unknown
from progressgym.core.seeding import generator

PARTS = ("train", "fit", "validation", "test", "all")
FOLD = 0.2
"""Share of the states in each of the two parts held out."""
SPLIT_SEED = 0


def split_states(states: Bools, part: str, domain: str) -> Bools:
    """The states of one part.

    Args:
        states: (S,) those that cases can be about.
        part: one of `PARTS`.
        domain: its name; every domain is split by chance of its own, the same in every process.

    Raises:
        UserError: another part.
    """
    if part not in PARTS:
        raise unknown("part", str(part), PARTS)
    if part == "all":
        return states.copy()
    rank = np.argsort(np.argsort(generator(SPLIT_SEED, domain, "split").random(len(states))[states]))
    fold = rank // (FOLD * int(states.sum()))
    # What is the validation part now was held out once before, and a recipe was tuned on it.
    chosen = {"train": fold != 1, "fit": fold > 1, "validation": fold == 0, "test": fold == 1}[part]
    chosen_mask = np.zeros_like(states)
    chosen_mask[states] = chosen
    return chosen_mask
