"""Labels as responses in log-odds, what a filter can be linear in.

Legend of shapes: B episodes, Q comparisons, D = 19, t centuries seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from progressgym.agents.agent import Episodes
from progressgym.agents.filters.directions import Evidence, collect
from progressgym.agents.policies.stance_policy import StancePolicy
from progressgym.core.errors import UserError
from progressgym.core.protocols import Observation
from progressgym.preferences.comparisons import CLIP

CLIPPED = 1.01 * CLIP
"""A probability this near to 0 or 1 only says that it is beyond the clip: its pair is left out."""
FAR = math.log((1.0 - CLIP) / CLIP)
"""The log-odds of the clip."""
ROUNDS = 2
"""How often the responses are linearised anew when the labels are sampled or some are missing."""


@dataclass(kw_only=True, eq=False)
class Responses:
    """The labels of a batch of episodes so far, and what is expected of them."""

    features: Tensor
    """x (B, Q, D)."""
    offsets: Tensor
    """(B, Q) log-odds in century 0."""
    share: Tensor
    """(B, Q) 2 / K: the K (K - 1) / 2 pairs of an item hold K - 1 numbers."""
    kind: str
    """`probability` or `sample`."""
    labels: list[Tensor] = field(default_factory=list)
    """t tensors (B, Q), NaN where missing."""
    expected: Tensor | None = None
    """(B, D, up to t) stance that is expected in the centuries seen."""

    @classmethod
    def of(cls, policy: StancePolicy, episodes: Episodes) -> Responses:
        """Nothing seen yet."""
        pairs = torch.tensor(episodes.pairs, device=policy.base.device)
        features, offsets = policy.comparisons(pairs)
        options = torch.tensor(episodes.instrument.option_counts, device=policy.base.device)[pairs[..., 0]]
        return cls(features=features, offsets=offsets, share=2.0 / options.to(offsets.dtype), kind=episodes.label_kind)

    @property
    def seen(self) -> int:
        """t."""
        return len(self.labels)

    @property
    def rounds(self) -> int:
        """How often to linearise."""
        whole = self.kind == "probability" and not bool(torch.isnan(torch.stack(self.labels)).any())
        return 1 if whole else ROUNDS

    def add(self, name: str, observation: Observation, episodes: Episodes) -> None:
        """Take a century's labels; one outside of [0, 1] counts as missing.

        Raises:
            UserError: other comparisons than the task's.
        """
        if not np.array_equal(observation["pairs"], episodes.pairs):
            raise UserError(f"{name} needs the same comparisons every century; these pairs are not the task's")
        given = torch.tensor(np.asarray(observation["labels"], dtype=np.float64), device=self.offsets.device)
        self.labels.append(torch.where((given >= 0) & (given <= 1), given, torch.nan))

    def expect(self, path: Tensor) -> None:
        """Linearise around a path (B, D, t) from now on."""
        self.expected = path

    def evidence(self) -> Evidence:
        """What the labels say so far. A missing one is filled with what is expected of it."""
        labels = torch.stack(self.labels, -1)
        guess = torch.bmm(self.features, self._path())
        if self.kind == "probability":
            inside = (labels > CLIPPED) & (labels < 1.0 - CLIPPED) | torch.isnan(labels)
            weights = torch.where(inside.all(-1), self.share, 0.0)
            moved = torch.logit(labels.clamp(CLIP, 1.0 - CLIP)) - self.offsets[..., None]
            responses = torch.where(torch.isnan(labels), guess, moved)
            return collect(self.features, responses, weights, weights.sum(-1))
        # Beyond the clip a guess would leave a label no weight and its response no bound.
        guess = (guess + self.offsets[..., None]).clamp(-FAR, FAR) - self.offsets[..., None]
        chance = torch.sigmoid(guess + self.offsets[..., None])
        weights = (chance * (1.0 - chance)).mean(-1)
        surprise = torch.where(torch.isnan(labels), 0.0, labels - chance)
        return collect(self.features, guess + surprise / weights[..., None], weights, (weights > 0).sum(-1))

    def _path(self) -> Tensor:
        """(B, D, t) what is expected; the newest century is expected to be as the one before."""
        if self.expected is None:
            return self.offsets.new_zeros(len(self.offsets), self.features.shape[-1], self.seen)
        missing = self.seen - self.expected.shape[-1]
        return torch.cat([self.expected, self.expected[..., -1:].expand(-1, -1, missing)], -1)
