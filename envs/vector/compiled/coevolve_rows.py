"""A step of Coevolve, row by row: what an agent's answers do to its human, while the human's numbers are in a core's cache.

The formulas are those of `progressgym.envs.vector.coevolve`, which says where they come from. Wider items are turned around here,
option by option, (K, I) where tables have (I, K): sums over options are then sums of long rows.

Legend of shapes: B rows of a block, H of these rows or 1, T centuries, S steps, J items with two options, C of them up to the last
that counts in values, I wider items of up to K options, P = P2 + Pm pairs, of two options and of more, D = 19; A, V dimensions, a
multiple of four of them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import FLOOR
from progressgym.envs.vector.compiled.elementary import exp, log
from progressgym.envs.vector.compiled.kernel import kernel
from progressgym.preferences.comparisons import CLIP

Floats = NDArray[np.float64]
Numbers = NDArray[Any]
Ints = NDArray[np.int64]
FLOOR_LOG = math.log(FLOOR)
EDGE = math.log(1.0 / FLOOR - 1.0)
SHARE = 8
TWO_ROWS, MANY_ROWS = 2, 5
"""Scratch rows of a thread: (TWO_ROWS, J) and (MANY_ROWS, K, I)."""


class Layout(NamedTuple):
    """What does not depend on the episode."""

    two_dims: Ints
    """(A,) the dimensions that move logits of items with two options, and below how much."""
    two_shift: Floats
    """(A, J)"""
    many_dims: Ints
    """(A,) the same of wider items."""
    many_shift: Floats
    """(A, K * I)"""
    two_value_dims: Ints
    """(V,) the dimensions on which first options of two have weights, and these."""
    two_weights: Floats
    """(V, C)"""
    many_value_dims: Ints
    """(V,) the same of wider items."""
    many_weights: Floats
    """(V, K * I)"""
    constant: Floats
    """(D,) what second options would say without the first."""
    there: Floats
    """(K * I) 1 where there is an option, 0 on padding."""
    per_count: Floats
    """(I,) 1 over the number of options."""
    per_log: Floats
    """(I,) 1 over its logarithm."""
    per_option: Floats
    """(K * I) the same, once an option."""
    two_place: Ints
    """(P2,) items of pairs of two options."""
    two_slot: Ints
    """(P2,) where these pairs stand among all."""
    first: Ints
    """(Pm,) the first option of pairs of wider items, k * I + i."""
    second: Ints
    """(Pm,) the second."""
    many_slot: Ints
    """(Pm,) where these pairs stand among all."""
    two_scored: Floats
    """(J,) share of the item in the distance to the goal; of length 0 where there is no goal."""
    many_scored: Floats
    """(K * I) the same of options."""


class Paths(NamedTuple):
    """What a step is computed from, of all rows or of each; any precision."""

    base_two: Numbers
    """(H, J) logits of an agent whose stance is 0."""
    base_many: Numbers
    """(H, I, K)"""
    real_two: Numbers
    """(H, T, J) those of the real centuries."""
    real_many: Numbers
    """(H, T, I, K)"""
    free_two: Numbers
    """(H, S, J) choice probabilities of a human left alone."""
    free_many: Numbers
    """(H, S, I, K)"""
    goal_two: Numbers
    """(H, S, J) those of a human beside the goal."""
    goal_many: Numbers
    """(H, S, I, K)"""


class After(NamedTuple):
    """What a step writes; any precision."""

    human_two: Numbers
    """(B, J) the humans' logits; read before they are written."""
    human_many: Numbers
    """(B, I, K)"""
    preferences: Numbers
    """(B, P) of all pairs."""
    own: Numbers
    """(B, D) the agents' own values."""
    simulated: Numbers
    """(B, D) the humans' values."""
    entropy: Numbers
    """(B,) of the humans' answers, summed over items."""
    displacement: Numbers
    """(B,) distance from a human left alone, summed over items."""
    apart: Numbers
    """(B,) mean distance to the goal."""


