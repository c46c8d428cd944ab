"""Which states a learner trains on and which it is measured on: 80 : 20, once and for all."""

from __future__ import annotations

import numpy as np

from progressgym.core.debate import Bools
from progressgym.core.errors import unknown
from progressgym.core.seeding import generator

PARTS = ("train", "test", "all")
TEST_SHARE = 0.2
SPLIT_SEED = 0


def split_states(states: Bools, part: str, domain: str) -> Bools:
    """The states of one part.

    Args:
        states: (S,) those that cases can be about.
        part: `train`, `test` or `all`.
        domain: its name; every domain is split by chance of its own, the same in every process.

    Raises:
        UserError: another part.
    """
    if part not in PARTS:
        raise unknown("part", str(part), PARTS)
    if part == "all":
        return states.copy()
    rank = np.argsort(np.argsort(generator(SPLIT_SEED, domain, "split").random(len(states))[states]))
    test = np.zeros_like(states)
    test[states] = rank < round(TEST_SHARE * int(states.sum()))
    kept: Bools = test if part == "test" else states & ~test
    return kept
