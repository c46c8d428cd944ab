"""What a policy would be worth, estimated from episodes of another one: weighted importance sampling.

Legend of shapes: n steps in all, E episodes, S states, A actions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from progressgym.core.debate import Floats
from progressgym.core.errors import UserError
from progressgym.envs.sepsis.sparse import Rollouts

LOWEST, HIGHEST = 1e-8, 1e2
"""Bounds of an episode's weight in the paper."""


@dataclass(kw_only=True, frozen=True)
class Estimate:
    """An off-policy estimate."""

    value: float
    """Weighted mean of the episodes' returns."""
    effective: float
    """Effective sample size, (sum w)^2 / sum w^2: how many episodes of its own it is worth."""


def importance_weights(
    rollouts: Rollouts, target: Floats, behaviour: Floats, *, bounds: tuple[float, float] | None = (LOWEST, HIGHEST)
) -> Floats:
    """(E,) product over an episode's steps of target / behaviour probability.

    Args:
        rollouts: episodes of the behaviour policy.
        target: (S, A) policy to be judged.
        behaviour: (S, A) policy that acted.
        bounds: clip the products, as in the paper; None for the unbiased ratio.

    Raises:
        UserError: an action that the behaviour policy never takes.
    """
    acted = behaviour[rollouts.state, rollouts.action]
    if (acted <= 0).any():
        raise UserError("the episodes hold an action that the behaviour policy never takes")
    with np.errstate(divide="ignore"):
        logs = np.log(target[rollouts.state, rollouts.action]) - np.log(acted)
    weights = np.exp(np.bincount(rollouts.episode, weights=logs))
    return weights if bounds is None else weights.clip(*bounds)


def weighted_estimate(returns: Floats, weights: Floats) -> Estimate:
    """sum w G / sum w (Precup, Sutton & Singh 2000).

    Args:
        returns: (E,).
        weights: (E,).

    Raises:
        UserError: all weights are 0.
    """
    total = float(weights.sum())
    if total <= 0.0:
        raise UserError("no episode could have come from the policy: all weights are 0")
    return Estimate(value=float(weights @ returns) / total, effective=total**2 / float((weights**2).sum()))


def episode_returns(rollouts: Rollouts, arrival: Floats, gamma: float = 1.0) -> Floats:
    """(E,) discounted rewards on arrival, (S,), of each episode."""
    gains = gamma**rollouts.time * arrival[rollouts.after]
    return np.bincount(rollouts.episode, weights=gains).astype(np.float64)