@kernel
def influence(
    theta: Numbers,
    steps: Ints,
    mixture: tuple[float, float, float],
    layout: Layout,
    paths: Paths,
    after: After,
    work_two: Floats,
    work_many: Floats,
) -> None:
    """Move the humans of some rows by a step.

    Args:
        theta: (B, D) stances.
        steps: (B,) the step of each row.
        mixture: shares of the human's own logits, the agent's, and those of the real century ahead.
        layout: fixed tables.
        paths: those of the episodes.
        after: written.
        work_two: (TWO_ROWS, J) any contents.
        work_many: (MANY_ROWS, K, I) any contents.
    """
    two, chances = work_two[0], work_two[1]
    many, weights, human, real, free = work_many[0], work_many[1], work_many[2], work_many[3], work_many[4]
    flat_many, flat_weights = many.reshape(-1), weights.reshape(-1)
    totals, lows = np.empty(many.shape[1]), np.empty(many.shape[1])
    scored = layout.two_weights.shape[1]
    for r in range(len(theta)):
        n, h = steps[r], r if len(paths.base_two) > 1 else 0
        t = r if len(paths.real_two) > 1 else 0
        # The agent: its logits, its values, and what is heard of its answers.
        _shifted(theta[r], layout.two_dims, layout.two_shift, paths.base_two[h], two)
        _turned(paths.base_many[h], many)
        _shifted(theta[r], layout.many_dims, layout.many_shift, flat_many, flat_many)
        _logistic(two[:scored], chances[:scored])
        _exponentials(many, layout.there, weights, totals)
        _divided(weights, totals)
        _values(layout, chances, flat_weights, after.own[r])
        _bounded_two(two)
        _bounded_many(many, totals, lows, layout)
        # The human: moved, and read.
        _turned(after.human_many[r], human)
        _turned(paths.real_many[t, n + 1], real)
        _turned(paths.free_many[t, n], free)
        nats, moved = _moved_two(
            after.human_two[r], two, paths.real_two[t, n + 1], paths.free_two[t, n], mixture, chances
        )
        _moved_many(human, many, real, mixture)
        _turned_back(human, after.human_many[r])
        _exponentials(human, layout.there, weights, totals)
        _divided(weights, totals)
        after.displacement[r] = moved + _apart(flat_weights, free.reshape(-1)) / 2.0
        nats -= _sum_of_logs(chances)
        after.entropy[r] = nats / math.log(2.0) + _surprise(human.reshape(-1), flat_weights, totals, layout)
        _values(layout, chances, flat_weights, after.simulated[r])
        _preferred(layout, chances, flat_weights, after.preferences[r])
        after.apart[r] = _distance(layout.two_scored, chances, paths.goal_two[t, n])
        if len(layout.many_scored):
            _turned(paths.goal_many[t, n], free)
            after.apart[r] += _distance(layout.many_scored, flat_weights, free.reshape(-1))


@kernel
def _turned(table: Numbers, out: Floats) -> None:
    """(I, K) -> (K, I)."""
    for k in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[k, i] = table[i, k]


@kernel
def _turned_back(table: Floats, out: Numbers) -> None:
    """(K, I) -> (I, K)."""
    for k in range(table.shape[0]):
        for i in range(table.shape[1]):
            out[i, k] = table[k, i]


@kernel
def _shifted(theta: Numbers, dims: Ints, shift: Floats, base: Numbers, out: Floats) -> None:
    """out (n,) = base (n,) + theta[dims] @ shift (A, n), four dimensions at a time."""
    for j in range(len(out)):
        out[j] = base[j]
    for a in range(0, len(dims), 4):
        t0, t1, t2, t3 = theta[dims[a]], theta[dims[a + 1]], theta[dims[a + 2]], theta[dims[a + 3]]
        s0, s1, s2, s3 = shift[a], shift[a + 1], shift[a + 2], shift[a + 3]
        for j in range(len(out)):
            out[j] += t0 * s0[j] + t1 * s1[j] + t2 * s2[j] + t3 * s3[j]


@kernel
def _logistic(logits: Floats, out: Floats) -> None:
    """Choice probabilities of first options."""
    for j in range(len(out)):
        out[j] = 1.0 / (1.0 + exp(-logits[j]))


@kernel
def _exponentials(logits: Floats, there: Floats, out: Floats, totals: Floats) -> None:
    """exp(logits) (K, I), 0 on padding, and their sums (I,) over options."""
    flat, flat_out = logits.reshape(-1), out.reshape(-1)
    for n in range(len(flat)):
        flat_out[n] = exp(flat[n]) * there[n]
    totals[:] = 0.0
    for k in range(out.shape[0]):
        row = out[k]
        for i in range(len(totals)):
            totals[i] += row[i]


@kernel
def _divided(weights: Floats, totals: Floats) -> None:
    """Choice probabilities (K, I) in place, and the logarithms (I,) of what they were divided by in place of these."""
    for k in range(weights.shape[0]):
        row = weights[k]
        for i in range(len(totals)):
            row[i] /= totals[i]
    for i in range(len(totals)):
        totals[i] = log(totals[i])


@kernel
def _values(layout: Layout, two: Floats, many: Floats, out: Numbers) -> None:
    """Values (D,) of choice probabilities: (J,) of first options and (K * I) of the wider items'."""
    for d in range(len(out)):
        out[d] = layout.constant[d]
    _weighed(two, layout.two_value_dims, layout.two_weights, out)
    _weighed(many, layout.many_value_dims, layout.many_weights, out)


