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
from progressgym.envs.vector.coevolve import EDGE, SHARE
from progressgym.envs.vector.compiled.elementary import exp_of_near, log
from progressgym.envs.vector.compiled.kernel import lean
from progressgym.preferences.comparisons import CLIP

Floats = NDArray[np.float64]
Numbers = NDArray[Any]
Ints = NDArray[np.int64]
FLOOR_LOG = math.log(FLOOR)
MANY = 16
"""So many numbers, one after the other in vectors, cost as much as one alone."""


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


class Work(NamedTuple):
    """Memory of a thread, any contents."""

    agent_two: Floats
    """(J,) an agent's logits, then what is heard of its answers."""
    agent_many: Floats
    """(K, I)"""
    own_two: Floats
    """(J,) its choice probabilities."""
    own_many: Floats
    """(K, I)"""
    human_many: Floats
    """(K, I) its human's logits."""
    two: Floats
    """(J,) and choice probabilities."""
    many: Floats
    """(K, I)"""
    base: Floats
    """(K, I) of `base_many`, turned around, and so on."""
    real: Floats
    """(K, I)"""
    free: Floats
    """(K, I)"""
    goal: Floats
    """(K, I)"""
    totals: Floats
    """(I,)"""
    means: Floats
    """(I,)"""


@lean
def influence(
    theta: Numbers,
    steps: Ints,
    mixture: tuple[float, float, float],
    layout: Layout,
    paths: Paths,
    after: After,
    work: Work,
) -> None:
    """Move the humans of some rows by a step.

    Args:
        theta: (B, D) stances.
        steps: (B,) the step of each row.
        mixture: shares of the human's own logits, the agent's, and those of the real century ahead.
        layout: fixed tables.
        paths: those of the episodes.
        after: written.
        work: overwritten.
    """
    # Tables that are passed on one by one: whole tuples would be copied with every call.
    two, agent_many, human_many = work.two, work.agent_many.reshape(-1), work.human_many.reshape(-1)
    own_many, many, real, free = work.own_many.reshape(-1), work.many.reshape(-1), work.real, work.free.reshape(-1)
    before = -1
    for r in range(len(theta)):
        n, b, h = steps[r], r if len(paths.base_two) > 1 else 0, r if len(paths.real_two) > 1 else 0
        if b or not r:
            _turned(paths.base_many[b], work.base)
        if h or n != before:
            before = n
            _turned(paths.real_many[h, n + 1], real)
            _turned(paths.free_many[h, n], work.free)
            if len(layout.many_scored):
                _turned(paths.goal_many[h, n], work.goal)
        _shifted(theta[r], layout.two_dims, layout.two_shift, paths.base_two[b], work.agent_two)
        _shifted(theta[r], layout.many_dims, layout.many_shift, work.base.reshape(-1), agent_many)
        _logistic(work.agent_two, work.own_two, layout.two_weights.shape[1])
        _find_chances(work.agent_many, layout.there, work.own_many, work.totals)
        _bound_two(work.agent_two)
        _bound_many(work.agent_many, work.totals, work.means, layout.there, layout.per_count)
        human_two, real_two, free_two = after.human_two[r], paths.real_two[h, n + 1], paths.free_two[h, n]
        nats, moved = _move_two(human_two, work.agent_two, real_two, free_two, mixture, two)
        _turned(after.human_many[r], work.human_many)
        _move_many(human_many, agent_many, real.reshape(-1), mixture)
        _turned_back(work.human_many, after.human_many[r])
        _find_chances(work.human_many, layout.there, work.many, work.totals)
        bits = (nats - _sum_of_logs(two)) / math.log(2.0)
        after.entropy[r] = bits + _surprise(human_many, many, work.totals, layout.per_log, layout.per_option)
        after.displacement[r] = moved + _apart(many, free) / 2.0
        after.apart[r] = _distance(layout.two_scored, two, paths.goal_two[h, n])
        after.apart[r] += _distance(layout.many_scored, many, work.goal.reshape(-1))
        own, simulated = after.own[r], after.simulated[r]
        for d in range(len(layout.constant)):
            own[d] = simulated[d] = layout.constant[d]
        _weigh(work.own_two, two, layout.two_value_dims, layout.two_weights, own, simulated)
        _weigh(own_many, many, layout.many_value_dims, layout.many_weights, own, simulated)
        _prefer_two(two, layout.two_place, layout.two_slot, after.preferences[r])
        _prefer_many(many, layout.first, layout.second, layout.many_slot, after.preferences[r])


