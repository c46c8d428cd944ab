"""The stance policy: 19 numbers that shift the answers of century 0, for a whole batch of episodes at once.

    pi[i, k] ~ exp( c[i, k] + scale * Phi[i, k] . theta )

The same response model as `progressgym.instruments.StanceModel`, in torch and with a leading batch axis. theta = 0 is
century 0's own answers. Legend of shapes: B episodes, N items, K options, D = 19, Q comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from progressgym.core.answers import centred_log
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.stance_model import DEFAULT_SCALE
from progressgym.preferences.models.newton import GRID

JITTER = 1e-6
"""Ridge of a projection on the stances: the worldview block has a direction that moves no answer."""


@dataclass(kw_only=True, frozen=True, eq=False)
class StancePolicy:
    """A batch of policies around tables of their own."""

    loadings: Tensor
    """Phi (N, K, D) float64."""
    base: Tensor
    """c (B, N, K) centred log-probabilities of century 0; padded options 0."""
    scale: float = DEFAULT_SCALE
    """How far a unit of theta moves the logits."""

    @classmethod
    def of(
        cls,
        instrument: Questionnaire,
        answers: NDArray[np.float64],
        *,
        scale: float = DEFAULT_SCALE,
        device: torch.device | str = "cpu",
    ) -> StancePolicy:
        """Policies around answers (B, N, K)."""
        base = centred_log(answers, instrument.mask)
        return cls(
            loadings=torch.tensor(instrument.loadings, device=device),
            base=torch.tensor(base, device=device),
            scale=scale,
        )

    @property
    def design(self) -> Tensor:
        """scale * Phi, flat (N * K, D)."""
        return self.scale * self.loadings.flatten(0, 1)

    @cached_property
    def own_stance(self) -> Tensor:
        """(B, D) the stance that the base expresses already: least squares of its log-odds, on the solver's grid."""
        design = self.design
        identity = torch.eye(design.shape[1], dtype=design.dtype, device=design.device)
        inverse = torch.linalg.inv(design.T @ design + JITTER * identity)
        stance = (self.base.flatten(1)[:, :, None] * design).sum(1) @ inverse
        return torch.round(stance * GRID) / GRID

    def start(self) -> Tensor:
        """theta = 0 for every row, (B, D)."""
        return torch.zeros(len(self.base), self.loadings.shape[-1], dtype=self.base.dtype, device=self.base.device)

    def comparisons(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Features and offsets of the logit differences between two options.

        Args:
            pairs: (B, Q, 3) item, option a, option b.

        Returns:
            scale * (Phi_a - Phi_b) (B, Q, D) and c_a - c_b (B, Q).
        """
        item, a, b = pairs.unbind(-1)
        features = self.scale * (self.loadings[item, a] - self.loadings[item, b])
        row = torch.arange(len(pairs), device=pairs.device)[:, None]
        return features, self.base[row, item, a] - self.base[row, item, b]

    def logits(self, theta: Tensor) -> Tensor:
        """Unnormalised log-probabilities (B, N, K) of stances (B, D).

        Summed one dimension after the other, so that a row's bits do not depend on the batch around it.
        """
        total = self.base.clone()
        for d in range(self.loadings.shape[-1]):
            total += (self.scale * theta[:, d])[:, None, None] * self.loadings[..., d]
        return total
