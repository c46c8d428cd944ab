"""What a learning agent makes of the labels that it sees: the series of every comparison of a batch.

Usually an entry is what the human said. Where the targets name a transform (`methods.stage.TRANSFORMS`) it is what that makes of
it: with `targets=debate`, who would win a debate about the two options before this human. Then the agent learns what can
be defended instead of what was answered.

Legend of shapes: B episodes, Q comparisons.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from progressgym.agents.agent import Episodes
from progressgym.agents.forecast import PreferenceSeries
from progressgym.agents.methods.stage import TRANSFORMS, Method
from progressgym.core.targets import load_target

Transform = Callable[[NDArray[np.floating]], NDArray[np.float32]]
"""Labels (B, Q) of a century -> choices (B, Q) in their place; made of an instrument and its pairs (B, Q, 3)."""


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
        target = TRANSFORMS.get(method.targets or "")
        self._method, self._device = method, device
        self._transform: Transform | None = (
            None if target is None else load_target(target)(episodes.instrument, episodes.pairs)
        )
        # What a transform makes is a choice, as a sampled label is.
        self.kind = episodes.label_kind if self._transform is None else "sample"
        """`probability` or `sample`: what entries are."""
        self._series = PreferenceSeries(self.kind, self._entries(episodes.initial_labels))

    def append(self, labels: ArrayLike) -> None:
        """Add a century's labels (B, Q)."""
        self._series.append(self._entries(labels))

    def terms(self) -> tuple[Tensor, Tensor]:
        """Targets and weights (B, Q) of the loss, see `forecast.loss_terms`."""
        method = self._method
        return self._series.terms(method.forecast, method.order, None if self._transform else method.targets)

    @property
    def entries(self) -> Tensor:
        """(B, Q, T) all that was said, see `forecast.series_of`."""
        return self._series.entries

    def said(self, row: int) -> NDArray[np.float64]:
        """(Q, T) the targets of one row of the batch in every century until now; NaN where nothing was said."""
        entries = self.entries[row].cpu()
        targets = torch.sigmoid(entries) if self.kind == "probability" else (1.0 + entries) / 2.0
        said: NDArray[np.float64] = targets.numpy()
        return said

    def _entries(self, labels: ArrayLike) -> Tensor:
        given = np.asarray(labels)
        return torch.tensor(given if self._transform is None else self._transform(given), device=self._device)