@lean
def _turned(table: Numbers, out: Floats) -> None:
    """(I, K) -> (K, I)."""
    for k in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[k, i] = table[i, k]


@lean
def _turned_back(table: Floats, out: Numbers) -> None:
    """(K, I) -> (I, K)."""
    for k in range(table.shape[0]):
        for i in range(table.shape[1]):
            out[i, k] = table[k, i]


@lean
def _shifted(theta: Numbers, dims: Ints, shift: Floats, base: Numbers, out: Floats) -> None:
    """out (n,) = base (n,) + theta[dims] @ shift (A, n), four dimensions at a time."""
    for j in range(len(out)):
        out[j] = base[j]
    for a in range(0, len(dims), 4):
        t0, t1, t2, t3 = theta[dims[a]], theta[dims[a + 1]], theta[dims[a + 2]], theta[dims[a + 3]]
        for j in range(len(out)):
            out[j] += t0 * shift[a, j] + t1 * shift[a + 1, j] + t2 * shift[a + 2, j] + t3 * shift[a + 3, j]


@lean
def _logistic(logits: Floats, out: Floats, count: int) -> None:
    """Choice probabilities of first options."""
    for j in range(count):
        out[j] = 1.0 / (1.0 + exp_of_near(-logits[j]))


@lean
def _find_chances(logits: Floats, there: Floats, out: Floats, log_totals: Floats) -> None:
    """Logits (K, I) -> choice probabilities, 0 on padding, and logarithms (I,) of the sums of exp(logits) over options."""
    flat, flat_out = logits.reshape(-1), out.reshape(-1)
    for n in range(len(flat)):
        flat_out[n] = exp_of_near(flat[n]) * there[n]
    for i in range(len(log_totals)):
        log_totals[i] = 0.0
    for k in range(out.shape[0]):
        for i in range(len(log_totals)):
            log_totals[i] += out[k, i]
    for k in range(out.shape[0]):
        for i in range(len(log_totals)):
            out[k, i] /= log_totals[i]
    for i in range(len(log_totals)):
        log_totals[i] = log(log_totals[i])


@lean
def _weigh(own: Floats, chances: Floats, dims: Ints, weights: Floats, a: Numbers, b: Numbers) -> None:
    """Values (D,) a of an agent and b of its human, of these dimensions += weights (V, n) @ chances, of which the first n count.

    Four dimensions at a time, and the weights read once for both.
    """
    for v in range(0, len(dims), 4):
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = 0.0
        for j in range(weights.shape[1]):
            w0, w1, w2, w3 = weights[v, j], weights[v + 1, j], weights[v + 2, j], weights[v + 3, j]
            p, q = own[j], chances[j]
            a0 += p * w0
            a1 += p * w1
            a2 += p * w2
            a3 += p * w3
            b0 += q * w0
            b1 += q * w1
            b2 += q * w2
            b3 += q * w3
        for offset, (more_a, more_b) in enumerate(((a0, b0), (a1, b1), (a2, b2), (a3, b3))):
            a[dims[v + offset]] += more_a
            b[dims[v + offset]] += more_b


