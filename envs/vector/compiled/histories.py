"""Drawn histories, one row after the other: from uniform numbers to what an environment reads of a history.

The numbers of `progressgym.histories.synthetic_batch`, with its formulas; there every operation is a pass over the answers of all
rows, here a row stays in a core's cache from its normal numbers to its values. Answers are rounded to the same grid, so
the last bits of another order of operations do not show.

Legend of shapes: H rows, T centuries, S those that are asked about, from the first on, R normal numbers a coordinate,
D = 19; J items with two options, I wider ones with K options, M = J + K I numbers of a century: one of an item with two
options, then the wider items' options (K, I). Q comparisons: of the items with two options that are compared, then of
every two options (C, I') of the wider ones.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from progressgym.core.dimensions import WORLDVIEWS
from progressgym.envs.vector.compiled.elementary import exp
from progressgym.envs.vector.compiled.kernel import kernel, lean
from progressgym.envs.vector.compiled.normal import normals
from progressgym.envs.vector.compiled.pcg import Words
from progressgym.envs.vector.compiled.uniforms import Chosen, draw_chosen
from progressgym.histories.families import SHARED
from progressgym.histories.synthetic import BASE_SPREAD, COMMON_BASE, GRID, ITEM_SPREAD
from progressgym.preferences.comparisons import CLIP

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.uint64]
COMMON = WORLDVIEWS.start
"""So many dimensions have `COMMON_BASE`."""


class Table(NamedTuple):
    """A matrix with many zeros: most dimensions are about some of the items only."""

    weights: Floats
    """(D, n)."""
    spans: Ints
    """(D, 2) where a row begins, and where it ends, to be other than 0."""


class Layout(NamedTuple):
    """The items that are answered."""

    columns: Places
    """(2 J + K I,) which of an option's numbers are used: second options, first ones, wider items. Without a sign, as all
    places here: a sign would have to be looked at."""
    real: Floats
    """(K, I) 1 on options of the wider items, 0 on padding."""
    counts: Floats
    """(I,) how many they have."""
    loadings: Table
    """(D, M) of second minus first options, then of the wider items' options."""
    square: Floats
    """(D, D) products of loadings, summed over all options."""
    values: Table
    """(D, M) what probabilities add to the values: of first options, then of the wider items' options."""
    constant: Floats
    """(D,) values without them."""
    pairs: Places
    """(C, 2) every two options of a wider item."""
    compared: tuple[int, int]
    """Which items with two options, and which wider ones, are the first that are compared; so are all behind them."""
    evidence: Table
    """(D, Q) what a comparison says about dimensions, from -1 to 1."""
    order: Places
    """(P,) which of the Q comparisons all pairs are."""


class Drift(NamedTuple):
    """How histories of one distribution move."""

    common: float
    """Size of what items have in common."""
    own: float
    """Size of each item's own part."""
    options: float
    """How many options all items have."""
    speed: float
    """The step of the only course where it is the same in all centuries and histories; NaN where it is not."""


class Read(NamedTuple):
    """What is read of histories; an array without rows is left as it is."""

    start: Floats
    """(H, M) century 0's answers."""
    values: Floats
    """(H, T, D)."""
    preferred: Floats
    """(H, S, P) preference probabilities of all pairs."""
    evidence: Floats
    """(H, S, D) of all of them, as labels."""


