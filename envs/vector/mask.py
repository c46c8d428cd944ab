"""Mask: which rows something is true of, with the two questions that every step asks of it answered once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from progressgym.envs.actions import Bools


class Mask(NamedTuple):
    """Rows of a vector environment."""

    flags: Bools
    """(B,) true for these rows."""
    some: bool
    """Whether there is one."""
    every: bool
    """Whether they are all."""

    @classmethod
    def of(cls, flags: Bools) -> Mask:
        """The rows with a true flag."""
        count = int(np.count_nonzero(flags))
        return cls(flags, count > 0, count == len(flags))

    def others(self) -> Mask:
        """The other rows."""
        return Mask(~self.flags, not self.every, not self.some)
