"""A known decision process in sparse form, for processes too big to keep as dense tables and for exact planning.

Values, returns, occupancies and best policies are exact (linear solves, Howard's policy iteration), so a measurement
on such a process has no sampling error. Legend of shapes: S states, A actions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from progressgym.core.debate import Bools, Floats, Ints
from progressgym.core.errors import UserError
from progressgym.envs.sepsis.mdp import TabularMDP

MOST_ROUNDS = 1000
"""Policy iteration ends after a handful of rounds; this many would be a fault."""
BETTER = 1e-10
"""An action replaces another only when it is better by more than rounding, so ties do not make rounds endless."""


@dataclass(kw_only=True, frozen=True, eq=False)
class SparseMDP:
    """Transitions, rewards and first states of a finite decision process."""

    transitions: Any
    """scipy sparse (S * A, S); row s * A + a holds P(next | s, a); rows of terminal states are empty."""
    rewards: Floats
    """(S, A) expected reward of the step; 0 in terminal states."""
    initial: Floats
    """(S,) distribution of the first state."""
    terminal: Bools
    """(S,) where an episode ends."""

    @classmethod
    def of(cls, mdp: TabularMDP) -> SparseMDP:
        """A dense process in this form."""
        from scipy.sparse import csr_array

        by_state = np.where(mdp.terminal[:, None, None], 0.0, mdp.transitions.transpose(1, 0, 2))
        sparse = csr_array(by_state.reshape(mdp.states * mdp.actions, mdp.states))
        return cls(transitions=sparse, rewards=mdp.rewards, initial=mdp.initial, terminal=mdp.terminal)

    @property
    def states(self) -> int:
        """S."""
        return len(self.rewards)

    @property
    def actions(self) -> int:
        """A."""
        return len(self.rewards.T)

    def policy(self, given: ArrayLike) -> Floats:
        """Probabilities (S, A) from probabilities or from one action a state (S,).

        Raises:
            UserError: another shape, or rows of living states that are no distribution.
        """
        array = np.asarray(given)
        if array.shape == (self.states,):
            return np.eye(self.actions)[array.astype(np.int64)]
        if array.shape != (self.states, self.actions):
            raise UserError(
                f"a policy has shape ({self.states}, {self.actions}) or ({self.states},), not {array.shape}"
            )
        living = array[~self.terminal].astype(np.float64)
        if not np.isfinite(living).all() or (living < 0).any() or np.abs(living.sum(1) - 1).max() > 1e-6:
            raise UserError("each row of a policy must be a distribution: not negative, sum 1")
        return array.astype(np.float64)

    def backup(self, values: Floats, *, gamma: float = 1.0, rewards: Floats | None = None) -> Floats:
        """Action values (S, A): reward of the step plus gamma times the value (S,) of where it leads."""
        r = self.rewards if rewards is None else rewards
        return np.asarray(r + gamma * (self.transitions @ values).reshape(self.states, self.actions))

    def values(
        self, policy: ArrayLike, *, gamma: float = 1.0, horizon: int | None = None, rewards: Floats | None = None
    ) -> Floats:
        """Expected return (S,) from each state.

        Args:
            policy: (S, A) probabilities or (S,) actions.
            gamma: discount a step.
            horizon: end after this many steps; None plays until a terminal state.
            rewards: (S, A) other rewards, counted in living states only.

        Raises:
            UserError: a bad policy, or one that may play for ever with gamma 1 and no horizon.
        """
        pi = self.policy(policy)
        r = np.where(self.terminal[:, None], 0.0, self.rewards if rewards is None else rewards)
        if horizon is not None:
            values = np.zeros(self.states)
            for _ in range(horizon):
                values = (pi * self.backup(values, gamma=gamma, rewards=r)).sum(1)
            return values
        return self._solve(gamma * self._chain(pi), (pi * r).sum(1))

    def performance(self, policy: ArrayLike, *, gamma: float = 1.0, horizon: int | None = None) -> float:
        """Expected return of an episode."""
        return float(self.initial @ self.values(policy, gamma=gamma, horizon=horizon))

    def occupancy(self, policy: ArrayLike, *, gamma: float = 1.0, horizon: int | None = None) -> Floats:
        """Expected number of visits (S,), discounted by gamma; 0 in terminal states, where nothing is decided."""
        chain = self._chain(self.policy(policy))
        if horizon is None:
            visits = self._solve(gamma * chain.T, self.initial)
        else:
            visits, now = np.zeros(self.states), self.initial
            for step in range(horizon):
                visits = visits + gamma**step * now
                now = now @ chain
        return np.where(self.terminal, 0.0, visits)

    def best(self, *, gamma: float = 1.0, rewards: Floats | None = None) -> tuple[Ints, Floats]:
        """A best policy (S,) and its action values (S, A), by policy iteration from the uniform policy.

        Among equally good actions the first one is taken.
        """
        r = np.where(self.terminal[:, None], 0.0, self.rewards if rewards is None else rewards)
        uniform = np.full((self.states, self.actions), 1.0 / self.actions)
        q = self.backup(self.values(uniform, gamma=gamma, rewards=r), gamma=gamma, rewards=r)
        chosen = _first_best(q)
        rows = np.arange(self.states)
        for _ in range(MOST_ROUNDS):
            q = self.backup(self.values(chosen, gamma=gamma, rewards=r), gamma=gamma, rewards=r)
            improved = q.max(1) > q[rows, chosen] + BETTER
            if not improved.any():
                return _first_best(q), q
            chosen = np.where(improved, q.argmax(1), chosen)
        raise AssertionError("policy iteration did not end")

    def draw(self, state: Ints, action: Ints, uniform: Floats) -> Ints:
        """The next states (n,) of n living states and actions, from numbers uniform in [0, 1)."""
        row = state * self.actions + action
        low, high = self.transitions.indptr[row], self.transitions.indptr[row + 1]
        point = self._total[low] + uniform * (self._total[high] - self._total[low])
        entry = np.searchsorted(self._total, point, side="right") - 1
        return np.asarray(self.transitions.indices[entry.clip(low, high - 1)], dtype=np.int64)

    @cached_property
    def _total(self) -> Floats:
        """One cumulative sum through all rows, so that a batch of draws is one binary search."""
        return np.concatenate([[0.0], np.cumsum(self.transitions.data)])

    def sample(self, policy: ArrayLike, episodes: int, rng: np.random.Generator, *, most_steps: int = 500) -> Rollouts:
        """Play many episodes at once.

        Args:
            policy: (S, A) probabilities or (S,) actions.
            episodes: how many.
            rng: source of chance.
            most_steps: episodes are cut after this many steps.
        """
        pi_cdf = np.cumsum(self.policy(policy), axis=1)
        state = np.searchsorted(np.cumsum(self.initial), rng.random(episodes), side="right").clip(max=self.states - 1)
        who, columns = np.arange(episodes), []
        for step in range(most_steps):
            alive = ~self.terminal[state]
            who, state = who[alive], state[alive]
            if not len(who):
                break
            action = (rng.random((len(who), 1)) > pi_cdf[state]).sum(1).clip(max=self.actions - 1)
            after = self.draw(state, action, rng.random(len(who)))
            columns.append((who, np.full(len(who), step), state, action, after))
            state = after
        episode, time, before, action, after = (np.concatenate(part) for part in zip(*columns, strict=True))
        order = np.lexsort((time, episode))
        return Rollouts(
            episode=episode[order], state=before[order], action=action[order], after=after[order], time=time[order]
        )

    def _chain(self, pi: Floats) -> Floats:
        """P(next | s) under a policy, (S, S); rows of terminal states are 0."""
        from scipy.sparse import csr_array

        living = np.where(self.terminal[:, None], 0.0, pi)
        rows = np.repeat(np.arange(self.states), self.actions)
        columns = np.arange(self.states * self.actions)
        choose = csr_array((living.ravel(), (rows, columns)), shape=(self.states, self.states * self.actions))
        return np.asarray((choose @ self.transitions).toarray())

    def _solve(self, chain: Floats, right: Floats) -> Floats:
        """x = right + chain x in living states; 0 in terminal ones."""
        living = np.flatnonzero(~self.terminal)
        whole = np.zeros(self.states)
        try:
            whole[living] = np.linalg.solve(np.eye(len(living)) - chain[np.ix_(living, living)], right[living])
        except np.linalg.LinAlgError:
            raise UserError("this policy may never end an episode; give a horizon or gamma below 1") from None
        return whole


@dataclass(kw_only=True, frozen=True, eq=False)
class Rollouts:
    """Steps of many episodes, sorted by episode and time; n steps in all."""

    episode: Ints
    """(n,)"""
    time: Ints
    """(n,) from 0 in each episode."""
    state: Ints
    """(n,)"""
    action: Ints
    """(n,)"""
    after: Ints
    """(n,) the state that followed."""


def _first_best(q: Floats) -> Ints:
    return np.asarray((q >= q.max(1, keepdims=True) - BETTER).argmax(1), dtype=np.int64)
