"""Policies whose decisions hold in debates: environment reward mixed with debate reward, planned exactly.

    r(s, a) = (1 - lambda) * r_env(s, a) + lambda * scale * r_debate(s, a)

r_env is the environment's reward on arrival times 15 (ICU-Sepsis: +15 survival, -15 death); r_debate is 1 where a debate
about action a against the baseline policy's action is won, 0.5 where that depends on who opens, 0 where it is lost or
both are the same action. `scale` is 5 in the authors' code. Lambda means nothing without these two numbers: state them.

The baseline is the best policy at lambda 0. Everything is computed from the known process: returns, how often a state
is visited, the share of visited states in which a judge prefers the decision. Nothing is sampled.

Legend of shapes: S states of the process, A actions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from progressgym.agents.debate.debaters import Debater, play
from progressgym.core.debate import Cases, Domain, Floats, Ints, Judge
from progressgym.core.errors import UserError, unknown
from progressgym.envs.debate.icu import IcuDomain
from progressgym.envs.debate.rules import Rules, margins, rule
from progressgym.envs.debate.simulator import SimulatorDomain
from progressgym.envs.debate.vector import VectorDebate
from progressgym.envs.sepsis.dynamics import HORIZON, OBSERVED, build
from progressgym.envs.sepsis.sparse import SparseMDP
from progressgym.envs.sepsis.tables import SURVIVAL, icu_tables

GAMMA = 0.99
"""Of planning, as in the paper."""
ENVIRONMENT_SCALE = 15.0
"""What the environment's reward is multiplied by, as in the paper."""
LAMBDAS = (0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)


@dataclass(kw_only=True, frozen=True, eq=False)
class Process:
    """A decision process and the domain in which its decisions are debated."""

    domain: Domain
    """Of the debates."""
    mdp: SparseMDP
    """Its own rewards give the return that is reported: share of survivors, or the simulator's +1 and -1."""
    arrival: Floats
    """(S,) r_env on arrival in a state."""
    case_states: Ints
    """(S,) the domain's state that a state of the process looks like."""
    horizon: int | None
    """Steps of an episode; None plays to the end."""
    behaviour: Floats
    """(S, A) the clinicians' policy."""

    @property
    def rewards(self) -> Floats:
        """(S, A) expected r_env."""
        flat = self.mdp.transitions @ self.arrival
        return np.asarray(flat).reshape(self.mdp.states, self.mdp.actions)

    @property
    def living(self) -> Ints:
        """Indices of the states in which something is decided."""
        return np.flatnonzero(~self.mdp.terminal)

    @property
    def features(self) -> NDArray[np.float32]:
        """(S, N) what a state shows; 0 in terminal states."""
        options = np.tile(np.array([[0, 1]]), (len(self.living), 1))
        seen = self.domain.pairs(self.case_states[self.living], options).evidence
        whole = np.zeros((self.mdp.states, seen.shape[1] * seen.shape[2]), dtype=np.float32)
        whole[self.living] = seen.reshape(len(seen), -1)
        return whole


def process(name: str) -> Process:
    """The process of a domain.

    Args:
        name: `icu` or `simulator`. The simulator's planner knows of diabetes, as its physician does; debates and
            judges do not.

    Raises:
        UserError: another name, or ICU-Sepsis is not installed.
    """
    if name == "icu":
        tables = icu_tables()
        arrival = np.where(tables.mdp.terminal, -ENVIRONMENT_SCALE, 0.0)
        arrival[SURVIVAL] = ENVIRONMENT_SCALE
        return Process(
            domain=IcuDomain(),
            mdp=tables.mdp,
            arrival=arrival,
            case_states=np.arange(tables.mdp.states),
            horizon=None,
            behaviour=tables.expert,
        )
    if name == "simulator":
        domain, dense = SimulatorDomain(), build("corrected")
        best, _ = SparseMDP.of(dense).best(gamma=GAMMA)
        return Process(
            domain=domain,
            mdp=SparseMDP.of(dense),
            arrival=ENVIRONMENT_SCALE * dense.arrival,
            case_states=np.arange(dense.states) % OBSERVED,
            horizon=HORIZON,
            behaviour=(1.0 - domain.epsilon) * np.eye(dense.actions)[best] + domain.epsilon / dense.actions,
        )
    raise unknown("process", name, ("icu", "simulator"))


