"""Sampled votes of many rows on all comparisons: drawn, compared and counted without a number a vote in memory.

A vote is one bit: whether the number drawn lies below the bound of its comparison. Bits of a century stand in few words, so
that evidence, a sum of votes times whole numbers, is a count of ones under masks. In `uniforms-v2` a word that is drawn
holds four numbers, which are compared side by side.

Legend of shapes: R rows, T centuries (all that are drawn), t those that are read, Q comparisons, W words drawn or bounds
of a century, G words of its packed votes, E masks, D = 19.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.threads import scratch
from progressgym.envs.vector.compiled.kernel import kernel, lean
from progressgym.envs.vector.compiled.pcg import ONE, ZERO, Words, advance, fill
from progressgym.preferences.comparisons import SHORT_SCHEME, short_bounds, short_words

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TOP = np.uint64(0x8000_8000_8000_8000)
"""The highest bits of the four numbers in a word."""
REST = ~TOP
ELEVEN = np.uint64(11)
LANES, LANE = 4, 16
"""Numbers in a word, and the bits of each; as many words make one of packed votes."""
WORD = LANES * LANE


class Votes:
    """How the votes of an environment's rows are drawn and read."""

    def __init__(self, differences: Floats, centuries: int, read: int, scheme: str, ranks: int) -> None:
        """Lay them out.

        Args:
            differences: (Q, D) loading differences of the comparisons, whole numbers.
            centuries: T.
            read: t, how many of them are read.
            scheme: one of `preferences.comparisons.RNG_SCHEMES`.
            ranks: numbers that are drawn before, and not read.
        """
        queries, self._short, self._ranks = len(differences), scheme == SHORT_SCHEME, ranks
        first = np.arange(read) * queries if self._short else (np.arange(read) - 1) % centuries * queries
        each = LANES if self._short else 1
        self._starts, self._phases = first // each, first % each
        self._drawn = short_words(centuries * queries) if self._short else centuries * queries
        self._words = -(-(queries + each - 1) // WORD)
        self._queries = queries
        self._word, self._bit = self._places()
        whole = np.rint(differences)
        self._masks = [self._under(whole, phase) for phase in range(each)]
        self._all = np.abs(whole).sum(0)
        self._size = np.where(self._all > 0, self._all, np.inf)

    def bounds(self, preferred: Floats) -> Words:
        """(H, t, W) what the numbers drawn must be below, from probabilities (H, t, Q); 0 where nothing is asked."""
        shape = *preferred.shape[:2], WORD * self._words
        if not self._short:
            table = np.zeros(shape, dtype=np.uint64)
            # A number is k / 2**53, and below p exactly where k is below p * 2**53, which is scaled without rounding.
            table[..., : self._queries] = np.ceil(preferred * 2.0**53).astype(np.uint64)
            return table
        numbers, bounds = np.zeros(shape, dtype="<u2"), short_bounds(preferred)
        for century, phase in enumerate(self._phases.tolist()):
            numbers[:, century, phase : phase + self._queries] = bounds[:, century]
        return numbers.view("<u8").astype(np.uint64)

    def draw(self, states: Words, bounds: Words) -> Words:
        """Packed votes (t, G, R) of rows with states (R, 4) of their streams, which move on; bounds (1 or R, t, W)."""
        packed = np.empty((bounds.shape[1], self._words, len(states)), dtype=np.uint64)
        # The last century's bounds may reach behind what is drawn: with the bound 0 it does not matter what stands there.
        words = scratch("drawn", (self._drawn + bounds.shape[2],), np.uint64)
        _draw(states, self._ranks, words, self._drawn, self._starts, bounds, self._short, packed)
        return packed

    def evidence(self, packed: Words) -> NDArray[np.float32]:
        """Evidence (R, t, D) of packed votes, as `VoteEvidence`."""
        centuries, _, rows = packed.shape
        read, ones = np.empty((rows, centuries, len(self._all)), dtype=np.float32), np.empty(rows, dtype=np.int64)
        for century, phase in enumerate(self._phases.tolist()):
            _evidence(packed[century], *self._masks[phase], self._all, self._size, ones, read[:, century])
        return read

    def labels(self, packed: Words) -> NDArray[np.float32]:
        """Labels (R, n, Q) of the packed votes of the last n centuries, 0 or 1."""
        labels = np.empty((packed.shape[2], packed.shape[0], self._queries), dtype=np.float32)
        _labels(packed, self._phases[-len(packed) :], self._word, self._bit, labels)
        return labels

    def _places(self) -> tuple[Ints, NDArray[np.uint64]]:
        """In which packed word, and at which bit of it, every vote stands: (phases, Q) each."""
        if not self._short:
            places = np.arange(self._queries)[None]
            return places // WORD, (places % WORD).astype(np.uint64)
        places = np.arange(LANES)[:, None] + np.arange(self._queries)
        word, lane = np.divmod(places, LANES)
        return word // LANE, (LANE * lane + LANE - 1 - word % LANE).astype(np.uint64)

    def _under(self, whole: Floats, phase: int) -> tuple[Ints, Words, Words, Words, Words]:
        """Masks of votes with the same dimension and the same bit of their numbers' sizes: where each dimension's begin (D + 1,),
        their words, the votes in them, those that count against (as 0 does for the others), and the bit (E,)."""
        bits = np.arange(int(np.abs(whole).max(initial=0)).bit_length())
        asked, dimension, bit = np.nonzero((np.abs(whole).astype(np.int64)[..., None] >> bits) & 1)
        votes = ONE << self._bit[phase, asked]
        masks = np.zeros((2, whole.shape[1], len(bits), self._words), dtype=np.uint64)
        where = dimension, bit, self._word[phase, asked]
        np.bitwise_or.at(masks[0], where, votes)
        np.bitwise_or.at(masks[1], where, np.where(whole[asked, dimension] < 0, votes, ZERO))
        there = np.nonzero(masks[0])
        begins = np.searchsorted(there[0], np.arange(whole.shape[1] + 1))
        # Unsigned words: an index that may be negative costs a comparison each.
        return begins, there[2].astype(np.uint64), masks[0][there], masks[1][there], there[1].astype(np.uint64)


@kernel
def _draw(
    states: Words, ranks: int, words: Words, drawn: int, starts: Ints, bounds: Words, short: bool, packed: Words
) -> None:
    """Row after row; `words` is memory for the numbers of one."""
    for row in range(len(states)):
        advance(states[row], ranks)
        fill(states[row], words[:drawn])
        below = bounds[row if len(bounds) > 1 else 0]
        for century in range(len(packed)):
            numbers = words[starts[century] :]
            if short:
                _pack_short(numbers, below[century], packed[century, :, row])
            else:
                _pack(numbers, below[century], packed[century, :, row])


@lean
def _pack_short(words: Words, bounds: Words, packed: Words) -> None:
    """Votes of one century, four numbers a word: the four highest bits of the k-th of 16 words stand k places lower."""
    for g in range(len(packed)):
        votes = ZERO
        for k in range(LANE):
            drawn, bound = words[LANE * g + k], bounds[LANE * g + k]
            # Without the highest bits no number borrows from the next; they stay where the rest is not smaller.
            rest = (drawn | TOP) - (bound & REST)
            votes |= (((~drawn & bound) | ~((drawn ^ bound) | rest)) & TOP) >> np.uint64(k)
        packed[g] = votes


@lean
def _pack(words: Words, bounds: Words, packed: Words) -> None:
    """Votes of one century, a number of 53 bits a word."""
    for g in range(len(packed)):
        votes = ZERO
        for k in range(WORD):
            votes |= np.uint64((words[WORD * g + k] >> ELEVEN) < bounds[WORD * g + k]) << np.uint64(k)
        packed[g] = votes


@lean
def ones(word: Any) -> Any:
    """How many bits of a word are set; one instruction, where the compiler knows the formula."""
    word -= (word >> ONE) & np.uint64(0x5555_5555_5555_5555)
    word = (word & np.uint64(0x3333_3333_3333_3333)) + ((word >> np.uint64(2)) & np.uint64(0x3333_3333_3333_3333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F_0F0F_0F0F_0F0F)
    return (word * np.uint64(0x0101_0101_0101_0101)) >> np.uint64(56)


@kernel
def _evidence(
    packed: Words,
    begins: Ints,
    words: Words,
    masks: Words,
    against: Words,
    bits: Words,
    total: Floats,
    size: Floats,
    count: Ints,
    read: Any,
) -> None:
    """Of one century: packed (G, R) -> read (R, D); `count` (R,) is memory.

    A vote that counts against is counted where it is 0. So the count is the sum of votes times numbers, plus the sizes of all
    that count against; twice that minus all sizes is what `VoteEvidence` divides.
    """
    for d in range(len(total)):
        count[:] = 0
        for e in range(begins[d], begins[d + 1]):
            votes, mask, flipped, bit = packed[words[e]], masks[e], against[e], bits[e]
            for row in range(len(count)):
                count[row] += np.int64(ones((votes[row] ^ flipped) & mask) << bit)
        for row in range(len(count)):
            read[row, d] = (2.0 * count[row] - total[d]) / size[d]


@kernel
def _labels(packed: Words, phases: Ints, words: Ints, bits: Words, labels: Any) -> None:
    """packed (t, G, R) -> labels (R, t, Q)."""
    for row in range(len(labels)):
        for century in range(len(packed)):
            word, bit = words[phases[century]], bits[phases[century]]
            for q in range(labels.shape[2]):
                labels[row, century, q] = (packed[century, word[q], row] >> bit[q]) & ONE
