"""The trade between return and justifiability: policies for a row of lambdas, planned and learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from progressgym.agents.debate.debaters import Debater
from progressgym.agents.debate.justify import (
    Process,
    assess,
    baseline,
    debate_wins,
    informed_wins,
    mixed,
    plan,
)
from progressgym.agents.debate.off_policy import episode_returns, importance_weights, weighted_estimate
from progressgym.agents.debate.offline import DqnRecipe, learn_offline, n_step_returns
from progressgym.core.debate import Floats, Judge
from progressgym.core.seeding import generator
from progressgym.envs.sepsis.sparse import Rollouts

TEMPERATURE = 1.0
"""Of the softmax over action values whose return is estimated off-policy, as in the paper."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Rulings:
    """Who wins against the baseline in every state, by debate and by the ideal judge."""

    base: Any
    """(S,) the baseline's actions."""
    debate: Floats
    """(S, A) see `justify.debate_wins`."""
    ideal: Floats
    """(S, A) see `justify.informed_wins`."""


def rulings(process: Process, judge: Judge, ideal: Judge, debater: Debater, turns: int) -> Rulings:
    """Let every action be debated against the baseline's in every state."""
    base = baseline(process)
    return Rulings(
        base=base,
        debate=debate_wins(process, base, judge, debater, turns),
        ideal=informed_wins(process, base, ideal),
    )


def planned(process: Process, given: Rulings, lambdas: tuple[float, ...], scale: float) -> list[dict[str, Any]]:
    """Exact planning with the debate's reward, and with the ideal judge's in its place.

    Returns:
        One row a lambda: `debate_feedback` and `ideal_feedback`, each an `Assessment` as a dictionary.
    """
    rows = []
    for lam in lambdas:
        row: dict[str, Any] = {"lambda": lam, "scale": scale}
        for name, wins in (("debate_feedback", given.debate), ("ideal_feedback", given.ideal)):
            policy = plan(process, wins, lam, scale)
            row[name] = asdict(assess(process, policy, given.base, given.debate, given.ideal))
        rows.append(row)
    return rows


@dataclass(kw_only=True, frozen=True)
class OfflineRecipe:
    """What the learner gets."""

    episodes: int = 18_000
    """Recorded episodes of the clinicians (about 170,000 steps on ICU-Sepsis, as many as in the paper)."""
    test_episodes: int = 4000
    """Other ones, for the off-policy estimate."""
    dqn: DqnRecipe = field(default_factory=DqnRecipe)
    """How it learns."""


def learned(
    process: Process,
    given: Rulings,
    lambdas: tuple[float, ...],
    scale: float,
    settings: OfflineRecipe,
    *,
    seed: int,
    listen: Callable[[int, float], None] | None = None,
) -> list[dict[str, Any]]:
    """Policies learned from recorded episodes alone, one a lambda, side by side; assessed exactly.

    Their baseline is the planned policy of lambda 0, as for planning. The off-policy estimate judges the softmax of the
    action values, and stands beside the truth about the same softmax.

    Returns:
        One row a lambda: `assessment` of the greedy policy, `softmax_value` (exact), `estimate` (weighted importance
        sampling), `effective` episodes behind the estimate.
    """
    steps = 500 if process.horizon is None else process.horizon
    recorded = process.mdp.sample(
        process.behaviour, settings.episodes, generator(seed, "offline", "train"), most_steps=steps
    )
    arrived, won = process.arrival[recorded.after], given.debate[recorded.state, recorded.action]
    ended = process.mdp.terminal[recorded.after]
    replays = [n_step_returns(recorded, mixed(arrived, won, lam, scale), ended, settings.dqn) for lam in lambdas]
    seeds = [seed] * len(lambdas)
    values = learn_offline(replays, process.features, process.mdp.actions, settings.dqn, seeds=seeds, listen=listen)
    tests = process.mdp.sample(
        process.behaviour, settings.test_episodes, generator(seed, "offline", "test"), most_steps=steps
    )
    rows = []
    for lam, q in zip(lambdas, values, strict=True):
        soft = np.exp((q - q.max(1, keepdims=True)) / TEMPERATURE)
        soft /= soft.sum(1, keepdims=True)
        rows.append(
            {
                "lambda": lam,
                "scale": scale,
                "seed": seed,
                "assessment": asdict(assess(process, q.argmax(1), given.base, given.debate, given.ideal)),
                "softmax_value": process.mdp.performance(soft, horizon=process.horizon),
                **estimate(process, tests, soft),
            }
        )
    return rows


def estimate(process: Process, tests: Rollouts, target: Floats) -> dict[str, float]:
    """Weighted importance sampling of the undiscounted return, in the units of `Assessment.value`.

    Args:
        process: whose behaviour policy acted.
        tests: its episodes.
        target: (S, A) the policy to be judged.
    """
    if process.horizon is None:
        # Survival is 0 or 1 an episode: what happened, not what was to be expected.
        survived = (process.arrival[tests.after] > 0).astype(np.float64)
        returns: Floats = np.bincount(tests.episode, weights=survived).astype(np.float64)
    else:
        returns = episode_returns(tests, process.arrival / np.abs(process.arrival).max())
    estimated = weighted_estimate(returns, importance_weights(tests, target, process.behaviour))
    return {"estimate": estimated.value, "effective": estimated.effective}
