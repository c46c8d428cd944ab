"""The network of a trained debater: what it sees -> which piece to show, and how the debate will end for it.

    logit of piece n = actor(seen)_n + 10 k (own lead after piece n - own lead now),      k learned, 0 at first

k is the same for every piece and patient, so that it is learned from all of them at once; at first all pieces are about
alike, and whether it is good to be greedy is to be found out.

Legend of shapes: B games, W width of what a debater sees (`view.debater_view`), N pieces.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn

HIDDEN_MARGIN = -1e9
"""Logit of a piece that is on the table already."""
GREED_SCALE = 10.0
"""Adam moves a weight by about its learning rate a step; this one has a long way to go."""


class DebaterNet(nn.Module):
    """Actor and critic, apart from each other: two hidden layers each, ReLU, orthogonal weights as in the paper."""

    def __init__(self, width: int, pieces: int, hidden: int = 128) -> None:
        """Make a network.

        Args:
            width: W, more than N.
            pieces: N.
            hidden: units of each hidden layer (512 in the paper, whose networks train hours, not minutes).
        """
        super().__init__()
        self.width, self.pieces, self.hidden = width, pieces, hidden
        # A small last layer: at first every piece is about as likely as any other.
        self.actor = _perceptron(width, hidden, pieces, gain=0.01)
        # The critic is thrown away after training; half the width halves a third of the work.
        self.critic = _perceptron(width, max(hidden // 2, 1), 1, gain=1.0)
        self.greed = nn.Parameter(torch.zeros(()))

    def log_probs(self, seen: Tensor, mask: Tensor) -> Tensor:
        """(B, N) log-probability of each piece.

        Args:
            seen: (B, W); its last N + 1 columns are the leads after each piece and now.
            mask: (B, N) True on pieces that may be shown.
        """
        gained = seen[:, -1 - self.pieces : -1] - seen[:, -1:]
        logits = self.actor(seen) + GREED_SCALE * self.greed * gained
        return torch.log_softmax(logits.masked_fill(~mask, HIDDEN_MARGIN), dim=1)

    def values(self, seen: Tensor) -> Tensor:
        """(B,) what the debater still expects to gain."""
        expected: Tensor = self.critic(seen)[:, 0]
        return expected


def _perceptron(width: int, hidden: int, out: int, *, gain: float) -> nn.Sequential:
    layers = nn.Sequential(
        nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, out)
    )
    for index, layer in enumerate(layers):
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, gain if index == len(layers) - 1 else sqrt(2))
            nn.init.zeros_(layer.bias)
    return layers
