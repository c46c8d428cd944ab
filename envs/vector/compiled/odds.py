"""Values of stances by products of odds, as `progressgym.envs.odds`: item after item, without a table of all chances.

Legend of shapes: B environments, L of a group, C dimensions that items with two options speak of, J such items, F pairs of
factors, S shares, I wider items, U their different rows, D = 19.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.vector.compiled.elementary import exp
from progressgym.envs.vector.compiled.kernel import kernel, lean

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]
LENGTH = 256
"""L: a group's odds and sums stay in the smallest cache, and rows are long enough for vector instructions."""


class Tables(NamedTuple):
    """What does not depend on the base."""

    first: int
    """The first of the C dimensions,"""
    dims: int
    """and how many they are."""
    factors: Ints
    """(F, 2) rows of the table of powers, two at a time; its last row is 1."""
    begins: Ints
    """(J + 1,) where each item's pairs of factors begin."""
    dimensions: Ints
    """(S,) what a chance adds to,"""
    shares: Floats
    """(S,) and how much."""
    share_begins: Ints
    """(J + 1,) where each item's shares begin."""
    constant: Floats
    """(D,) values when no first option is chosen."""
    rows: Floats
    """(U, D) different rows of the wider items' loadings, times scale."""
    weights: Floats
    """(D, U) what a choice of such an option adds to the values."""
    scale: float
    """Of the stance model."""


def tables(
    slots: list[NDArray[np.int64]],
    share: Floats,
    first: int,
    constant: Floats,
    rows: Floats,
    weights: Floats,
    scale: float,
) -> Tables:
    """Lay them out.

    Args:
        slots: for k = 0, 1, ... the k-th factor of the first items, as rows of the table of powers.
        share: (C, J) what the probability of a first option adds to the values.
        first: the first of the C dimensions.
        constant: see `Tables`.
        rows: the same.
        weights: the same.
        scale: the same.
    """
    items, ones = share.shape[1], 4 * len(share)
    factors, begins = [], [0]
    for j in range(items):
        own = [int(slot[j]) for slot in slots if j < len(slot)]
        own += [ones] * (2 if not own else len(own) % 2)
        factors += own
        begins.append(len(factors) // 2)
    item, dimension = np.nonzero(share.T)
    return Tables(
        first,
        len(share),
        np.array(factors, dtype=np.int64).reshape(-1, 2),
        np.array(begins, dtype=np.int64),
        (dimension + first).astype(np.int64),
        share.T[item, dimension],
        np.searchsorted(item, np.arange(items + 1)).astype(np.int64),
        constant,
        rows,
        weights,
        scale,
    )


@kernel
def fill_values(
    theta: Floats, first: int, last: int, two: Floats, totals: Floats, parts: Tables, values: Floats
) -> None:
    """Values (D, B) of the stances (B, D) from the first row to that before the last, around base odds two (J, 1 or B) and
    totals (I, U, 1 or B), group after group."""
    # How long a group is must not be a constant: loops of a fixed length are unrolled, and then not made vector instructions.
    length, dtype = min(LENGTH, last - first), values.dtype
    stances, sums = np.zeros((len(values), length), dtype), np.empty((len(values), length), dtype)
    powers = np.ones((4 * parts.dims + 1, length), dtype)
    moved, chosen = np.ones((len(parts.rows), length), dtype), np.empty((len(parts.rows), length), dtype)
    chances = np.ones(length, dtype)
    for start in range(first, last, length):
        size = min(length, last - start)
        for d in range(len(values)):
            for v in range(size):
                stances[d, v] = theta[start + v, d]
        _find_powers(stances, parts, powers)
        _add_two(powers, two, start, size, parts, chances, sums)
        _find_moved(stances, parts, moved)
        _add_wide(moved, totals, start, size, parts, chances, chosen, sums)
        for d in range(len(values)):
            for v in range(size):
                values[d, start + v] = sums[d, v]


@lean
def _find_powers(stances: Floats, parts: Any, powers: Floats) -> None:
    """Odds (C, L) of stances (D, L) and their powers 1, 2, -1, -2: the first (4 C, L), before a row of ones."""
    one, count, length = powers.dtype.type(1.0), parts.dims, powers.shape[1]
    for c in range(count):
        odds, squares, stance = powers[c], powers[count + c], stances[parts.first + c]
        inverses, inverse_squares = powers[2 * count + c], powers[3 * count + c]
        for v in range(length):
            odds[v] = exp(parts.scale * stance[v])
            inverses[v] = one / odds[v]
            squares[v] = odds[v] * odds[v]
            inverse_squares[v] = inverses[v] * inverses[v]


@lean
def _add_two(powers: Floats, two: Floats, start: int, size: int, parts: Any, chances: Floats, sums: Floats) -> None:
    """Sums (D, L) of the constant and what the items with two options say; chances (L,) is memory."""
    one, length = powers.dtype.type(1.0), powers.shape[1]
    for d in range(len(sums)):
        for v in range(length):
            sums[d, v] = parts.constant[d]
    for j in range(len(two)):
        if two.shape[1] == 1:
            chances[:] = two[j, 0]
        else:
            for v in range(size):
                chances[v] = two[j, start + v]
        for pair in range(parts.begins[j], parts.begins[j + 1]):
            a, b = powers[parts.factors[pair, 0]], powers[parts.factors[pair, 1]]
            for v in range(length):
                chances[v] *= a[v] * b[v]
        for v in range(length):
            chances[v] = one / (one + chances[v])
        for s in range(parts.share_begins[j], parts.share_begins[j + 1]):
            _add(sums[parts.dimensions[s]], parts.shares[s], chances)


@lean
def _find_moved(stances: Floats, parts: Any, moved: Floats) -> None:
    """What stances (D, L) multiply the odds of the different rows by: moved (U, L)."""
    for u in range(len(moved)):
        odds = moved[u]
        odds[:] = 0.0
        for d in range(len(stances)):
            if parts.rows[u, d] != 0.0:
                _add(odds, parts.rows[u, d], stances[d])
        for v in range(len(odds)):
            odds[v] = exp(odds[v])


@lean
def _add_wide(
    moved: Floats, totals: Floats, start: int, size: int, parts: Any, inverse: Floats, chosen: Floats, sums: Floats
) -> None:
    """Add what the wider items say; inverse (L,) and chosen (U, L) are memory."""
    one = moved.dtype.type(1.0)
    chosen[:] = 0.0
    for i in range(len(totals)):
        inverse[:] = 0.0
        for u in range(len(moved)):
            _add_base(inverse, totals[i, u], start, size, moved[u])
        for v in range(len(inverse)):
            inverse[v] = one / inverse[v]
        for u in range(len(moved)):
            _add_base(chosen[u], totals[i, u], start, size, inverse)
    for u in range(len(moved)):
        for v in range(len(inverse)):
            chosen[u, v] *= moved[u, v]
        for d in range(len(sums)):
            if parts.weights[d, u] != 0.0:
                _add(sums[d], parts.weights[d, u], chosen[u])


@lean
def _add_base(total: Floats, base: Floats, start: int, size: int, other: Floats) -> None:
    """Add base odds (1 or B) times other (L,) to total (L,)."""
    if len(base) == 1:
        _add(total, base[0], other)
    else:
        for v in range(size):
            total[v] += base[start + v] * other[v]


@lean
def _add(total: Floats, number: float, other: Floats) -> None:
    """Add a number times other (L,) to total (L,)."""
    for v in range(len(total)):
        total[v] += number * other[v]
