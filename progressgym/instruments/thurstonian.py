"""A utility for every one of M things from comparisons of two, as Thurstone has it, and which two to compare next.

    P(a over b) = Phi((mu_a - mu_b) / (s_a^2 + s_b^2)^(1/2)),    mu of mean 0 and standard deviation 1 over the things,

fitted to shares of choices by the mean cross-entropy over comparisons. The scale of mu and s together is free; a weak prior
on log s^2 (around 1/2) and on mu fixes it, keeps a spotless order finite, and is the only difference in the model from
"Utility Engineering" (Mazeika et al., arXiv 2502.08640, after the authors' code), who standardise inside the loss and fit by
1,000 steps of Adam. Here L-BFGS has the gradient:

    dL/dz = (Phi(z) - p) phi(z) / (Phi(z) (1 - Phi(z))),   z the argument of Phi.

Comparisons are chosen as theirs are: among those not made yet, in the bottom `NEAR` of the distance |mu_a - mu_b| and in the
bottom `RARE` of how often the two were compared, each share half as large again until there are enough.

Legend of shapes: M things, E comparisons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from progressgym.core.answers import Floats
from progressgym.core.fits import lowest
from progressgym.core.seeding import generator
from progressgym.instruments.fitness import cycle_share

Ints = NDArray[np.int64]
PRIOR_MU, PRIOR_LOG_VARIANCE = 1e-3, 0.05
"""Weights of the squares of mu, and of log s^2 from log 1/2, a thing each, against the sum over comparisons."""
NEAR, RARE = 0.1, 0.2
"""Shares of the pairs that are nearest in utility, and that were compared least."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Utilities:
    """What M things are worth."""

    mean: Floats
    """(M,) of mean 0 and standard deviation 1."""
    variance: Floats
    """(M,) in the squared unit of `mean`."""

    def wins(self, pairs: Ints) -> Floats:
        """(E,) probabilities that the first of each pair (E, 2) is preferred."""
        a, b = pairs.T
        wins: Floats = ndtr((self.mean[a] - self.mean[b]) / np.sqrt(self.variance[a] + self.variance[b]))
        return wins

    def accuracy(self, pairs: Ints, shares: Floats) -> float:
        """Share of the comparisons (E, 2) whose likelier choice is foretold; an even one counts half."""
        return float(np.mean(0.5 * (1.0 + np.sign(self.wins(pairs) - 0.5) * np.sign(shares - 0.5))))


def fit_utilities(pairs: Ints, shares: Floats, count: int, start: Utilities | None = None) -> Utilities:
    """Utilities of comparisons.

    Args:
        pairs: (E, 2) which two.
        shares: (E,) of choices of the first.
        count: M; what was never compared is worth the mean.
        start: where to begin, for a refit.
    """
    a, b = pairs.T

    def loss(x: Floats) -> tuple[float, Floats]:
        mean, log_variance = x[:count], x[count:]
        variance = np.exp(log_variance)
        spread = np.sqrt(variance[a] + variance[b])
        z = (mean[a] - mean[b]) / spread
        likely, unlikely = log_ndtr(z), log_ndtr(-z)
        slope = -0.5 * z**2 - 0.5 * np.log(2.0 * np.pi)  # its logarithm: the quotient of two tails stays finite
        by_z = (1.0 - shares) * np.exp(slope - unlikely) - shares * np.exp(slope - likely)
        apart, centred = by_z / spread, log_variance - np.log(0.5)
        from_mean = np.bincount(a, apart, count) - np.bincount(b, apart, count)
        inner = -0.5 * by_z * z / spread**2
        from_variance = variance * (np.bincount(a, inner, count) + np.bincount(b, inner, count))
        value = -(shares * likely + (1.0 - shares) * unlikely).sum()
        value += PRIOR_MU * (mean**2).sum() + PRIOR_LOG_VARIANCE * (centred**2).sum()
        priors = np.concatenate([2.0 * PRIOR_MU * mean, 2.0 * PRIOR_LOG_VARIANCE * centred])
        return float(value), np.concatenate([from_mean, from_variance]) + priors

    first = np.zeros(2 * count) if start is None else np.concatenate([start.mean, np.log(start.variance)])
    best = lowest(loss, first, what=f"utilities of {count} outcomes", rounds=500)
    mean, variance = best[:count], np.exp(best[count:])
    size = float(mean.std()) or 1.0
    return Utilities(mean=(mean - mean.mean()) / size, variance=variance / size**2)


