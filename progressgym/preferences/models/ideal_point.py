"""PAL: everybody's ideal point is a mixture of a few shared prototypes (Chen et al. 2025, arXiv 2406.08469).

    z_u = sum_k w_uk p_k,      w_u = softmax(a_u) on the simplex of K prototypes

    dot    m = z_u . (left - right)                          (the paper's model B, without its unit norms)
    norm   m = |right - z_u| - |left - z_u|                  (its model A)

With K = 1 and `dot` all users are one, Bradley and Terry's to the bit. In time users are centuries, and w_t is a path on
the simplex.

Differences from the paper: features stand where its two networks are; cross-entropy instead of a hinge; a new user is
placed by the likelihood of their answers under those who are known (`personal`) instead of by twenty rounds of gradient
descent, which forget how rare an extreme mixture is: on 2,000 people .789 instead of .786 after 20 answers, .746 instead of
.722 after 4.

Legend of shapes: B sets, n pairs, d features, U users, K prototypes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from progressgym.core.arguments import OneOf, Positive, Within
from progressgym.core.late import Late
from progressgym.preferences.models.batch import Batch
from progressgym.preferences.models.personal import PersonalModel

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")


Prototypes = Annotated[int, Within(1, 64)]
"""How many sorts of people there are."""


@dataclass(kw_only=True)
class IdealPoint(PersonalModel):
    """Mixtures of prototypes.

    >>> import numpy as np
    >>> from progressgym.preferences.pairs import Pairs
    >>> pairs = Pairs.of([[1.0], [1.0]] * 9, [[0.0], [0.0]] * 9, target=[1.0, 0.0] * 9, group=[4, 7] * 9)
    >>> model = IdealPoint(k=2).fit(pairs)
    >>> bool((np.sign(model.margin(pairs)) == [1.0, -1.0] * 9).all())  # two people who want the opposite
    True
    """

    k: Prototypes = 2
    """Prototypes."""
    distance: Annotated[str, OneOf("distance", ("dot", "norm"))] = "dot"
    """How an ideal point values a thing: by their product, or by how near it is."""
    ridge: Positive = 0.1
    """Precision of the Gaussian prior of prototypes around 0."""

    @property
    def coordinates(self) -> int:
        """K, or 0 where one product explains everybody."""
        return 0 if self.k == 1 and self.distance == "dot" else self.k

    def basis(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """No offset, and the prototypes."""
        prototypes = theta.reshape(len(theta), self.k, -1)
        return torch.zeros_like(prototypes[:, 0]), prototypes

    def shares(self, raw: Tensor) -> Tensor:
        """A mixture."""
        return torch.softmax(raw, -1)

    def start(self, pooled: Tensor, noise: Tensor) -> Tensor:
        """Prototypes around everybody's mean."""
        return (pooled[:, None] + noise).flatten(1)

    def margins_of_users(self, offset: Tensor, basis: Tensor, c: Tensor, batch: Batch, group: Tensor | None) -> Tensor:
        """Margins, see `PersonalModel.margins_of_users`."""
        if self.distance == "dot":
            return super().margins_of_users(offset, basis, c, batch, group)
        z = c @ basis
        if group is None:
            apart: Tensor = torch.cdist(z, batch.right) - torch.cdist(z, batch.left)
            return apart
        at = z[:, group]
        nearer: Tensor = (batch.right - at).norm(dim=-1) - (batch.left - at).norm(dim=-1)
        return nearer

    def apart(self, vectors: Tensor, batch: Batch) -> Tensor:
        """Margins (U, n) of every user for every pair."""
        if self.distance == "dot":
            return super().apart(vectors, batch)
        nearer: Tensor = torch.cdist(vectors, batch.right[0]) - torch.cdist(vectors, batch.left[0])
        return nearer
