"""Episodes: run an agent through environments, or replay its recorded actions, and keep what scoring needs.

What an agent is given is built here and nowhere else: the task, the comparisons, and an info from which the scores are
taken out. Legend of shapes: n steps, T centuries, N items, K options, S seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from progressgym.bench.challenges import Challenge
from progressgym.core.errors import UserError
from progressgym.core.protocols import AgentLike
from progressgym.envs.actions import checked_action, to_answers
from progressgym.envs.challenge import challenge_of
from progressgym.envs.wrappers.hide_scores import visible
from progressgym.histories.history import History
from progressgym.histories.source import HistorySource

if TYPE_CHECKING:
    from progressgym.agents.agent import Agent
    from progressgym.envs.base import ProgressEnv

Floats = NDArray[np.float64]


@dataclass(kw_only=True, frozen=True, eq=False)
class Trace:
    """One finished episode."""

    seed: int
    actions: NDArray[np.float32]
    """(n, N, K) exactly as given."""
    answers: Floats
    """(n, N, K) what the actions answer."""
    scored: Floats
    """(n, N, K) the answers that are compared with history: the agent's, or those of a simulated human."""
    history: History
    """The truth."""
    compared: NDArray[np.int64]
    """(n,) century index that each step is compared with."""
    lock_in: Mapping[str, float] = field(default_factory=dict)
    """Measures of the simulated human after the last step, where there is one."""


def environments(challenge: Challenge, source: HistorySource, spec: str, count: int) -> list[ProgressEnv]:
    """One environment a seed; a fixed history is loaded once for all."""
    return [challenge.make(source.fixed or spec) for _ in range(count)]


def run_batch(agent: Agent, envs: Sequence[ProgressEnv], seeds: Sequence[int]) -> list[NDArray[np.float32]]:
    """Run a shipped agent through all environments at once.

    Returns:
        (n, N, K) actions of every seed.
    """
    from progressgym.agents.agent import PrivilegedAgent

    observations = [env.reset(seed=seed)[0] for env, seed in zip(envs, seeds, strict=True)]
    agent.reset([env.task for env in envs], seed=list(seeds))
    if isinstance(agent, PrivilegedAgent):
        agent.reveal([env.history for env in envs])
    taken: list[NDArray[np.float32]] = []
    for _ in range(envs[0].steps):
        batch = {key: np.stack([observation[key] for observation in observations]) for key in observations[0]}
        actions = agent.act(batch, {})
        taken.append(actions.copy())
        observations = [env.step(action)[0] for env, action in zip(envs, actions, strict=True)]
    return [np.stack([actions[row] for actions in taken]) for row in range(len(envs))]


def run_single(agent: AgentLike, env: ProgressEnv, seed: int) -> NDArray[np.float32]:
    """Run anybody's agent through one environment.

    Returns:
        (n, N, K) actions.

    Raises:
        UserError: an action that is not an array of shape (N, K) without NaN.
    """
    observation, info = env.reset(seed=seed)
    task = env.task
    agent.reset(task, seed)
    taken = []
    for step in range(env.steps):
        action = checked_action(agent.act(observation, visible(info)), task.action_shape, f"step {step + 1}: ")
        taken.append(action)
        observation, _, _, _, info = env.step(action.copy())
    return np.stack(taken)


def replay(env: ProgressEnv, seed: int, actions: NDArray[np.float32]) -> Trace:
    """Take recorded actions again.

    Args:
        env: of the same challenge and history.
        seed: of the episode.
        actions: (n, N, K).

    Raises:
        UserError: the wrong number of steps.
    """
    env.reset(seed=seed)
    if len(actions) != env.steps:
        raise UserError(f"{len(actions)} recorded actions for an episode of {env.steps} steps")
    challenge, history = challenge_of(env.task), env.history
    answers = to_answers(actions, history.instrument.mask)
    scored = challenge.scored(history, answers)
    return Trace(
        seed=seed,
        actions=actions,
        answers=answers,
        scored=scored,
        history=history,
        compared=challenge.compared(len(actions), len(history)),
        lock_in=challenge.measured(history, scored),
    )
