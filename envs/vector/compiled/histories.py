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
from progressgym.envs.vector.compiled.kernel import lean
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
    """(D,) values without them,"""
    nothing: Floats
    """and 0."""
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


class Work(NamedTuple):
    """Memory for one row, any contents."""

    drawn: Floats
    """(2 J + K I,) normal numbers of options."""
    tails: Floats
    """As long, or D where that is more; so is `where`."""
    where: Places
    every: Places
    """(D,) 0, 1, 2, ..."""
    stance: Floats
    """(D,) of the population in century 0."""
    stances: Floats
    """(R, D) what a unit of each course moves it by."""
    base: Floats
    """(M,) logits, then odds, without drift."""
    moves: Floats
    """(R, M) what a unit of each course moves the logits by."""
    own: Floats
    """(R, R) scalar products of what items move by for their own part,"""
    common: Floats
    """and in common."""
    odds: Floats
    """(M,) of second options against first ones, and of wider items' options."""
    totals: Floats
    """(I,)"""
    answers: Floats
    """(T, M) on the grid."""
    labels: Floats
    """(S, Q)"""
    increments: Words
    """For `uniforms.draw_chosen`."""


def work_of(layout: Layout, courses: Floats, asked: int, some: Chosen) -> Work:
    """Memory for rows of this layout, with courses (1 or H, T, R) and so many centuries asked."""
    (dims, count), every = layout.loadings.weights.shape, len(layout.columns)
    _, centuries, draws = courses.shape
    return Work(
        drawn=np.empty(every),
        tails=np.empty(max(every, dims)),
        where=np.empty(max(every, dims), dtype=np.uint64),
        every=np.arange(dims, dtype=np.uint64),
        stance=np.empty(dims),
        stances=np.empty((draws, dims)),
        base=np.empty(count),
        moves=np.empty((draws, count)),
        own=np.empty((draws, draws)),
        common=np.empty((draws, draws)),
        odds=np.empty(count),
        totals=np.empty(layout.real.shape[1]),
        answers=np.empty((centuries, count)),
        labels=np.empty((asked, layout.evidence.weights.shape[1])),
        increments=np.empty((len(some.lengths), 4), dtype=np.uint64),
    )


@lean
def read_histories(
    uniforms: Floats, states: Words, some: Chosen, courses: Floats, layout: Layout, drift: Drift, read: Read, work: Work
) -> None:
    """Make histories from uniform numbers, in the order of `synthetic_history`, and read them.

    Args:
        uniforms: (H, ...) numbers in [0, 1) of each row; or (1, ...) to work in, where they are drawn here.
        states: (H, 4) of the rows' streams, which move on, see `pcg`; or (0, 4).
        some: which numbers are drawn.
        courses: (1 or H, T, R) what courses are of their normal numbers.
        layout: of the items.
        drift: of the distribution.
        read: filled.
        work: of `work_of`.
    """
    for h in range(len(read.start)):
        row, course = uniforms[h % len(uniforms)], courses[h % len(courses)]
        if len(states):
            draw_chosen(states[h], some, work.increments, row)
        _begin(row, layout, work)
        _move(row, course, layout, drift, work)
        _answer(course, layout, drift.speed, work)
        _read(h, layout, read, work)


@lean
def _begin(uniforms: Floats, layout: Layout, work: Work) -> None:
    """Logits without drift, from a history's numbers."""
    base, stance, dims = work.base, work.stance, len(work.stance)
    normals(uniforms[:dims], work.every, stance, work.tails, work.where)
    _options(uniforms[dims:], layout, work, base)
    for d in range(dims):
        stance[d] = BASE_SPREAD * stance[d] + (COMMON_BASE if d < COMMON else 0.0)
    for m in range(len(base)):
        base[m] *= ITEM_SPREAD
    _add(base, stance, layout.loadings)


@lean
def _move(uniforms: Floats, course: Floats, layout: Layout, drift: Drift, work: Work) -> None:
    """What a unit of each course moves the logits by: each item's own part and what items have in common, each of its size."""
    moves, stances = work.moves, work.stances
    (draws, dims), two = stances.shape, moves.shape[1] - layout.real.size
    size = (len(uniforms) - (1 + draws) * dims - SHARED) // (1 + draws)
    stance, path = uniforms[dims + size + SHARED :], uniforms[dims + size + SHARED + draws * dims :]
    for n in range(draws):
        normals(stance[n * dims : (n + 1) * dims], work.every, stances[n], work.tails, work.where)
        _options(path[n * size :], layout, work, moves[n])
    for a in range(draws):
        for d in range(dims):  # into memory that is used up
            work.stance[d] = product(layout.square[d], stances[a])
        for b in range(a + 1):
            # The squares of two centred options are half the square of their difference.
            own = 0.5 * product(moves[a, :two], moves[b, :two]) + product(moves[a, two:], moves[b, two:])
            work.own[a, b], work.own[b, a] = own, own
            work.common[a, b] = work.common[b, a] = product(work.stance, stances[b])
    by_own = drift.own / _largest(work.own, course, drift.options)
    by_common = drift.common / _largest(work.common, course, drift.options)
    for n in range(draws):
        for m in range(moves.shape[1]):
            moves[n, m] *= by_own
        for d in range(dims):
            stances[n, d] *= by_common
        _add(moves[n], stances[n], layout.loadings)


