"""What a seed decides on the board: the history, the questions, and what static and reference get. All of it replayed.

Legend of shapes: T centuries, n steps, N items, K options, Q asked pairs, D = 19.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import centred_log
from progressgym.core.files import canonical_json
from progressgym.envs.actions import to_action
from progressgym.envs.base import ProgressEnv
from progressgym.envs.challenge import Challenge, challenge_of
from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.leaderboard.board import Board, CellKey
from progressgym.preferences.comparisons import draw_labels, probabilities

Floats = NDArray[np.float64]
KEPT = 256
"""Episodes that a process keeps: all submissions share them. About 0.3 MB each."""


@dataclass(kw_only=True, frozen=True, eq=False)
class EpisodeTruth:
    """One episode as the board knows it."""

    challenge: Challenge
    history: History
    instrument: Questionnaire
    steps: int
    comparisons: str
    """sha256 of the history, the asked pairs and the labels that the seed decides."""
    queries: int
    """Comparisons shown in the episode."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n, N, K) of a cell's actions."""
        items, options = self.instrument.mask.shape
        return self.steps, int(items), int(options)

    @property
    def compared(self) -> NDArray[np.int64]:
        """(n,) century that each step is compared with."""
        return self.challenge.compared(self.steps, len(self.history))

    def static_actions(self) -> NDArray[np.float32]:
        """(n, N, K): century 0's answers for ever."""
        return np.repeat(to_action(self.history.answers[:1]), self.steps, axis=0)

    def reference_actions(self) -> NDArray[np.float32]:
        """(n, N, K): what the challenge's reference answers."""
        return to_action(self.challenge.reference(self.history.answers, self.steps))


@lru_cache(maxsize=KEPT)
def episode_truth(board: Board, key: CellKey) -> EpisodeTruth:
    """Replay what a cell's seed decides."""
    env = _environment(board, key.history, key.challenge, board.history_of(key))
    env.reset(seed=key.seed)
    return EpisodeTruth(
        challenge=challenge_of(env.task),
        history=env.history,
        instrument=env.history.instrument,
        steps=env.steps,
        comparisons=comparisons_digest(env),
        queries=env.steps * len(env.episode.pairs),
    )


def comparisons_digest(env: ProgressEnv) -> str:
    """sha256 of what an environment's last reset decided, for any agent alike.

    The labels of every century shown; where a simulated human depends on the agent, the random numbers behind its
    labels stand for them. Only exact arithmetic goes in, so the digest is the same on all machines.
    """
    episode = env.episode
    digest = hashlib.sha256()
    digest.update(canonical_json([env.challenge, episode.history.hash, env.task.rng_scheme, env.steps]).encode())
    digest.update(np.ascontiguousarray(episode.pairs, dtype="<i8").tobytes())
    digest.update(np.ascontiguousarray(episode.uniforms, dtype="<f8").tobytes())
    if not challenge_of(env.task).simulates_human:
        chances = probabilities(episode.history.answers[1 : 1 + env.steps], episode.pairs)
        labels = draw_labels(chances, str(env.task.parameters["labels"]), episode.uniforms[: env.steps])
        digest.update(np.ascontiguousarray(labels, dtype="<f4").tobytes())
    return digest.hexdigest()


def centred_truth(truth: EpisodeTruth) -> Floats:
    """(T, E, K) centred log-probabilities of every century on the evaluation items; 0 on padding."""
    instrument = truth.instrument
    items = instrument.evaluation
    return centred_log(truth.history.answers[:, items], instrument.mask[items])


@lru_cache(maxsize=32)
def _environment(board: Board, history: str, challenge: str, source: str) -> ProgressEnv:
    """An environment for replays; cells of one `source` share it, so the first seed that asks makes it."""
    keys = (CellKey(history, challenge, seed) for seed in board.seeds)
    return board.make(next(key for key in keys if board.history_of(key) == source))
