"""All sets of up to L of N pieces of evidence, and which set a piece leads to: the lattice that exact solutions use.

A judge does not see the order in which pieces were shown, so a position is a set, and there are few of them: 99 for 4
of 7 pieces, 163 for 4 of 8. Legend of shapes: N pieces, L turns, n_k sets of size k, B games.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np

from progressgym.core.debate import Bools, Ints
from progressgym.core.errors import UserError

MOST = 200_000
"""More sets than this are not enumerated."""


def count_sets(pieces: int, turns: int) -> int:
    """How many evidence sets a debate can pass through."""
    return sum(comb(pieces, k) for k in range(turns + 1))


def solvable(pieces: int, turns: int) -> bool:
    """Whether these debates can be solved exactly.

    >>> solvable(7, 4), solvable(44, 6)
    (True, False)
    """
    return pieces <= 62 and count_sets(pieces, turns) <= MOST


class EvidenceSets:
    """The lattice of evidence sets.

    >>> sets = EvidenceSets(7, 4)
    >>> [len(level) for level in sets.levels], sets.count
    ([1, 7, 21, 35, 35], 99)
    """

    def __init__(self, pieces: int, turns: int) -> None:
        """Enumerate.

        Args:
            pieces: N, at most 62.
            turns: L.

        Raises:
            UserError: too many sets to enumerate.
        """
        self.count = count_sets(pieces, turns)
        if not solvable(pieces, turns):
            raise UserError(
                f"{turns} of {pieces} pieces make {self.count} evidence sets, too many to solve exactly (at most {MOST})"
            )
        self.pieces, self.turns = pieces, turns
        self.levels: tuple[Bools, ...] = tuple(_level(pieces, k) for k in range(turns + 1))
        """L + 1 arrays (n_k, N), True on pieces of the set."""
        self._weights = 1 << np.arange(pieces, dtype=np.int64)
        codes = [level @ self._weights for level in self.levels]
        self._order = [np.argsort(code) for code in codes]
        self._codes = [code[order] for code, order in zip(codes, self._order, strict=True)]
        self.children: tuple[Ints, ...] = tuple(self._children(k) for k in range(turns))
        """L arrays (n_k, N): the set of size k + 1 after showing a piece, -1 where it is on the table already."""

    def index(self, revealed: Bools, turn: int) -> Ints:
        """(B,) which set of size `turn` every row of revealed (B, N) is."""
        at = np.searchsorted(self._codes[turn], revealed @ self._weights)
        numbers: Ints = self._order[turn][at]
        return numbers

    def _children(self, k: int) -> Ints:
        level = self.levels[k]
        children = np.full(level.shape, -1, dtype=np.int64)
        for piece in range(self.pieces):
            free = ~level[:, piece]
            grown = level[free].copy()
            grown[:, piece] = True
            children[free, piece] = self.index(grown, k + 1)
        return children


@lru_cache(maxsize=16)
def evidence_sets(pieces: int, turns: int) -> EvidenceSets:
    """The lattice, made once."""
    return EvidenceSets(pieces, turns)


def _level(pieces: int, size: int) -> Bools:
    chosen = list(combinations(range(pieces), size))
    level = np.zeros((len(chosen), pieces), dtype=np.bool_)
    for row, members in enumerate(chosen):
        level[row, list(members)] = True
    return level
