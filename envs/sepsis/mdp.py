"""A known Markov decision process as tables, and what can be computed from it exactly.

Legend of shapes: S states, A actions, H steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from progressgym.core.debate import Bools, Floats

DECIMALS = 10
"""Values that agree to so many decimals are equal: a choice must not hang on a rounding error."""


@dataclass(kw_only=True, frozen=True, eq=False)
class TabularMDP:
    """Exact dynamics. Reward is paid on arrival in a state; terminal states are left never and pay nothing more."""

    transitions: Floats
    """(A, S, S) probability of the next state."""
    arrival: Floats
    """(S,) reward for arriving in a state."""
    initial: Floats
    """(S,) where an episode begins."""
    terminal: Bools
    """(S,) where it ends."""

    @property
    def states(self) -> int:
        """S."""
        return len(self.initial)

    @property
    def actions(self) -> int:
        """A."""
        return len(self.transitions)

    @property
    def rewards(self) -> Floats:
        """(S, A) expected reward; 0 in terminal states."""
        expected: Floats = np.einsum("ast,t->sa", self.transitions, self.arrival)
        expected[self.terminal] = 0.0
        return expected


def evaluate(mdp: TabularMDP, policy: Floats, horizon: int, discount: float = 1.0) -> float:
    """Exact expected return of a policy.

    Args:
        mdp: the process.
        policy: (S, A) probabilities.
        horizon: H, steps after which an episode is cut off.
        discount: per step.
    """
    moves = np.einsum("sa,ast->st", policy, mdp.transitions)
    rewards = (policy * mdp.rewards).sum(1)
    value = np.zeros(mdp.states)
    for _ in range(horizon):
        value = np.where(mdp.terminal, 0.0, rewards + discount * (moves @ value))
    return float(mdp.initial @ value)


def action_values(mdp: TabularMDP, rewards: Floats, discount: float) -> Floats:
    """(S, A) optimal action values without a horizon, exactly, by policy iteration.

    Args:
        mdp: the process; only its dynamics are used.
        rewards: (S, A), for example `mdp.rewards` or a mixture with a debate's.
        discount: per step, below 1 unless every policy ends an episode.
    """
    live = np.flatnonzero(~mdp.terminal)
    moves = mdp.transitions[:, live[:, None], live]
    gains = rewards[live]
    policy = gains.argmax(1)
    while True:
        rows = np.arange(len(live))
        system = np.eye(len(live)) - discount * moves[policy, rows]
        value = np.linalg.solve(system, gains[rows, policy])
        q_live = gains + discount * (moves @ value).T
        better = q_live.max(1) > q_live[rows, policy] + 10.0**-DECIMALS
        if not better.any():
            break
        policy = np.where(better, q_live.argmax(1), policy)
    q = np.zeros((mdp.states, mdp.actions))
    q[live] = q_live
    return q


def greedy(q: Floats) -> Floats:
    """(S, A) the policy that takes the best action, the first of equals."""
    policy: Floats = np.eye(q.shape[1])[q.round(DECIMALS).argmax(1)]
    return policy


def soften(policy: Floats, epsilon: float) -> Floats:
    """A deterministic policy that errs: with probability epsilon it takes one of the other actions, all alike."""
    mixed: Floats = (1.0 - epsilon) * policy + epsilon * (1.0 - policy) / (policy.shape[1] - 1)
    return mixed


def occupancy(mdp: TabularMDP, policy: Floats, horizon: int) -> Floats:
    """(S,) expected number of decisions taken in each state within H steps; terminal states take none."""
    moves = np.einsum("sa,ast->st", policy, mdp.transitions)
    here = np.where(mdp.terminal, 0.0, mdp.initial)
    visits = np.zeros(mdp.states)
    for _ in range(horizon):
        visits += here
        here = np.where(mdp.terminal, 0.0, here @ moves)
    return visits