@kernel
def _weighed(chances: Floats, dims: Ints, weights: Floats, out: Numbers) -> None:
    """out[dims] += weights (V, n) @ chances, of which the first n count, four dimensions at a time."""
    for v in range(0, len(dims), 4):
        w0, w1, w2, w3 = weights[v], weights[v + 1], weights[v + 2], weights[v + 3]
        v0 = v1 = v2 = v3 = 0.0
        for j in range(len(w0)):
            p = chances[j]
            v0 += p * w0[j]
            v1 += p * w1[j]
            v2 += p * w2[j]
            v3 += p * w3[j]
        out[dims[v]] += v0
        out[dims[v + 1]] += v1
        out[dims[v + 2]] += v2
        out[dims[v + 3]] += v3


@kernel
def _bounded_two(logits: Floats) -> None:
    """No option less likely than `FLOOR`, in place. Most differences are nowhere near that, and stay as they are."""
    beyond = 0
    for j in range(len(logits)):
        beyond += abs(logits[j]) > EDGE
    if beyond:
        for j in range(len(logits)):
            x = logits[j]
            # exp(-|x|) is below 1e-4 where this is used, and its sum with 1 has digits enough.
            top = -FLOOR_LOG - log(1.0 + exp(-abs(x)))
            logits[j] = math.copysign(top, x) if abs(x) > EDGE else x


@kernel
def _bounded_many(logits: Floats, log_totals: Floats, means: Floats, layout: Layout) -> None:
    """Logits (K, I) -> log-probabilities no less than `FLOOR`'s and centred, 0 on padding, in place."""
    means[:] = 0.0
    there = layout.there.reshape(logits.shape)
    for k in range(logits.shape[0]):
        row, real = logits[k], there[k]
        for i in range(len(means)):
            row[i] = min(max(row[i] - log_totals[i], FLOOR_LOG), 0.0) * real[i]
            means[i] += row[i]
    for k in range(logits.shape[0]):
        row, real = logits[k], there[k]
        for i in range(len(means)):
            row[i] -= means[i] * layout.per_count[i] * real[i]


@kernel
def _moved_two(
    human: Numbers, agent: Floats, real: Numbers, free: Numbers, mixture: tuple[float, float, float], chances: Floats
) -> tuple[float, float]:
    """Move logits (J,), read choice probabilities; sums of (1 - p) x, and of distances to a human left alone."""
    stay, pushed, pulled = mixture
    nats = moved = 0.0
    for j in range(len(chances)):
        x = stay * human[j] + pushed * agent[j] + pulled * real[j]
        p = 1.0 / (1.0 + exp(-x))
        human[j], chances[j] = x, p
        nats += x - p * x
        moved += abs(p - free[j])
    return nats, moved


@kernel
def _moved_many(human: Floats, agent: Floats, real: Floats, mixture: tuple[float, float, float]) -> None:
    """Move logits (K, I)."""
    stay, pushed, pulled = mixture
    a, b, c = human.reshape(-1), agent.reshape(-1), real.reshape(-1)
    for n in range(len(a)):
        a[n] = stay * a[n] + pushed * b[n] + pulled * c[n]


@kernel
def _sum_of_logs(chances: Floats) -> float:
    """Sum of the logarithms of numbers that are no smaller than about 1e-4: one logarithm for eight."""
    shared = len(chances) // SHARE
    rows = chances[: SHARE * shared].reshape(SHARE, shared)
    a, b, c, d, e, f, g, h = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]
    total = 0.0
    for n in range(shared):
        total += log(a[n] * b[n] * c[n] * d[n] * e[n] * f[n] * g[n] * h[n])
    for n in range(SHARE * shared, len(chances)):
        total += log(chances[n])
    return total


@kernel
def _surprise(logits: Floats, chances: Floats, log_totals: Floats, layout: Layout) -> float:
    """Entropies of wider items, log(sum of exp(z)) - sum of p z, over the logarithm of how many options there are."""
    total = 0.0
    for i in range(len(log_totals)):
        total += log_totals[i] * layout.per_log[i]
    for n in range(len(logits)):
        total -= logits[n] * chances[n] * layout.per_option[n]
    return total


@kernel
def _apart(a: Floats, b: Floats) -> float:
    """Sum of the sizes of differences."""
    total = 0.0
    for n in range(len(a)):
        total += abs(a[n] - b[n])
    return total


@kernel
def _distance(shares: Floats, a: Floats, b: Numbers) -> float:
    """The same, each with its share."""
    total = 0.0
    for n in range(len(shares)):
        total += shares[n] * abs(a[n] - b[n])
    return total


@kernel
def _preferred(layout: Layout, two: Floats, many: Floats, out: Numbers) -> None:
    """P(a over b) (P,) of all pairs: of two options the chance of the first, of more a share of two chances."""
    for n in range(len(layout.two_place)):
        out[layout.two_slot[n]] = min(max(two[layout.two_place[n]], CLIP), 1.0 - CLIP)
    for n in range(len(layout.first)):
        first, second = many[layout.first[n]], many[layout.second[n]]
        out[layout.many_slot[n]] = min(max(first / (first + second), CLIP), 1.0 - CLIP)
