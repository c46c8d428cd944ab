"""PCG64 as numpy has it (128-bit state, XSL-RR output), for streams whose states stand in an array.

A state is a row of four words: high and low half of the state, high and low half of the increment. O'Neill, PCG: A Family
of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number Generation, 2014.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.vector.compiled.kernel import inlined, lean

Words = NDArray[np.uint64]
HIGH, LOW = np.uint64(2549297995355413924), np.uint64(4865540595714422341)
"""Halves of the multiplier."""
ZERO, ONE, HALF, WHOLE, ROTATION = (np.uint64(n) for n in (0, 1, 32, 64, 58))
HALF_MASK, ROTATION_MASK = np.uint64(2**32 - 1), np.uint64(63)


@lean
def high_product(a: Any, b: Any) -> Any:
    """The high word of a product of two words; one instruction, where the compiler knows the formula."""
    a0, a1, b0, b1 = a & HALF_MASK, a >> HALF, b & HALF_MASK, b >> HALF
    middle = a1 * b0 + ((a0 * b0) >> HALF)
    other = a0 * b1 + (middle & HALF_MASK)
    return a1 * b1 + (middle >> HALF) + (other >> HALF)


@lean
def moved(high: Any, low: Any, times_high: Any, times_low: Any, plus_high: Any, plus_low: Any) -> Any:
    """state * times + plus, all of 128 bits in two halves."""
    product = low * times_low
    new_low = product + plus_low
    carry = ONE if new_low < product else ZERO
    return high_product(low, times_low) + high * times_low + low * times_high + plus_high + carry, new_low


@inlined
def output(high: Any, low: Any) -> Any:
    """The word that is drawn at a state."""
    mixed, turn = high ^ low, high >> ROTATION
    return (mixed >> turn) | (mixed << ((WHOLE - turn) & ROTATION_MASK))


@lean
def advance(state: Words, steps: int) -> None:
    """Move a state (4,) on by a number of steps, in a time that grows with its logarithm."""
    times_high, times_low, plus_high, plus_low = HIGH, LOW, state[2], state[3]
    while steps > 0:
        if steps & 1:
            state[0], state[1] = moved(state[0], state[1], times_high, times_low, plus_high, plus_low)
        # Twice the step: s -> a (a s + c) + c.
        plus_high, plus_low = moved(plus_high, plus_low, times_high, times_low, plus_high, plus_low)
        times_high, times_low = moved(times_high, times_low, times_high, times_low, ZERO, ZERO)
        steps >>= 1


@lean
def fill(state: Words, words: Words) -> None:
    """Draw words (n,) and move the state (4,) on: what `random_raw` draws."""
    high, low, plus_high, plus_low = state[0], state[1], state[2], state[3]
    for i in range(len(words)):
        high, low = moved(high, low, HIGH, LOW, plus_high, plus_low)
        words[i] = output(high, low)
    state[0], state[1] = high, low
