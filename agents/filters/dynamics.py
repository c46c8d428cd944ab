"""State-space models of drift, written as the covariances of the paths that they expect.

A coordinate of the stance follows

    x_0 = (0, ...)  with variance P_0 in its hidden parts,      x_{t+1} = F x_t + w_t,   w_t ~ N(0, Q),      level_t = H x_t

so levels are jointly Gaussian with Cov(level_s, level_t) = H F^{t-s} P_s H' for s <= t. Filtering and forecasting with
that covariance is the Kalman filter in batch form: the same numbers (a test compares them with the recursion), and for
nine centuries one small matrix instead of a loop. The level is 0 in century 0, whose answers an agent knows.

Families of models, each with a few strengths of its noises; averaging over them is left to the evidence:

    level        a random walk: no slope, the last level is the forecast
    trend        local linear trend: level and slope, the slope constant, slowly changing or damped
    quadratic    level, slope and a constant acceleration
    cycle        a swing of a fixed period around a centre that is not the start

Legend of shapes: T centuries, S states, M models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import unknown

Floats = NDArray[np.float64]
FAMILIES = ("level", "trend", "quadratic", "cycle")
BANKS: dict[str, tuple[str, ...]] = {"level": ("level",), "trend": ("trend",), "average": FAMILIES}
"""Which families an agent averages over."""
PERIODS = tuple(np.round(np.arange(0.4, 1.41, 0.1), 2).tolist())
"""Periods of a cycle that fit between the first and the last century."""
STILL = 1e-9
"""A path that varies less never moves: a whole number of periods between every two centuries."""
WOBBLES = (0.0, 0.02)
"""Variance of random steps beside a smooth course, relative to the course at the end of the history."""


@dataclass(kw_only=True, frozen=True, eq=False)
class StateSpace:
    """One linear Gaussian model of a coordinate's path."""

    transition: Floats
    """F (S, S)."""
    noise: Floats
    """Q (S, S)."""
    start: Floats
    """P_0 (S, S)."""
    level: Floats
    """H (S,), with H P_0 H' = 0: everything begins at 0."""

    def covariance(self, centuries: int) -> Floats:
        """(T, T) covariance of the levels, scaled to 1 in the century where they vary most; 0 if they never do."""
        states = len(self.level)
        table = np.zeros((centuries, centuries))
        spread = self.start
        for s in range(centuries):
            ahead = np.eye(states)
            for t in range(s, centuries):
                table[s, t] = table[t, s] = self.level @ ahead @ spread @ self.level
                ahead = self.transition @ ahead
            spread = self.transition @ spread @ self.transition.T + self.noise
        most = table.diagonal().max()
        return table / most if most > STILL else np.zeros_like(table)


def level_model() -> StateSpace:
    """A random walk."""
    one = np.ones((1, 1))
    return StateSpace(transition=one, noise=one, start=0 * one, level=np.ones(1))


def trend_model(*, steps: float, turns: float, damping: float) -> StateSpace:
    """A local linear trend (Harvey 1989, chapter 2) whose slope begins with variance 1.

    Args:
        steps: variance of random steps of the level, a century.
        turns: variance of random changes of the slope, a century.
        damping: what is left of the slope after a century (1: all).
    """
    return StateSpace(
        transition=np.array([[1.0, 1.0], [0.0, damping]]),
        noise=np.diag([steps, turns]),
        start=np.diag([0.0, 1.0]),
        level=np.array([1.0, 0.0]),
    )


def quadratic_model(*, bend: float, lean: float, steps: float, centuries: int) -> StateSpace:
    """Constant acceleration.

    Args:
        bend: standard deviation of the acceleration's part in the last level, that of the slope's part being 1.
        lean: correlation of slope and acceleration.
        steps: variance of random steps of the level, relative to the slope's part, over the whole history.
        centuries: T.
    """
    last = max(centuries - 1, 1)
    slope, acceleration = 1.0 / last, 2.0 * bend / last**2
    both = lean * slope * acceleration
    return StateSpace(
        transition=np.array([[1.0, 1.0, 0.5], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]),
        noise=np.diag([steps / last, 0.0, 0.0]),
        start=np.array([[0.0, 0.0, 0.0], [0.0, slope**2, both], [0.0, both, acceleration**2]]),
        level=np.array([1.0, 0.0, 0.0]),
    )


def cycle_model(*, periods: float, offset: float, steps: float, centuries: int) -> StateSpace:
    """A swing: level = a sin(angle) + b (1 - cos(angle)), an oscillator around a centre of its own.

    Args:
        periods: how many fit into the history.
        offset: standard deviation of b, that of a being 1.
        steps: variance of random steps of the level over the whole history.
        centuries: T.
    """
    last = max(centuries - 1, 1)
    angle = 2.0 * np.pi * periods / last
    sine, cosine = np.sin(angle), np.cos(angle)
    return StateSpace(
        # States: a sin + (-b) cos, its quadrature, and the level's resting part b with the random steps.
        transition=np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]]),
        noise=np.diag([0.0, 0.0, steps / last]),
        start=np.array([[offset**2, 0.0, -(offset**2)], [0.0, 1.0, 0.0], [-(offset**2), 0.0, offset**2]]),
        level=np.array([1.0, 0.0, 1.0]),
    )


def members(family: str, centuries: int) -> list[StateSpace]:
    """The models of a family.

    Raises:
        UserError: no such family.
    """
    if family == "level":
        return [level_model()]
    if family == "trend":
        strengths = product((0.0, 0.3, 10.0), (0.0, 0.1), (1.0, 0.8, 0.5))
        return [trend_model(steps=s, turns=q, damping=d) for s, q, d in strengths]
    if family == "quadratic":
        strengths = product((0.5, 1.0, 2.0), (0.0, -0.8), WOBBLES)
        return [quadratic_model(bend=b, lean=r, steps=s, centuries=centuries) for b, r, s in strengths]
    if family == "cycle":
        strengths = product(PERIODS, (0.7,), WOBBLES)
        return [cycle_model(periods=p, offset=b, steps=s, centuries=centuries) for p, b, s in strengths]
    raise unknown("family of state-space models", family, FAMILIES)


@lru_cache(maxsize=32)
def bank(families: Sequence[str], centuries: int) -> tuple[Floats, Floats]:
    """Covariances (M, T, T) of all models of some families, and their log prior (M,): even over families."""
    tables, prior = [], []
    for family in families:
        own = [model.covariance(centuries) for model in members(family, centuries)]
        own = [table for table in own if table.any()]
        tables += own
        prior += [-np.log(len(families)) - np.log(len(own))] * len(own)
    return np.array(tables), np.array(prior)