@lean
def _options(uniforms: Floats, layout: Layout, work: Work, out: Floats) -> None:
    """Normal numbers (M,) from uniform ones of all options: second minus first options, and centred wider items."""
    real, drawn, means = layout.real, work.drawn, work.totals
    options, items = real.shape
    two = len(out) - options * items
    normals(uniforms, layout.columns, drawn, work.tails, work.where)
    for j in range(two):
        out[j] = drawn[j] - drawn[two + j]
    wide, centred = drawn[2 * two :].reshape(options, items), out[two:].reshape(options, items)
    means[:] = 0.0
    for k in range(options):
        for i in range(items):
            means[i] += wide[k, i] * real[k, i]
    for i in range(items):
        means[i] /= layout.counts[i]
    for k in range(options):
        for i in range(items):
            centred[k, i] = (wide[k, i] - means[i]) * real[k, i]


@lean
def _add(out: Floats, shares: Floats, table: Table) -> None:
    """out (n,) += shares (D,) @ table."""
    for d in range(len(shares)):
        start, stop = table.spans[d, 0], table.spans[d, 1]
        share, weights, part = shares[d], table.weights[d, start:stop], out[start:stop]
        for n in range(len(weights)):  # from 0 on: of other places a sign would be looked at
            part[n] += share * weights[n]


@lean
def sums(first: Floats, numbers: Floats, table: Table, out: Floats) -> None:
    """out (T, D) = first (D,) + numbers (T, n) @ table.T; three rows at a time: the table need not be read for each."""
    threes = len(out) - len(out) % 3
    for d in range(out.shape[1]):
        start, stop = table.spans[d, 0], table.spans[d, 1]
        weights = table.weights[d, start:stop]
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


@lean
def product(a: Floats, b: Floats) -> float:
    """Of two vectors (n,)."""
    total = 0.0
    for n in range(len(a)):
        total += a[n] * b[n]
    return total


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
            square += course[t, a] * product(products[a], course[t])
        most = max(most, square)
    return math.sqrt(most / options) if most > 0.0 else 1.0


@lean
def _answer(course: Floats, layout: Layout, speed: float, work: Work) -> None:
    """Answers of all centuries, from logits and moves, which are overwritten."""
    real, base, moves, odds, answers = layout.real, work.base, work.moves, work.odds, work.answers
    (options, items), count, steady = real.shape, len(work.base), not math.isnan(speed)
    for m in range(count):
        base[m] = exp(base[m])
    wide = base[count - real.size :].reshape(options, items)
    for k in range(options):
        for i in range(items):
            wide[k, i] *= real[k, i]
    for m in range(count):
        odds[m] = base[m]
    for m in range(count if steady else 0):
        moves[0, m] = exp(speed * moves[0, m])
    for t in range(len(course)):
        if t > 0 and steady:
            for m in range(count):
                odds[m] *= moves[0, m]
        elif t > 0:
            answers[t] = 0.0
            for n in range(len(moves)):
                for m in range(count):
                    answers[t, m] += course[t, n] * moves[n, m]
            for m in range(count):
                odds[m] = base[m] * exp(answers[t, m])
        _softmax(odds, real, work.totals, answers[t])


@lean
def _softmax(odds: Floats, real: Floats, totals: Floats, answers: Floats) -> None:
    """Answers (M,) on the grid, from odds (M,)."""
    (options, items), two = real.shape, len(odds) - real.size
    for j in range(two):
        answers[j] = np.rint(GRID / (1.0 + odds[j])) * (1.0 / GRID)
    wide, many = odds[two:].reshape(options, items), answers[two:].reshape(options, items)
    totals[:] = 0.0
    for k in range(options):
        for i in range(items):
            totals[i] += wide[k, i]
    for i in range(items):
        totals[i] = GRID / totals[i]
    for k in range(options):
        for i in range(items):
            many[k, i] = np.rint(wide[k, i] * totals[i]) * (1.0 / GRID)


@lean
def _read(h: int, layout: Layout, read: Read, work: Work) -> None:
    """Fill row h of what is read, from answers."""
    answers, labels, order = work.answers, work.labels, layout.order
    for m in range(answers.shape[1]):
        read.start[h, m] = answers[0, m]
    sums(layout.constant, answers, layout.values, read.values[h])
    for t in range(len(labels)):
        _compare(answers[t], layout, labels[t])
    if len(read.preferred):
        for t in range(len(labels)):
            for q in range(len(order)):
                read.preferred[h, t, q] = labels[t, order[q]]
    if len(read.evidence):
        for t in range(len(labels)):
            for q in range(labels.shape[1]):
                labels[t, q] = 2.0 * np.float64(np.float32(labels[t, q])) - 1.0
        sums(layout.nothing, labels, layout.evidence, read.evidence[h])


@lean
def _compare(answers: Floats, layout: Layout, preferred: Floats) -> None:
    """Preference probabilities (Q,) of answers (M,): 1/2 where both options have the chance 0 on the grid."""
    (options, items), (before, first), pairs = layout.real.shape, layout.compared, layout.pairs
    two = len(answers) - options * items
    for j in range(before, two):
        preferred[j - before] = min(max(answers[j], CLIP), 1.0 - CLIP)
    for c in range(len(pairs)):
        ones, others = answers[two + pairs[c, 0] * items :], answers[two + pairs[c, 1] * items :]
        out = preferred[two - before + c * (items - first) :]
        for i in range(first, items):
            total = ones[i] + others[i]
            share = ones[i] / total if total > 0.0 else 0.5
            out[i - first] = min(max(share, CLIP), 1.0 - CLIP)
