"""References and baselines that every table shows: the floor, chance, and what the truth would have scored.

Legend of shapes: B episodes, T centuries, N items, K options.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from progressgym.agents.agent import Agent, Episodes, PrivilegedAgent
from progressgym.core.answers import centred_log
from progressgym.core.protocols import Observation
from progressgym.core.seeding import generator
from progressgym.envs.actions import to_action
from progressgym.envs.challenge import challenge_of

Floats = NDArray[np.floating]


class Static(Agent):
    """Answers as century 0 for ever: skill 0 by definition."""

    def begin(self, episodes: Episodes, seeds: list[int | None]) -> None:
        """Turn century 0's answers into an action once."""
        self._action = to_action(episodes.initial_answers)

    def answer(self, observation: Observation) -> Floats:
        """(B, N, K), the same every time."""
        return self._action


class Random(Agent):
    """Answers drawn evenly from all possible answers, anew for every item and century."""

    def begin(self, episodes: Episodes, seeds: list[int | None]) -> None:
        """Give every row a stream of its own."""
        self._streams = [
            np.random.default_rng() if seed is None else generator(seed, "agents", "random") for seed in seeds
        ]

    def answer(self, observation: Observation) -> Floats:
        """(B, N, K): logarithms of exponential variates, whose normalised form is even on the simplex."""
        shape = self.episodes.first.action_shape
        draws = np.stack([stream.random(shape) for stream in self._streams])
        return np.log(-np.log1p(-draws) + 1e-12)


class Oracle(PrivilegedAgent):
    """Answers with the truth that the challenge compares with: skill 1 by definition."""

    def answer(self, observation: Observation) -> Floats:
        """(B, N, K) the target century's own answers."""
        return to_action(_centuries(self.truth, _targets(self.episodes, observation)))


class LastHuman(PrivilegedAgent):
    """Answers with the true answers, evaluation items included, of the last century that was asked."""

    def answer(self, observation: Observation) -> Floats:
        """(B, N, K) the observed century's own answers."""
        return to_action(_centuries(self.truth, _seen(observation)))


class LastCentury(PrivilegedAgent):
    """Answers as the last century of all, from the start: what steering looks like in Coevolve."""

    def answer(self, observation: Observation) -> Floats:
        """(B, N, K) the last century's own answers, the same every time."""
        return to_action(self.truth[:, -1])


class LinearTrend(PrivilegedAgent):
    """Continues the least-squares line through the true log-probabilities of all centuries seen so far.

    With n + 1 centuries seen, the line is fitted to times 0..n and read at n + horizon, for every option by itself.
    """

    def answer(self, observation: Observation) -> Floats:
        """(B, N, K) log-probabilities on the line."""
        seen = _seen(observation)
        leads = _targets(self.episodes, observation) - seen
        rows = [
            _line(path[: n + 1], lead)
            for path, n, lead in zip(self._logs(), seen.tolist(), leads.tolist(), strict=True)
        ]
        return np.stack(rows)

    def _logs(self) -> NDArray[np.float64]:
        return centred_log(self.truth, self.episodes.instrument.mask)


def _seen(observation: Observation) -> NDArray[np.int64]:
    """(B,) the century that each row sees."""
    return np.asarray(observation["century"], dtype=np.int64).reshape(-1)


def _targets(episodes: Episodes, observation: Observation) -> NDArray[np.int64]:
    """(B,) the century that each row's answers are compared with."""
    task, challenge = episodes.first, challenge_of(episodes.first)
    compared = challenge.compared(task.steps, task.centuries)
    targets: NDArray[np.int64] = compared[np.minimum(_seen(observation) - challenge.first_shown, task.steps - 1)]
    return targets


def _centuries(truth: NDArray[np.float32], index: NDArray[np.int64]) -> NDArray[np.float32]:
    """(B, N, K) each row's answers of a century."""
    rows: NDArray[np.float32] = truth[np.arange(len(truth)), index]
    return rows


def _line(path: NDArray[np.float64], lead: int) -> NDArray[np.float64]:
    """Least-squares line through (n + 1, N, K), read `lead` steps after its end; a constant for a single point."""
    time = np.arange(len(path)) - (len(path) - 1) / 2
    spread = float((time * time).sum())
    slope = np.tensordot(time, path, 1) / spread if spread > 0 else np.zeros(path.shape[1:])
    value: NDArray[np.float64] = path.mean(0) + slope * ((len(path) - 1) / 2 + lead)
    return value