@kernel
def read_histories(
    uniforms: Floats, states: Words, some: Chosen, courses: Floats, layout: Layout, drift: Drift, read: Read
) -> None:
    """Make histories from uniform numbers, in the order of `synthetic_history`, and read them.

    Args:
        uniforms: (1 or H, ...) numbers in [0, 1) of each row; or one row to work in, where they are drawn here.
        states: (H, 4) of the rows' streams, which move on, see `pcg`; or (0, 4).
        some: which numbers are drawn.
        courses: (1 or H, T, R) what courses are of their normal numbers.
        layout: of the items.
        drift: of the distribution.
        read: filled.
    """
    # Arrays are taken out of tuples here, once: every time, their references are counted.
    columns, real, counts, square = layout.columns, layout.real, layout.counts, layout.square
    loadings, spans = layout.loadings
    said, said_spans = layout.values
    tells, tells_spans = layout.evidence
    constant, pairs, compared, order = layout.constant, layout.pairs, layout.compared, layout.order
    start, values, preferred, evidence = read
    asked = max(preferred.shape[1], evidence.shape[1])
    (dims, count), numbers = loadings.shape, courses.shape[2]
    size = (uniforms.shape[1] - (1 + numbers) * dims - SHARED) // (1 + numbers)
    work, where = np.empty(len(columns) + dims), np.empty(len(columns) + dims, np.uint64)
    drawn, every, nothing = np.empty(len(columns)), np.empty(dims, np.uint64), np.zeros(dims)
    stance, stances = np.empty(dims), np.empty((numbers, dims))
    for d in range(dims):
        every[d] = d
    base, moves, answers = np.empty(count), np.empty((numbers, count)), np.empty((courses.shape[1], count))
    labels, items = np.empty((asked, tells.shape[1])), real.shape[1]
    two, increments = count - real.size, np.empty((len(some.lengths), 4), np.uint64)
    for h in range(len(start)):
        row, course = uniforms[h % len(uniforms)], courses[h % len(courses)]
        if len(states):
            draw_chosen(states[h], some, increments, row)
        normals(row[:dims], every, stance, work, where)
        _options(row[dims : dims + size], columns, real, counts, base, drawn, work, where)
        for d in range(dims):
            stance[d] = BASE_SPREAD * stance[d] + (COMMON_BASE if d < COMMON else 0.0)
        for m in range(count):
            base[m] *= ITEM_SPREAD
        _add(base, stance, loadings, spans)
        row = row[dims + size + SHARED :]
        for n in range(numbers):
            normals(row[n * dims : (n + 1) * dims], every, stances[n], work, where)
            path = row[numbers * dims + n * size : numbers * dims + (n + 1) * size]
            _options(path, columns, real, counts, moves[n], drawn, work, where)
        _to_size(moves, stances, course, loadings, spans, square, real.size, drift)
        _answer(base, moves, course, real, drift.speed, answers)
        for m in range(count):
            start[h, m] = answers[0, m]
        sums(constant, answers, said, said_spans, values[h])
        for t in range(asked):
            _compare(answers[t], pairs, items, two, compared, labels[t])
            if len(preferred):
                for q in range(len(order)):
                    preferred[h, t, q] = labels[t, order[q]]
        if len(evidence):
            for t in range(asked):
                for q in range(labels.shape[1]):
                    labels[t, q] = 2.0 * np.float64(np.float32(labels[t, q])) - 1.0
            sums(nothing, labels, tells, tells_spans, evidence[h])


@lean
def _options(
    uniforms: Floats,
    columns: Places,
    real: Floats,
    counts: Floats,
    out: Floats,
    drawn: Floats,
    work: Floats,
    where: Places,
) -> None:
    """Normal numbers (M,) from uniform ones of all options: second minus first options, and centred wider items."""
    options, items = real.shape
    two = len(out) - options * items
    normals(uniforms, columns, drawn, work, where)
    for j in range(two):
        out[j] = drawn[j] - drawn[two + j]
    wide, centred, means = drawn[2 * two :].reshape(options, items), out[two:].reshape(options, items), work[:items]
    means[:] = 0.0
    for k in range(options):
        for i in range(items):
            means[i] += wide[k, i] * real[k, i]
    for i in range(items):
        means[i] /= counts[i]
    for k in range(options):
        for i in range(items):
            centred[k, i] = (wide[k, i] - means[i]) * real[k, i]


@lean
def _add(out: Floats, shares: Floats, table: Floats, spans: Ints) -> None:
    """out (n,) += shares (D,) @ table."""
    for d in range(len(shares)):
        share, weights, part = shares[d], table[d, spans[d, 0] : spans[d, 1]], out[spans[d, 0] : spans[d, 1]]
        for n in range(len(weights)):  # from 0 on: of other places a sign would be looked at
            part[n] += share * weights[n]


@lean
def sums(first: Floats, numbers: Floats, table: Floats, spans: Ints, out: Floats) -> None:
    """out (T, D) = first (D,) + numbers (T, n) @ table.T; three rows at a time: the table need not be read for each."""
    threes = len(out) - len(out) % 3
    for d in range(out.shape[1]):
        start, stop = spans[d, 0], spans[d, 1]
        weights = table[d, start:stop]
        for t in range(0, threes, 3):
            one, two, three = numbers[t, start:stop], numbers[t + 1, start:stop], numbers[t + 2, start:stop]
            a, b, c = 0.0, 0.0, 0.0
            for n in range(len(weights)):
                a += weights[n] * one[n]
                b += weights[n] * two[n]
                c += weights[n] * three[n]
            out[t, d], out[t + 1, d], out[t + 2, d] = first[d] + a, first[d] + b, first[d] + c
        for t in range(threes, len(out)):
            a, one = 0.0, numbers[t, start:stop]
            for n in range(len(weights)):
                a += weights[n] * one[n]
            out[t, d] = first[d] + a


