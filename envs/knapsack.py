"""Duties that do not all fit into the time there is: planted knapsacks, and four ways to choose with what each costs.

    maximise sum of v_i over the chosen duties, subject to sum of w_i over them <= budget

w_i hours are uniform on [1, 10], the good done is v_i = w_i + urgency, urgency uniform on [0, 5], and the budget is a
share of all hours. That consequences are mostly intractable to weigh and rules cheap is the thesis of Stenseke (On the
Computational Complexity of Ethics, arXiv 2302.04218), who names no problem; the knapsack is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SLACK = 1e-9
"""A duty that misses the rest of the time by rounding fits."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Knapsack:
    """One problem."""

    values: Floats
    """(n,) good done, above 0."""
    weights: Floats
    """(n,) hours, above 0."""
    budget: float
    """Hours there are."""

    @classmethod
    def draw(cls, n: int, share: float, rng: np.random.Generator) -> Knapsack:
        """A problem of n duties with hours for a share of them."""
        weights = rng.uniform(1.0, 10.0, n)
        return cls(values=weights + rng.uniform(0.0, 5.0, n), weights=weights, budget=share * float(weights.sum()))


@dataclass(kw_only=True, frozen=True)
class Choice:
    """What a way of choosing chose, and what it looked at for that."""

    picks: tuple[int, ...]
    value: float
    compute: int
    """Steps: duties looked at, comparisons of a sort counted as n log2 n, partial choices expanded by a search."""


def exact(problem: Knapsack) -> Choice:
    """The best choice, by depth-first search that leaves a branch when its fractional bound is not above the best.

    Its compute is exponential at worst; `2^n` partial choices are what enumeration would look at.
    """
    order = np.argsort(-problem.values / problem.weights, kind="stable")
    values, weights = problem.values[order], problem.weights[order]
    n, best, best_set, expanded = len(order), -1.0, 0, 0
    stack = [(0, problem.budget, 0.0, 0)]
    while stack:
        at, room, value, chosen = stack.pop()
        expanded += 1
        if value > best:
            best, best_set = value, chosen
        if at == n or value + _bound(values[at:], weights[at:], room) <= best + SLACK:
            continue
        stack.append((at + 1, room, value, chosen))
        if weights[at] <= room + SLACK:
            stack.append((at + 1, room - float(weights[at]), value + float(values[at]), chosen | 1 << at))
    picks = tuple(sorted(int(order[place]) for place in range(n) if best_set >> place & 1))
    return Choice(picks=picks, value=float(problem.values[list(picks)].sum()), compute=expanded)


def _bound(values: Floats, weights: Floats, room: float) -> float:
    """Value of the rest, densest first, where the last one may be taken in part."""
    filled = np.cumsum(weights)
    whole = int(np.searchsorted(filled, room + SLACK, side="right"))
    total = float(values[:whole].sum())
    if whole == len(weights):
        return total
    before = float(filled[whole - 1]) if whole else 0.0
    return total + (room - before) * float(values[whole] / weights[whole])


def density_greedy(problem: Knapsack) -> Choice:
    """Most good an hour first."""
    return _in_order(problem, np.argsort(-problem.values / problem.weights, kind="stable"), _sorting(problem))


def value_greedy(problem: Knapsack) -> Choice:
    """Most good first."""
    return _in_order(problem, np.argsort(-problem.values, kind="stable"), _sorting(problem))


def first_come(problem: Knapsack) -> Choice:
    """As they come: a rule that weighs nothing."""
    return _in_order(problem, range(len(problem.values)), 0)


def _sorting(problem: Knapsack) -> int:
    n = len(problem.values)
    return int(np.ceil(n * np.log2(max(n, 2))))


def _in_order(problem: Knapsack, order: Iterable[int], sorting: int) -> Choice:
    room, picks = problem.budget, []
    for duty in order:
        if problem.weights[duty] <= room + SLACK:
            room -= float(problem.weights[duty])
            picks.append(int(duty))
    value = float(problem.values[picks].sum()) if picks else 0.0
    return Choice(picks=tuple(sorted(picks)), value=value, compute=sorting + len(problem.values))


WAYS: dict[str, Callable[[Knapsack], Choice]] = {
    "exact": exact,
    "density greedy": density_greedy,
    "value greedy": value_greedy,
    "first come": first_come,
}
"""Ways to choose, by name."""
