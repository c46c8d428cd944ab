"""The learned agent: the same evidence as the Kalman filters, weighed over centuries by a small trained network.

Its weights come with the package (`progressgym/data/agents/attention-v1`, with a card) and are made by
`research.attention`. Legend of shapes: B episodes, N items, K options, D = 19.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from progressgym.agents.config import LearnedConfig
from progressgym.agents.filters.directions import Evidence
from progressgym.agents.filters.kalman import StanceFilter
from progressgym.agents.filters.posterior import TINY, Expectation
from progressgym.agents.learned.network import AHEAD, SEEN, Attention
from progressgym.agents.learned.weights import with_weights

WEIGHTS = "attention-v1"
ENOUGH = 2 * SEEN
"""With fewer residual degrees of freedom the scatter that the network reads is no estimate; then nothing is forecast."""


@lru_cache(maxsize=1)
def load_network() -> Attention:
    """The shipped network."""
    return with_weights(Attention(), WEIGHTS)


class AttentionAgent(StanceFilter):
    """Forecasts with the learned weights."""

    def __init__(self, name: str, config: LearnedConfig) -> None:
        """Name and configure the agent."""
        super().__init__(name, scale=config.scale, device=config.device, forecast=config.forecast)

    def expect(self, evidence: Evidence, target: int) -> Expectation:
        """What the network expects of a century; beyond its furthest horizon, what it expects there."""
        sampled = torch.full_like(evidence.free, float(self.sampled))
        ahead = min(max(target - evidence.signal.shape[-1], 0), AHEAD)
        network = load_network().to(evidence.free.device)
        mean, own = network(evidence, ahead, sampled)
        return Expectation(
            stance=_stance(mean, evidence),
            stance_variance=torch.zeros_like(evidence.strength),
            own_variance=own.clamp(max=10.0).exp() / evidence.unit.clamp(min=TINY),
            smoothed=self._smoothed(network, evidence, sampled),
        )

    def _smoothed(self, network: Attention, evidence: Evidence, sampled: Tensor) -> Tensor:
        """(B, D, t) what was to be expected of every century from those up to it: a filter, not a smoother."""
        seen = evidence.signal.shape[-1]
        path = []
        for t in range(1, seen + 1):
            mean, _ = network(evidence.during(slice(max(0, t - SEEN), t)), 0, sampled)
            path.append(_stance(mean, evidence))
        return torch.stack(path, -1)


def _stance(signal: Tensor, evidence: Evidence) -> Tensor:
    """Stance (B, D) of expected signals; 0 where nothing was asked, or too little to tell drift from noise."""
    informed = (evidence.strength > 0) & (evidence.free >= ENOUGH)[:, None]
    return torch.where(informed, signal / torch.where(informed, evidence.strength, 1.0), 0.0)
