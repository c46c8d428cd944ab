"""What a learning agent makes of the labels that it sees: the series of every comparison of a batch.

Usually an entry is what the human said. With `targets=debate` it is who would win a debate about the two options before
this human (`agents.debate.labels`): the agent learns what can be defended instead of what was answered.

Legend of shapes: B episodes, Q comparisons.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from progressgym.agents.agent import Episodes
from progressgym.agents.debate.labels import DebatedLabels
from progressgym.agents.forecast import PreferenceSeries
from progressgym.agents.methods.stage import DEBATE, Method


class LabelSeries:
    """The labels of a batch, century by century, as a method wants them."""

    def __init__(self, episodes: Episodes, method: Method, device: str | torch.device = "cpu") -> None:
        """Begin with century 0.

        Args:
            episodes: the batch.
            method: its `targets`, `forecast` and `order` count.
            device: of the tensors.

        Raises:
            UserError: debates about items whose options have too few tags.
        """
        debated = method.targets == DEBATE
        self._method, self._device = method, device
        self._debate = DebatedLabels(episodes.instrument, episodes.pairs) if debated else None
        # The winner of a debate is a choice, as a sampled label is.
        self.kind = "sample" if debated else episodes.label_kind
        """`probability` or `sample`: what entries are."""
        self._series = PreferenceSeries(self.kind, self._entries(episodes.initial_labels))

    def append(self, labels: ArrayLike) -> None:
        """Add a century's labels (B, Q)."""
        self._series.append(self._entries(labels))

    def terms(self) -> tuple[Tensor, Tensor]:
        """Targets and weights (B, Q) of the loss, see `forecast.loss_terms`."""
        method = self._method
        return self._series.terms(method.forecast, method.order, None if self._debate else method.targets)

    def _entries(self, labels: ArrayLike) -> Tensor:
        given = np.asarray(labels)
        return torch.tensor(given if self._debate is None else self._debate(given), device=self._device)