@kernel
def _to_size(
    moves: Floats,
    stances: Floats,
    course: Floats,
    loadings: Floats,
    spans: Ints,
    square: Floats,
    wider: int,
    drift: Drift,
) -> None:
    """Bring each item's own part (R, M) to its size, and add what items have in common, from stances (R, D); in place."""
    numbers, two = len(moves), moves.shape[1] - wider
    own, common = np.empty((numbers, numbers)), np.empty((numbers, numbers))
    for a in range(numbers):
        for b in range(a + 1):
            pairs, wide, products = 0.0, 0.0, 0.0
            for j in range(two):
                pairs += moves[a, j] * moves[b, j]
            for m in range(two, moves.shape[1]):
                wide += moves[a, m] * moves[b, m]
            for d in range(stances.shape[1]):
                for e in range(stances.shape[1]):
                    products += stances[a, d] * square[d, e] * stances[b, e]
            # The squares of two centred options are half the square of their difference.
            own[a, b] = own[b, a] = 0.5 * pairs + wide
            common[a, b] = common[b, a] = products
    by_own = drift.own / _largest(own, course, drift.options)
    by_common = drift.common / _largest(common, course, drift.options)
    for n in range(numbers):
        for m in range(moves.shape[1]):
            moves[n, m] *= by_own
        for d in range(stances.shape[1]):
            stances[n, d] *= by_common
        _add(moves[n], stances[n], loadings, spans)


@lean
def _largest(products: Floats, course: Floats, options: float) -> float:
    """Root mean square over options in the century where it is largest, 1 where nothing moves.

    Args:
        products: (R, R) scalar products of what courses move.
        course: (T, R).
        options: how many.
    """
    most = 0.0
    for t in range(len(course)):
        square = 0.0
        for a in range(len(products)):
            for b in range(len(products)):
                square += course[t, a] * products[a, b] * course[t, b]
        most = max(most, square)
    return math.sqrt(most / options) if most > 0.0 else 1.0


@kernel
def _answer(base: Floats, moves: Floats, course: Floats, real: Floats, speed: float, answers: Floats) -> None:
    """Answers (T, M) on the grid.

    Args:
        base: (M,) logits without drift; overwritten.
        moves: (R, M) what a unit of each course moves them by; overwritten.
        course: (T, R).
        real: (K, I) of the layout.
        speed: of the drift.
        answers: filled.
    """
    options, items = real.shape
    count = len(base)
    two, totals, odds = count - options * items, np.empty(items), np.empty(count)
    for m in range(count):
        base[m] = exp(base[m])
    wide = base[two:].reshape(options, items)
    for k in range(options):
        for i in range(items):
            wide[k, i] *= real[k, i]
    for m in range(count):
        odds[m] = base[m]
    if not math.isnan(speed):
        for m in range(count):
            moves[0, m] = exp(speed * moves[0, m])
    wide = odds[two:].reshape(options, items)
    for t in range(len(course)):
        out = answers[t]
        if t > 0 and not math.isnan(speed):
            for m in range(count):
                odds[m] *= moves[0, m]
        elif t > 0:
            out[:] = 0.0
            for n in range(len(moves)):
                for m in range(count):
                    out[m] += course[t, n] * moves[n, m]
            for m in range(count):
                odds[m] = base[m] * exp(out[m])
        for j in range(two):
            out[j] = np.rint(GRID / (1.0 + odds[j])) * (1.0 / GRID)
        totals[:] = 0.0
        for k in range(options):
            for i in range(items):
                totals[i] += wide[k, i]
        for i in range(items):
            totals[i] = GRID / totals[i]
        many = out[two:].reshape(options, items)
        for k in range(options):
            for i in range(items):
                many[k, i] = np.rint(wide[k, i] * totals[i]) * (1.0 / GRID)


@lean
def _compare(answers: Floats, pairs: Places, items: int, two: int, compared: tuple[int, int], preferred: Floats) -> None:
    """Preference probabilities (Q,) of answers (M,): 1/2 where both options have the chance 0 on the grid."""
    before, first = compared
    for j in range(before, two):
        preferred[j - before] = min(max(answers[j], CLIP), 1.0 - CLIP)
    for c in range(len(pairs)):
        ones, others = answers[two + pairs[c, 0] * items :], answers[two + pairs[c, 1] * items :]
        out = preferred[two - before + c * (items - first) :]
        for i in range(first, items):
            total = ones[i] + others[i]
            share = ones[i] / total if total > 0.0 else 0.5
            out[i - first] = min(max(share, CLIP), 1.0 - CLIP)
