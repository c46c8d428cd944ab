"""The agent `attention-v2`: the evidence of `kalman-pooled`, weighed over steps by a network that met many questionnaires.

Its weights come with the package (`progressgym/data/agents/attention-v2`, with a card) and are made by
`research.attention_v2`. Legend of shapes: B episodes, E = 20 coordinates, t steps seen.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from progressgym.agents.config import TransferConfig
from progressgym.agents.filters.directions import Evidence
from progressgym.agents.filters.kalman import StanceFilter
from progressgym.agents.filters.posterior import TINY, Expectation
from progressgym.agents.learned.transfer.network import SEEN, TransferAttention
from progressgym.agents.learned.weights import with_weights

WEIGHTS = "attention-v2"
COMMON = 4.0
"""Scale of the common coordinate, as in `kalman-pooled`: how large it is expected to be beside one dimension's."""
LEAST = 4
"""Residual degrees of freedom below which the scatter is no estimate of anything."""


@lru_cache(maxsize=1)
def load_network() -> TransferAttention:
    """The shipped network."""
    return with_weights(TransferAttention(), WEIGHTS)


class TransferAgent(StanceFilter):
    """Forecasts with weights that were learned over a distribution of questionnaires."""

    def __init__(self, name: str, config: TransferConfig) -> None:
        """Name and configure the agent."""
        super().__init__(name, scale=config.scale, device=config.device, forecast=config.forecast, common=COMMON)

    def expect(self, evidence: Evidence, target: int) -> Expectation:
        """What the network expects of a step; beyond its furthest horizon, what it expects there."""
        network = load_network().to(evidence.free.device)
        stance, own = self._look(network, evidence, max(target - evidence.signal.shape[-1], 0))
        steps = range(1, evidence.signal.shape[-1] + 1)
        return Expectation(
            stance=stance,
            stance_variance=torch.zeros_like(evidence.strength),
            own_variance=own.clamp(max=10.0).exp() / evidence.unit.clamp(min=TINY),
            smoothed=torch.stack([self._look(network, evidence.during(slice(t)), 0)[0] for t in steps], -1),
        )

    def _look(self, network: TransferAttention, evidence: Evidence, ahead: int) -> tuple[Tensor, Tensor]:
        """(B, E) stance so many steps after the last one seen, and (B,) log variance of a pair's own part."""
        rows, seen = evidence.free, evidence.signal.shape[-1]
        whole = torch.full_like(rows, ahead, dtype=torch.int64)
        before = torch.full_like(rows, max(seen - SEEN, 0))
        mean, own = network(evidence, whole, before, torch.full_like(rows, float(self.sampled)))
        informed = (evidence.strength > 0) & (rows >= LEAST)[:, None]
        return torch.where(informed, mean / torch.where(informed, evidence.strength, 1.0), 0.0), own
