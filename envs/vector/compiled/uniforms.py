"""Some of the next uniform numbers of a stream: those that nobody reads are leapt over, not drawn.

k steps of PCG64 are one step with another multiplier and another increment: s -> a s + c becomes s -> a^k s + (1 + a + ... +
a^(k-1)) c. Two runners, half of the numbers each, do not wait for each other.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.vector.compiled.kernel import inlined, kernel, lean
from progressgym.envs.vector.compiled.pcg import HIGH, LOW, ZERO, Words, moved, output

Floats = NDArray[np.float64]
MODULUS = 2**128
MULTIPLIER = (int(HIGH) << 64) + int(LOW)
ELEVEN = np.uint64(11)


class Chosen(NamedTuple):
    """Which numbers of a stream are drawn."""

    places: Words
    """(n,) their places, upwards."""
    leaps: Words
    """(n,) which leap leads to each, from the one before; that to the first of each half from the beginning."""
    lengths: Words
    """(L, 4) the leaps: a^k and the sum of powers below, high and low half of each."""
    end: int
    """The leap from the beginning to what follows."""


def chosen(places: NDArray[np.int64], length: int) -> Chosen:
    """The numbers at these places, upwards, of as many as `length` says."""
    steps = np.diff(places, prepend=-1)
    steps[len(places) // 2] = places[len(places) // 2] + 1
    lengths, leaps = np.unique(np.append(steps, length), return_inverse=True)
    return Chosen(
        places=places.astype(np.uint64),
        leaps=leaps[:-1].astype(np.uint64),
        lengths=np.array([_leap(int(k)) for k in lengths], dtype=np.uint64),
        end=int(leaps[-1]),
    )


def _leap(steps: int) -> list[int]:
    """Four words of so many steps in one."""
    power, total = 1, 0
    for bit in bin(steps)[2:]:
        power, total = power * power % MODULUS, total * (power + 1) % MODULUS
        if bit == "1":
            power, total = power * MULTIPLIER % MODULUS, (total * MULTIPLIER + 1) % MODULUS
    return [number >> shift & (2**64 - 1) for number in (power, total) for shift in (64, 0)]


@lean
def draw_chosen(state: Words, some: Chosen, increments: Words, uniforms: Floats) -> None:
    """Put the chosen numbers in their places, leave the others as they are, and move the state (4,) behind all of them.

    Args:
        state: of a stream, see `pcg`.
        some: which numbers.
        increments: (L, 4) to work in.
        uniforms: (length,) in [0, 1).
    """
    places, leaps, lengths = some.places, some.leaps, some.lengths
    for n in range(len(lengths)):
        increments[n, 0], increments[n, 1] = lengths[n, 0], lengths[n, 1]
        # The sum of powers times the increment; 0 is added to it.
        increments[n, 2], increments[n, 3] = moved(state[2], state[3], lengths[n, 2], lengths[n, 3], ZERO, ZERO)
    half = len(places) // 2
    high, low = state[0], state[1]
    other_high, other_low = high, low
    for n in range(half):
        leap, other = increments[leaps[n]], increments[leaps[half + n]]
        high, low = moved(high, low, leap[0], leap[1], leap[2], leap[3])
        other_high, other_low = moved(other_high, other_low, other[0], other[1], other[2], other[3])
        uniforms[places[n]] = _uniform(high, low)
        uniforms[places[half + n]] = _uniform(other_high, other_low)
    if len(places) % 2:
        leap = increments[leaps[2 * half]]
        other_high, other_low = moved(other_high, other_low, leap[0], leap[1], leap[2], leap[3])
        uniforms[places[2 * half]] = _uniform(other_high, other_low)
    leap = increments[some.end]
    state[0], state[1] = moved(state[0], state[1], leap[0], leap[1], leap[2], leap[3])


@kernel
def peek_chosen(states: Words, some: Chosen, uniforms: Floats) -> None:
    """The chosen numbers (H, ...) of streams with these states (H, 4), which stay as they are."""
    increments = np.empty((len(some.lengths), 4), np.uint64)
    for h in range(len(states)):
        draw_chosen(states[h].copy(), some, increments, uniforms[h])


@inlined
def _uniform(high: Any, low: Any) -> float:
    """A number in [0, 1), as `Generator.random` makes it of a state."""
    return np.float64(np.int64(output(high, low) >> ELEVEN)) * 2.0**-53