@lean
def _bound_two(logits: Floats) -> None:
    """No option less likely than `FLOOR`, in place. Most differences of a stance are nowhere near that, and stay as they are."""
    beyond = 0
    for j in range(len(logits)):
        beyond += abs(logits[j]) > EDGE
    if MANY * beyond > len(logits):
        for j in range(len(logits)):
            x = logits[j]
            e = exp_of_near(-abs(x))
            # log(1 + e), of which four terms are exact where e is below 1e-4.
            top = -FLOOR_LOG - e * (1.0 - e * (0.5 - e * (1.0 / 3.0 - 0.25 * e)))
            logits[j] = math.copysign(top, x) if abs(x) > EDGE else x
    elif beyond:
        for j in range(len(logits)):
            if abs(logits[j]) > EDGE:
                top = -FLOOR_LOG - math.log1p(math.exp(-abs(logits[j])))
                logits[j] = math.copysign(top, logits[j])


@lean
def _bound_many(logits: Floats, log_totals: Floats, means: Floats, there: Floats, per_count: Floats) -> None:
    """Logits (K, I) -> log-probabilities no less than `FLOOR`'s and centred, 0 on padding, in place."""
    real = there.reshape(logits.shape)
    for i in range(len(means)):
        means[i] = 0.0
    for k in range(logits.shape[0]):
        for i in range(len(means)):
            x = min(max(logits[k, i] - log_totals[i], FLOOR_LOG), 0.0) * real[k, i]
            logits[k, i] = x
            means[i] += x
    for i in range(len(means)):
        means[i] *= per_count[i]
    for k in range(logits.shape[0]):
        for i in range(len(means)):
            logits[k, i] -= means[i] * real[k, i]


@lean
def _move_two(
    human: Numbers, agent: Floats, real: Numbers, free: Numbers, mixture: tuple[float, float, float], chances: Floats
) -> tuple[float, float]:
    """Move logits (J,), read choice probabilities; sums of (1 - p) x, and of distances to a human left alone."""
    stay, pushed, pulled = mixture
    nats = moved = 0.0
    # Three loops: in one there are more numbers than vector registers.
    for j in range(len(chances)):
        human[j] = stay * human[j] + pushed * agent[j] + pulled * real[j]
    _logistic(human, chances, len(chances))
    for j in range(len(chances)):
        nats += human[j] - chances[j] * human[j]
        moved += abs(chances[j] - free[j])
    return nats, moved


@lean
def _move_many(human: Floats, agent: Floats, real: Floats, mixture: tuple[float, float, float]) -> None:
    """Move logits (K * I)."""
    stay, pushed, pulled = mixture
    for n in range(len(human)):
        human[n] = stay * human[n] + pushed * agent[n] + pulled * real[n]


@lean
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


@lean
def _surprise(logits: Floats, chances: Floats, log_totals: Floats, per_log: Floats, per_option: Floats) -> float:
    """Entropies of wider items, log(sum of exp(z)) - sum of p z, over the logarithm of how many options there are."""
    total = 0.0
    for i in range(len(log_totals)):
        total += log_totals[i] * per_log[i]
    for n in range(len(logits)):
        total -= logits[n] * chances[n] * per_option[n]
    return total


@lean
def _apart(a: Floats, b: Floats) -> float:
    """Sum of the sizes of differences."""
    total = 0.0
    for n in range(len(a)):
        total += abs(a[n] - b[n])
    return total


@lean
def _distance(shares: Floats, a: Floats, b: Numbers) -> float:
    """The same, each with its share."""
    total = 0.0
    for n in range(len(shares)):
        total += shares[n] * abs(a[n] - b[n])
    return total


@lean
def _prefer_two(chances: Floats, place: Ints, slot: Ints, out: Numbers) -> None:
    """P(a over b) of pairs of two options: the chance of the first."""
    for n in range(len(place)):
        out[slot[n]] = min(max(chances[place[n]], CLIP), 1.0 - CLIP)


@lean
def _prefer_many(chances: Floats, first: Ints, second: Ints, slot: Ints, out: Numbers) -> None:
    """Of more, a share of two chances."""
    for n in range(len(first)):
        a, b = chances[first[n]], chances[second[n]]
        out[slot[n]] = min(max(a / (a + b), CLIP), 1.0 - CLIP)
