"""The learning agents: forecast rule over the preference history x alignment method x stance policy x restart rule.

One class serves lifelong (forecast = order = 0) and extrapolative agents, iterative and independent ones, with MAP,
DPO or RLHF, for one episode or a batch of them. Legend of shapes: B episodes, Q comparisons, D = 19.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from progressgym.agents.agent import Agent, Episodes
from progressgym.agents.align import base_stance, dpo_update, map_update, rlhf_update
from progressgym.agents.config import PRIOR, LearnerConfig
from progressgym.agents.devices import choose_device
from progressgym.agents.policies.stance import StancePolicy
from progressgym.agents.series import LabelSeries
from progressgym.core.errors import UserError
from progressgym.core.protocols import Observation


class Learner(Agent):
    """Learns a stance from each century's comparisons."""

    def __init__(self, name: str, config: LearnerConfig) -> None:
        """Name and configure the agent."""
        super().__init__(name)
        self.config = config

    @property
    def theta(self) -> NDArray[np.float64]:
        """(B, D) the current stance."""
        stance: NDArray[np.float64] = self._theta.cpu().numpy().copy()
        return stance

    def begin(self, episodes: Episodes, seeds: list[int | None]) -> None:
        """Start from century 0: its answers are the policy, its labels the first entries of the series."""
        config = self.config
        device = choose_device(config.device, len(episodes))
        self._policy = StancePolicy.of(episodes.instrument, episodes.initial_answers, scale=config.scale, device=device)
        self._theta = self._policy.start()
        self._features, self._offsets = self._policy.comparisons(torch.tensor(episodes.pairs, device=device))
        self._series = LabelSeries(episodes, config, device)
        uniform = config.method == "rlhf" and config.reference == "uniform"
        self._base = base_stance(self._policy.design, self._policy.base.flatten(1)) if uniform else None

    def answer(self, observation: Observation) -> NDArray[np.floating]:
        """Learn from a century, then answer (B, N, K)."""
        if not np.array_equal(observation["pairs"], self.episodes.pairs):
            raise UserError(f"{self.name} needs the same comparisons every century; these pairs are not the task's")
        self._series.append(observation["labels"])
        targets, weights = self._series.terms()
        start = self._policy.start() if self.config.independent else self._theta
        self._theta = self._align(targets, weights, start)
        logits: NDArray[np.float64] = self._policy.logits(self._theta).cpu().numpy()
        return logits

    def _align(self, targets: Tensor, weights: Tensor, start: Tensor) -> Tensor:
        """One stage of the alignment method: a new stance (B, D)."""
        config, features, offsets = self.config, self._features, self._offsets
        if config.method == "map":
            prior = PRIOR[self._series.kind] if config.prior is None else config.prior
            return map_update(features, offsets, targets, weights, start, prior=prior)
        if config.method == "dpo":
            uniform = config.reference == "uniform"
            return dpo_update(
                features,
                offsets,
                targets,
                weights,
                start,
                beta_dpo=config.beta_dpo,
                ridge=config.ridge,
                uniform=uniform,
            )
        return rlhf_update(
            features, targets, weights, start, beta_kl=config.beta_kl, ridge=config.ridge, unexplained=self._base
        )