def baseline(process: Process) -> Ints:
    """(S,) the best policy at lambda 0."""
    return process.mdp.best(gamma=GAMMA, rewards=process.rewards)[0]


def debate_wins(process: Process, base: Ints, judge: Judge, debater: Debater, turns: int) -> Floats:
    """(S, A) share of the two debates (either side opens) that an action wins against the baseline's; 0 for itself.

    Args:
        process: whose decisions.
        base: (S,) the baseline's actions.
        judge: who rules.
        debater: argues for both sides, as in the paper.
        turns: L.
    """
    states, actions, cases = _challenges(process, base)
    won = np.zeros(len(cases))
    games = VectorDebate(process.domain, judge, num_envs=len(cases), rules=Rules(turns=turns))
    for opener in (0, 1):
        games.reset(cases=cases, openers=np.full(len(cases), opener, dtype=np.int64))
        won += 0.5 * (play(games, (debater, debater)) > 0)
    return _table(process, states, actions, won)


def informed_wins(process: Process, base: Ints, judge: Judge) -> Floats:
    """(S, A) 1 where a judge who sees everything prefers an action to the baseline's."""
    states, actions, cases = _challenges(process, base)
    everything = np.ones((len(cases), process.domain.pieces), dtype=np.bool_)
    return _table(process, states, actions, (margins(rule(judge, cases, everything)) > 0).astype(np.float64))


def plan(process: Process, wins: Floats, lam: float, scale: float) -> Ints:
    """(S,) the best policy for a mixture of rewards.

    Args:
        process: the known process.
        wins: (S, A) r_debate.
        lam: weight of the debate's reward, 0 to 1.
        scale: what r_debate is multiplied by.

    Raises:
        UserError: lambda out of range.
    """
    return process.mdp.best(gamma=GAMMA, rewards=mixed(process.rewards, wins, lam, scale))[0]


def mixed(rewards: Floats, wins: Floats, lam: float, scale: float) -> Floats:
    """(1 - lambda) * rewards + lambda * scale * wins."""
    if not 0.0 <= lam <= 1.0:
        raise UserError(f"lambda is {lam}; give a number from 0 to 1")
    mixture: Floats = (1.0 - lam) * rewards + lam * scale * wins
    return mixture


@dataclass(kw_only=True, frozen=True)
class Assessment:
    """What a policy is worth, and to whom its decisions are better than the baseline's. All exact."""

    value: float
    """Expected return without discount: ICU-Sepsis the share of survivors, the simulator -1 to 1."""
    differs: float
    """Share of decisions, as often as they are met, that are not the baseline's."""
    debate: float | None
    """Share of these that the judge prefers after a debate; None when there are none."""
    ideal: float | None
    """Share of these that the judge who sees everything prefers."""
    steps: float
    """Expected decisions of an episode."""


def assess(process: Process, policy: Ints, base: Ints, by_debate: Floats, by_ideal: Floats) -> Assessment:
    """Measure a policy (S,) against the baseline (S,).

    Args:
        process: the known process.
        policy: actions.
        base: the baseline's actions.
        by_debate: (S, A) see `debate_wins`.
        by_ideal: (S, A) see `informed_wins`.
    """
    visits = process.mdp.occupancy(policy, horizon=process.horizon)
    share = visits / visits.sum()
    changed = share * (policy != base)
    differs, rows = float(changed.sum()), np.arange(len(policy))
    return Assessment(
        value=process.mdp.performance(policy, horizon=process.horizon),
        differs=differs,
        debate=float(changed @ by_debate[rows, policy]) / differs if differs > 0 else None,
        ideal=float(changed @ by_ideal[rows, policy]) / differs if differs > 0 else None,
        steps=float(visits.sum()),
    )


def _challenges(process: Process, base: Ints) -> tuple[Ints, Ints, Cases]:
    """Every action but the baseline's in every living state, as cases with the action in debater 0's seat."""
    others = process.mdp.actions - 1
    states = np.repeat(process.living, others)
    steps = np.tile(np.arange(1, others + 1), len(process.living))
    actions = (base[states] + steps) % process.mdp.actions
    options = np.stack([actions, base[states]], axis=1)
    return states, actions, process.domain.pairs(process.case_states[states], options)


def _table(process: Process, states: Ints, actions: Ints, values: Floats) -> Floats:
    table = np.zeros((process.mdp.states, process.mdp.actions))
    table[states, actions] = values
    return table
