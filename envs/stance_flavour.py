"""The numeric flavour: 19 numbers in, 19 numbers out, for reinforcement learning code as it is.

The action is a stance: how far to shift century 0's answers in each dimension. The observation is what the comparisons
say about each dimension, this century and the one before.

Legend of shapes: T centuries, Q asked comparisons, P all pairs, D = 19.
"""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.envs.base import DEFAULT_HISTORY, ProgressEnv
from progressgym.envs.comparison_evidence import differences, evidence, evidence_weights
from progressgym.envs.episode import Episode
from progressgym.envs.readout import Readout
from progressgym.histories.source import HistorySpec
from progressgym.instruments.stance_model import StanceModel
from progressgym.preferences.comparisons import MISSING

Floats = NDArray[np.float64]
THETA_SCALE = 2.0
"""theta of a full action: in one dimension it multiplies the odds of an option that upholds it against one that
violates it by exp(4). The drifts of the synthetic families stay within it."""
MOST_BOUND = 1e6
D = len(DIMENSIONS)


class StanceFlavour(ProgressEnv):
    """Mixed in before a challenge: numeric observations and actions."""

    def __init__(self, history: HistorySpec = DEFAULT_HISTORY, *, action_bound: float = 1.0, **arguments: Any) -> None:
        """Make one.

        Args:
            history: as of the challenge.
            action_bound: the number that is a full action. How far a stance reaches stays the same, so a larger bound
                makes the usual exploration with a standard deviation of 1 a smaller step.
            arguments: the challenge's own.

        Raises:
            UserError: a bound that is no number above 0.
        """
        if isinstance(action_bound, (bool, str)) or not 0.0 < action_bound <= MOST_BOUND:
            raise UserError(f"action_bound is {action_bound!r}; use a number above 0, such as 1 or 10")
        self.action_bound = float(action_bound)
        self.theta_scale = THETA_SCALE / self.action_bound
        super().__init__(history, **arguments)

    def _spaces(self) -> tuple[gym.Space[Any], gym.Space[Any]]:
        self._differences = differences(self._instrument.loadings, self._chooser.pairs)
        self._all_evidence = evidence_weights(self._differences)
        self._readout = Readout(self._instrument, self.rewarded)
        size = 2 * D + self._source.centuries
        return (
            gym.spaces.Box(-1.0, 1.0, (size,), dtype=np.float32),
            gym.spaces.Box(-self.action_bound, self.action_bound, (D,), dtype=np.float32),
        )

    def _learn(self, episode: Episode) -> None:
        self._base = self._readout.base(episode.initial_logits)
        self._model = StanceModel(self._instrument.loadings, self._instrument.mask, episode.initial_logits)
        super()._learn(episode)

    def _begin(self, episode: Episode) -> None:
        self._evidence = (
            self._all_evidence
            if len(episode.asked) == len(self._chooser.pairs)
            else evidence_weights(self._differences[episode.asked])
        )
        super()._begin(episode)
        self._seen = self._read(self._initial_labels())
        self._seen_index = -1

    def _observe(self, index: int) -> NDArray[np.float32]:
        if index != self._seen_index:
            self._before, self._seen, self._seen_index = self._seen, self._read(self._labels(index)), index
        observation = np.zeros(2 * D + self._source.centuries, dtype=np.float32)
        observation[:D] = self._seen
        observation[D : 2 * D] = self._before
        observation[2 * D + self._century(index)] = 1.0
        return observation

    def _values(self, action: Any) -> Floats:
        values: Floats = self._readout.values(self._theta(action), self._base)
        return values

    def _static_action(self, episode: Episode) -> Floats:
        return np.zeros(D)

    def _full_answers(self, action: Any) -> Floats:
        return self._model.answers(self._theta(action))

    def _theta(self, action: Any) -> Floats:
        theta = np.asarray(action, dtype=np.float64)
        if theta.shape != (D,):
            raise UserError(f"the action has shape {theta.shape}, expected ({D},)")
        if not math.isfinite(float(theta @ theta)):
            raise UserError(f"the action holds NaN or infinite numbers; give 19 numbers in {self.action_range}")
        scaled: Floats = self.theta_scale * np.minimum(np.maximum(theta, -self.action_bound), self.action_bound)
        return scaled

    @property
    def action_range(self) -> str:
        """What numbers an action holds, for errors."""
        return f"[-{self.action_bound:g}, {self.action_bound:g}]"

    def _read(self, labels: NDArray[np.float32]) -> Floats:
        """Evidence (D,) of labels (Q,); what was not asked says nothing."""
        if (labels == MISSING).any():
            asked = labels != MISSING
            weights = evidence_weights(self._differences[self.episode.asked] * asked[:, None])
            partial: Floats = evidence(np.where(asked, labels, 0.5), weights)
            return partial
        read: Floats = evidence(labels, self._evidence)
        return read
