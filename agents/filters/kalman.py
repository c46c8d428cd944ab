"""The Kalman agents: a Bayesian filter of the stance that forecasts the target century and says how sure it is.

    1. a century's labels become responses in log-odds, relative to century 0 (`Responses`)
    2. responses of all centuries are reduced to 19 independent directions and a residual scatter (`directions.collect`)
    3. models of drift are averaged by their evidence and read in the target century (`posterior.forecast`)
    4. answers: the expected choice of an item whose log-odds are uncertain, by the stance and by what is its own

With `common`, the stance has one coordinate more: a drift that all items share (`common_course`), expected to be so many
times as large as that of a single dimension. Slopes of items then shrink towards a common one.

Step 4 is why an uncertain forecast is a modest one: with log-odds of mean m and variance v the expected choice is
about sigma(m / sqrt(1 + pi v / 8)) (MacKay 1992).

Legend of shapes: B episodes, N items, K options, Q comparisons, D = 19, t centuries seen.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from progressgym.agents.agent import Agent, Episodes
from progressgym.agents.config import FilterConfig
from progressgym.agents.devices import choose_device
from progressgym.agents.filters.common import common_course
from progressgym.agents.filters.directions import Evidence
from progressgym.agents.filters.dynamics import BANKS, bank
from progressgym.agents.filters.posterior import Expectation, forecast
from progressgym.agents.filters.responses import Responses
from progressgym.agents.policies.stance_policy import StancePolicy
from progressgym.core.protocols import Observation
from progressgym.envs.challenge import challenge_of
from progressgym.preferences.models.newton import GRID


class StanceFilter(Agent):
    """Keeps the evidence and answers by an expectation; a subclass says what to expect."""

    def __init__(self, name: str, *, scale: float, device: str, forecast: int | None, common: float = 0.0) -> None:
        """Name and configure the agent."""
        super().__init__(name)
        self._scale, self._device, self._ahead, self._common = scale, device, forecast, common

    @property
    def belief(self) -> Expectation:
        """What the last answer was based on."""
        return self._belief

    @property
    def sampled(self) -> bool:
        """Whether labels are sampled."""
        return self._responses.kind == "sample"

    def begin(self, episodes: Episodes, seeds: list[int | None]) -> None:
        """Start from century 0: its answers are known, so the path of every coordinate begins at 0."""
        device = choose_device(self._device, len(episodes))
        self._policy = StancePolicy.of(episodes.instrument, episodes.initial_answers, scale=self._scale, device=device)
        if self._common:
            course = self._common * torch.tensor(common_course(episodes.instrument), device=device)
            self._policy = replace(self._policy, loadings=torch.cat([self._policy.loadings, course[..., None]], -1))
        self._responses = Responses.of(self._policy, episodes)
        self._mask = torch.tensor(episodes.instrument.mask, dtype=torch.float64, device=device)

    def expect(self, evidence: Evidence, target: int) -> Expectation:
        """What is expected of century `target`, given what the centuries before it say."""
        raise NotImplementedError

    def answer(self, observation: Observation) -> NDArray[np.floating]:
        """Learn from a century, then answer (B, N, K) for the target century."""
        self._responses.add(self.name, observation, self.episodes)
        task, seen = self.episodes.first, self._responses.seen
        ahead = challenge_of(task).ahead(seen, task.centuries) if self._ahead is None else self._ahead
        target = min(seen + ahead, task.centuries - 1)
        for _ in range(self._responses.rounds):
            evidence = self._responses.evidence()
            self._belief = self.expect(evidence, target)
            self._responses.expect(torch.bmm(evidence.directions, self._belief.smoothed))
        logits: NDArray[np.float64] = self._expected(evidence, self._belief).cpu().numpy()
        return logits

    def _expected(self, evidence: Evidence, belief: Expectation) -> Tensor:
        """(B, N, K) logits of the expected answers."""
        theta = torch.bmm(evidence.directions, belief.stance[..., None])[..., 0]
        logits = self._policy.logits(torch.round(theta * GRID) / GRID)
        scaled = self._policy.scale * self._policy.loadings.flatten(0, 1)
        along = torch.matmul(scaled, evidence.directions)  # (B, N * K, D)
        options = torch.matmul(along**2, belief.stance_variance[..., None]).reshape(logits.shape)
        # Twice the mean variance of the centred options is the mean variance of a difference of two.
        variance = 2.0 * (options * self._mask).sum(-1) / (self._mask.sum(-1) - 1.0) + belief.own_variance[:, None]
        variance = torch.round(variance * GRID) / GRID
        return logits / torch.sqrt(1.0 + math.pi / 8.0 * variance)[..., None]


class Kalman(StanceFilter):
    """Expects what state-space models of drift do, averaged by their evidence."""

    def __init__(self, name: str, config: FilterConfig) -> None:
        """Name and configure the agent."""
        super().__init__(name, scale=config.scale, device=config.device, forecast=config.forecast, common=config.common)
        self._families = BANKS[config.models]

    def begin(self, episodes: Episodes, seeds: list[int | None]) -> None:
        """Lay out the models for the length of the history."""
        super().begin(episodes, seeds)
        covariances, prior = bank(self._families, episodes.first.centuries)
        self._covariances = torch.tensor(covariances, device=self._mask.device)
        self._prior = torch.tensor(prior, device=self._mask.device)

    def expect(self, evidence: Evidence, target: int) -> Expectation:
        """The average of the models."""
        return forecast(evidence, self._covariances, self._prior, target, sampled=self.sampled)
