"""Planted preferences of which it is known what is in them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from progressgym.preferences.pairs import Pairs


def tournament(wins: Sequence[tuple[int, int]], count: int) -> Pairs:
    """Pairs of things that are themselves only; the first of each two wins."""
    first, second = np.array(wins).T
    return Pairs.of(np.eye(count)[first], np.eye(count)[second])


def ring(count: int) -> Pairs:
    """Each beats the next, the last the first."""
    return tournament([(i, (i + 1) % count) for i in range(count)], count)


def chain(count: int) -> Pairs:
    """Each beats all that come after it."""
    return tournament(list(itertools.combinations(range(count), 2)), count)


def linear(seed: int, *, count: int = 200, d: int = 4, noise: float = 0.0, votes: bool = False) -> Pairs:
    """Pairs by a linear reward; a share of them told the wrong way round."""
    random = np.random.default_rng(seed)
    weights, left, right = random.normal(size=d), random.normal(size=(count, d)), random.normal(size=(count, d))
    chance = 1.0 / (1.0 + np.exp(-2.0 * (left - right) @ weights))
    target = (random.random(count) < chance).astype(float) if votes else chance
    wrong = random.random(count) < noise
    return Pairs.of(left, right, np.where(wrong, 1.0 - target, target))


def groups(
    seed: int, *, users: int = 45, each: int = 40, tastes: int = 3, d: int = 19
) -> tuple[Pairs, np.ndarray, np.ndarray]:
    """Votes of users of a few tastes; with each taste's vector (tastes, d) and which taste a user has (users,)."""
    random = np.random.default_rng(seed)
    wanted = 1.5 * random.normal(size=(tastes, d))
    of = np.arange(users) % tastes
    group = np.repeat(np.arange(users), each)
    left, right = random.normal(size=(2, users * each, d))
    chance = 1.0 / (1.0 + np.exp(-((left - right) * wanted[of[group]]).sum(1)))
    return Pairs.of(left, right, random.random(len(group)) < chance, group=group), wanted, of
