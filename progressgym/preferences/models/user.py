"""A reward conditioned on who asks, distilled from a few of their answers (after Dang et al. 2025, arXiv 2501.06655).

    m = (w + c_u E) . (left - right),      c_u ~ N(0, I / spread)

w is what everybody shares, the `size` rows of E are the directions in which people differ. c = 0 is the unconditional
model; a way between two users' c is a way between their tastes. With one user, or size = 0, it is Bradley and Terry's to
the bit.

Differences from the paper: there a frozen vision model reads four pairs and its hidden state is the user; here a new user
is the mean of the known ones, each as likely as it makes the answers (`personal`), for any number of answers.

Legend of shapes: B sets, d features, U users, R = size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from progressgym.core.arguments import Within
from progressgym.core.late import Late
from progressgym.preferences.models.personal import PersonalModel

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")


Size = Annotated[int, Within(0, 64)]


@dataclass(kw_only=True)
class UserConditioned(PersonalModel):
    """A shared reward, and a few directions in which users differ."""

    size: Size = 4
    """Numbers that describe a user."""

    @property
    def coordinates(self) -> int:
        """R."""
        return self.size

    def shares(self, raw: Tensor) -> Tensor:
        """A user's numbers as they are."""
        return raw

    def start(self, pooled: Tensor, noise: Tensor) -> Tensor:
        """Everybody's mean, and any directions."""
        return torch.cat([pooled, noise.flatten()[None].expand(len(pooled), -1)], 1)