@dataclass(kw_only=True, frozen=True, eq=False)
class Comparisons:
    """What was compared, and the utilities of it."""

    count: int
    """M."""
    pairs: Ints
    """(E, 2) that were fitted."""
    shares: Floats
    """(E,) of choices of the first."""
    held: Ints
    """(H, 2) that were not."""
    held_shares: Floats
    """(H,)."""
    blind: int
    """How many of `pairs` were chosen before anything was known; the others are near each other on purpose."""
    fitted: Utilities

    @property
    def accuracy(self) -> float:
        """On what was held out."""
        return self.fitted.accuracy(self.held, self.held_shares)

    def cycles(self, *, sampled: bool = False) -> float:
        """Share of triads that go round, of the comparisons that were chosen blindly.

        Args:
            sampled: whether a choice is drawn by its probability, as the paper has it, so that who hardly cares goes round in
                every fourth triad; by default the likelier choice is made, and only who contradicts himself does.
        """
        wins = np.full((self.count, self.count), np.nan)
        blind = (self.pairs[: self.blind], self.shares[: self.blind]), (self.held, self.held_shares)
        for pairs, shares in blind:
            chosen = shares if sampled else 0.5 * (1.0 + np.sign(shares - 0.5))
            wins[pairs[:, 0], pairs[:, 1]], wins[pairs[:, 1], pairs[:, 0]] = chosen, 1.0 - chosen
        return cycle_share(wins)

    def without(self, part: int, parts: int) -> Utilities:
        """Utilities without every `parts`-th comparison, for a jackknife."""
        rest = np.arange(len(self.pairs)) % parts != part
        return fit_utilities(self.pairs[rest], self.shares[rest], self.count, self.fitted)


def compare(
    ask: Callable[[Ints], Floats], first: Ints, held: Ints, count: int, *, total: int, batch: int, seed: int
) -> Comparisons:
    """Compare things in rounds, each where the utilities so far are least sure.

    Args:
        ask: pairs (E, 2) -> shares (E,) of choices of the first.
        first: what everybody is asked, fitted.
        held: what everybody is asked, held out.
        count: M.
        total: comparisons to fit.
        batch: comparisons a round.
        seed: of the choice among pairs that are equally worth asking.
    """
    answers = ask(np.concatenate([first, held]))
    pairs, shares = first, answers[: len(first)]
    fitted = fit_utilities(pairs, shares, count)
    while total > len(pairs):
        more = next_pairs(fitted, np.concatenate([pairs, held]), min(total - len(pairs), batch), seed)
        if not len(more):
            break
        pairs, shares = np.concatenate([pairs, more]), np.concatenate([shares, ask(more)])
        fitted = fit_utilities(pairs, shares, count, fitted)
    rest = answers[len(first) :]
    return Comparisons(
        count=count, pairs=pairs, shares=shares, held=held, held_shares=rest, blind=len(first), fitted=fitted
    )


def ring_pairs(count: int, rounds: int, seed: int) -> Ints:
    """(M * rounds, 2) pairs so that everything is compared 2 * rounds times: rings through all things, drawn at random."""
    random = generator(seed, "rings")
    made: dict[tuple[int, int], None] = {}
    while len(made) < count * rounds:
        order = random.permutation(count).tolist()
        ring = [(min(a, b), max(a, b)) for a, b in zip(order, [*order[1:], order[0]], strict=True)]
        if not made.keys() & set(ring):
            made |= dict.fromkeys(ring)
    return _both_ways(np.array(list(made), dtype=np.int64), random.random(len(made)))


def triad_pairs(count: int, number: int, seed: int, but: Ints) -> Ints:
    """(3 number, 2) pairs: all of so many triads drawn at random, without pairs that are asked elsewhere."""
    random = generator(seed, "triads")
    taken = {frozenset(pair) for pair in but.tolist()}
    made: list[tuple[int, int]] = []
    while len(made) < 3 * number:
        a, b, c = random.choice(count, 3, replace=False).tolist()
        triad = [(a, b), (b, c), (c, a)]
        if not taken & {frozenset(pair) for pair in triad}:
            taken |= {frozenset(pair) for pair in triad}
            made += triad
    return np.array(made, dtype=np.int64)


def next_pairs(fitted: Utilities, asked: Ints, number: int, seed: int) -> Ints:
    """Up to so many pairs that were not asked yet: near each other in utility, and seldom compared."""
    count = len(fitted.mean)
    a, b = np.triu_indices(count, 1)
    new = np.ones((count, count), dtype=bool)
    new[asked.min(1), asked.max(1)] = False
    a, b = a[new[a, b]], b[new[a, b]]
    degree = np.bincount(asked.ravel(), minlength=count)
    near, rare = (_rank(table) for table in (np.abs(fitted.mean[a] - fitted.mean[b]), degree[a] + degree[b]))
    widen = 1.0
    chosen = np.flatnonzero((near <= NEAR) & (rare <= RARE))
    while len(chosen) < min(number, len(a)):
        widen *= 1.5
        chosen = np.flatnonzero((near <= NEAR * widen) & (rare <= RARE * widen))
    random = generator(seed, "next", str(len(asked)))
    drawn = random.permutation(chosen)[:number]
    return _both_ways(np.stack([a[drawn], b[drawn]], axis=1), random.random(len(drawn)))


def _rank(table: NDArray[np.number]) -> Floats:
    """Shares of entries that are smaller, ties in their order."""
    ranks = np.empty(len(table))
    ranks[np.argsort(table, kind="stable")] = np.arange(len(table)) / max(len(table), 1)
    return ranks


def _both_ways(pairs: Ints, uniform: Floats) -> Ints:
    """Pairs turned round for half of the draws, so that which comes first says nothing."""
    return np.where((uniform < 0.5)[:, None], pairs, pairs[:, ::-1])
