"""Values of stances by products of odds, as `progressgym.envs.odds`: item after item, without a table of all chances.

Legend of shapes: B environments, L of a group, C dimensions that items with two options speak of, J such items, F pairs of
factors, S shares, I wider items, U their different rows, D = 19.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.vector.compiled.elementary import exp
from progressgym.envs.vector.compiled.kernel import kernel

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]
LENGTH = 256
"""L: a group's odds and sums stay in the smallest cache, and rows are long enough for vector instructions."""


class Tables(NamedTuple):
    """What does not depend on the base."""

    first: int
    """The first of the C dimensions,"""
    count: int
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
    slots: list[NDArray[np.int64]], share: Floats, first: int, constant: Floats, rows: Floats, weights: Floats, scale: float
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
    powers = np.ones((4 * parts.count + 1, length), dtype)
    moved, chosen = np.ones((len(parts.rows), length), dtype), np.empty((len(parts.rows), length), dtype)
    chances = np.ones(length, dtype)
    for start in range(first, last, length):
        stop = min(start + length, last)
        for d in range(len(sums)):
            sums[d] = parts.constant[d]
            for v in range(stop - start):
                stances[d, v] = theta[start + v, d]
        _find_powers(stances, parts, powers)
        _add_two(powers, two if two.shape[1] == 1 else two[:, start:stop], parts, chances, sums)
        _find_moved(stances, parts, moved)
        _add_wide(moved, totals if totals.shape[2] == 1 else totals[:, :, start:stop], parts, chances, chosen, sums)
        values[:, start:stop] = sums[:, : stop - start]


@kernel
def _find_powers(stances: Floats, parts: Any, powers: Floats) -> None:
    """Odds (C, L) of stances and their powers 1, 2, -1, -2: the first (4 C, L), before a row of ones."""
    one, count, length = powers.dtype.type(1.0), parts.count, powers.shape[1]
    for c in range(count):
        odds, squares = powers[c], powers[count + c]
        inverses, inverse_squares = powers[2 * count + c], powers[3 * count + c]
        stance = stances[parts.first + c]
        for v in range(length):
            odds[v] = exp(parts.scale * stance[v])
            inverses[v] = one / odds[v]
            squares[v] = odds[v] * odds[v]
            inverse_squares[v] = inverses[v] * inverses[v]


@kernel
def _add_two(powers: Floats, two: Floats, parts: Any, chances: Floats, sums: Floats) -> None:
    """Add what the items with two options say; chances (L,) is memory."""
    one, length = powers.dtype.type(1.0), powers.shape[1]
    for j in range(len(two)):
        begin, end = parts.begins[j], parts.begins[j + 1]
        a, b = powers[parts.factors[begin, 0]], powers[parts.factors[begin, 1]]
        if two.shape[1] == 1:
            base = two[j, 0]
            for v in range(length):
                chances[v] = base * a[v] * b[v]
        else:
            for v in range(two.shape[1]):
                chances[v] = two[j, v] * a[v] * b[v]
        for pair in range(begin + 1, end):
            a, b = powers[parts.factors[pair, 0]], powers[parts.factors[pair, 1]]
            for v in range(length):
                chances[v] *= a[v] * b[v]
        for v in range(length):
            chances[v] = one / (one + chances[v])
        for s in range(parts.share_begins[j], parts.share_begins[j + 1]):
            share, total = parts.shares[s], sums[parts.dimensions[s]]
            for v in range(length):
                total[v] += share * chances[v]


@kernel
def _find_moved(stances: Floats, parts: Any, moved: Floats) -> None:
    """What stances multiply the odds of the different rows by: the first (U, L)."""
    for u in range(len(moved)):
        row, odds = parts.rows[u], moved[u]
        odds[:] = 0.0
        for d in range(len(row)):
            if row[d] != 0.0:
                _add_product(odds, row[d : d + 1], stances[d])
        for v in range(len(odds)):
            odds[v] = exp(odds[v])


@kernel
def _add_wide(moved: Floats, totals: Floats, parts: Any, inverse: Floats, chosen: Floats, sums: Floats) -> None:
    """Add what the wider items say; inverse (L,) and chosen (U, L) are memory."""
    one, length = moved.dtype.type(1.0), moved.shape[1]
    chosen[:] = 0.0
    for i in range(len(totals)):
        inverse[:] = 0.0
        for u in range(len(moved)):
            _add_product(inverse, totals[i, u], moved[u])
        for v in range(length):
            inverse[v] = one / inverse[v]
        for u in range(len(moved)):
            _add_product(chosen[u], totals[i, u], inverse)
    for u in range(len(moved)):
        for v in range(length):
            chosen[u, v] *= moved[u, v]
        for d in range(len(sums)):
            if parts.weights[d, u] != 0.0:
                _add_product(sums[d], parts.weights[d, u : u + 1], chosen[u])


@kernel
def _add_product(total: Floats, factor: Floats, other: Floats) -> None:
    """total (L,) += factor (1 or L,) times other (L,); of a factor that ends before, only as far as it goes."""
    if len(factor) == 1:
        number = factor[0]
        for v in range(len(total)):
            total[v] += number * other[v]
    else:
        for v in range(len(factor)):
            total[v] += factor[v] * other[v]
