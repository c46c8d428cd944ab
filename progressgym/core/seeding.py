"""Named random streams: the same seed and names give the same numbers, other names give independent ones."""

from __future__ import annotations

import hashlib

import numpy as np


def child_seed(seed: int, *names: str) -> int:
    """A 63-bit seed derived from a seed and a path of names.

    >>> child_seed(0, "items") == child_seed(0, "items") != child_seed(0, "labels")
    True
    """
    digest = hashlib.sha256("/".join((str(seed), *names)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for every purpose that has a name."""
    return np.random.default_rng(child_seed(seed, *names))
