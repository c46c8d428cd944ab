"""Helpers of the agent tests: run agents through Follow and score them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from progressgym.agents import make
from progressgym.bench.challenges import parse_challenge
from progressgym.bench.episodes import environments, replay, run_batch
from progressgym.bench.scoring import baseline, estimate
from progressgym.envs.base import ProgressEnv
from progressgym.histories.source import resolve_history
from progressgym.scores.intervals import SkillEstimate

LINEAR = "synthetic:linear?coherence=0.5"


def envs_of(count: int, challenge: str = "follow", history: str = LINEAR) -> list[ProgressEnv]:
    return environments(parse_challenge(challenge), resolve_history(history), history, count)


def actions_of(
    agent: str, seeds: Sequence[int], challenge: str = "follow", history: str = LINEAR
) -> NDArray[np.float32]:
    """(S, n, N, K) actions of all seeds in one batch."""
    return np.stack(run_batch(make(agent), envs_of(len(seeds), challenge, history), seeds))


def skill_of(agent: str, seeds: Sequence[int], challenge: str = "follow", history: str = LINEAR) -> SkillEstimate:
    env = envs_of(1, challenge, history)[0]
    actions = actions_of(agent, seeds, challenge, history)
    traces = [replay(env, seed, row) for seed, row in zip(seeds, actions, strict=True)]
    bases = [baseline(env, seed) for seed in seeds]
    return estimate(parse_challenge(challenge), traces, bases, resamples=200)
