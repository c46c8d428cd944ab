"""The learning agents: forecast rule over the preference history x alignment method x stance policy x restart rule.

One class serves lifelong (forecast = order = 0) and extrapolative agents, iterative and independent ones, with MAP,
DPO, RLHF or a method of your own, for one episode or a batch of them. Legend of shapes: B episodes, Q comparisons, D = 19.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from progressgym.agents.agent import Agent, Episodes
from progressgym.agents.devices import choose_device
from progressgym.agents.methods.stage import Method, Stage
from progressgym.agents.policies.stance_policy import StancePolicy
from progressgym.agents.series import LabelSeries
from progressgym.core.errors import UserError
from progressgym.core.protocols import Observation


class Learner(Agent):
    """Learns a stance from each century's comparisons."""

    def __init__(self, name: str, method: Method) -> None:
        """Name the agent, and say how it learns."""
        super().__init__(name)
        self.method = method

    @property
    def theta(self) -> NDArray[np.float64]:
        """(B, D) the current stance."""
        stance: NDArray[np.float64] = self._theta.cpu().numpy().copy()
        return stance

    def begin(self, episodes: Episodes, seeds: list[int | None]) -> None:
        """Start from century 0: its answers are the policy, its labels the first entries of the series."""
        method = self.method
        device = choose_device(method.device, len(episodes))
        self._policy = StancePolicy.of(episodes.instrument, episodes.initial_answers, scale=method.scale, device=device)
        self._theta = self._policy.start()
        self._features, self._offsets = self._policy.comparisons(torch.tensor(episodes.pairs, device=device))
        self._series = LabelSeries(episodes, method, device)

    def answer(self, observation: Observation) -> NDArray[np.floating]:
        """Learn from a century, then answer (B, N, K)."""
        if not np.array_equal(observation["pairs"], self.episodes.pairs):
            raise UserError(f"{self.name} needs the same comparisons every century; these pairs are not the task's")
        self._series.append(observation["labels"])
        targets, weights = self._series.terms()
        stage = Stage(
            features=self._features,
            offsets=self._offsets,
            targets=targets,
            weights=weights,
            start=self._policy.start() if self.method.independent else self._theta,
            kind=self._series.kind,
            policy=self._policy,
        )
        self._theta = self.method.update(stage)
        logits: NDArray[np.float64] = self._policy.logits(self._theta).cpu().numpy()
        return logits
