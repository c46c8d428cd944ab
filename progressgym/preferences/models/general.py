"""General preferences: what is preferred may go round in a circle (Zhang et al. 2024, arXiv 2410.02197; arXiv 2605.17342).

    GPM   s(a > b) = sum_l g_l(c) (R v_la) . v_lb,     (R v) . w = v_0 w_1 - v_1 w_0,     v_l = V_l [x, 1]
    HRC   s(a > b) = g_0(c) (r_a - r_b) + the same,     r = w . x
    P(a over b) = sigma(s)

Every product is skew-symmetric: s(b > a) = -s(a > b), whatever is learned. With v = [r, 1] a product is r_a - r_b: GPM has
Bradley and Terry in it, HRC has them beside it, and is theirs with k = 0. The gate g(c) = j softmax(G c) of j parts says
which criterion a prompt asks for.

Differences from the paper: features instead of a language model's last hidden state; a ridge on V, which costs a circle as
much as the nuclear norm of its matrix, instead of vectors of norm 1 and a temperature; the search begins at Bradley and
Terry's optimum, and at the plane in which what they leave unexplained turns most, so that no seed matters (a search from
chance stays in local optima: .893 of a chain's pairs). With a gate the better of two ends counts.

Legend of shapes: B sets, n pairs, d features, k circles, c of the context.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from progressgym.core.arguments import Within
from progressgym.core.errors import UserError
from progressgym.core.late import Late
from progressgym.losses import derivatives, loss_of
from progressgym.preferences.models.batch import Batch
from progressgym.preferences.models.descent import Metric
from progressgym.preferences.models.fitted import FittedModel, Floats, curvature
from progressgym.preferences.models.newton import solve
from progressgym.preferences.pairs import Pairs

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")


Circles = Annotated[int, Within(0, 64)]
"""How many planes there are in which preferences turn."""


@dataclass(kw_only=True)
class GeneralPreference(FittedModel):
    """Preferences that may be cyclic.

    >>> ring = Pairs.of(np.eye(3), np.eye(3)[[1, 2, 0]])  # rock, paper, scissors: each loses to the next but one
    >>> bool((GeneralPreference().fit(ring).margin(ring) > 0).all())
    True
    """

    k: Circles = 1
    """Planes; each holds circles of any length."""
    transitive: bool = True
    """Whether a reward stands beside the circles (HRC) or has to be one of them (GPM)."""
    gate: bool = False
    """Whether the context says how much each part counts."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        super().__post_init__()
        if self.k == 0 and not self.transitive:
            raise UserError("k is 0; without a reward there is nothing left to learn: use 1 or more")

    def begin(self, batch: Batch) -> Tensor:
        """Bradley and Terry's optimum, every circle the steepest one beside it."""
        return self._starts(batch)[0]

    def solve(self, batch: Batch) -> Tensor:
        """(B, P)."""
        if self.k == 0 and not self._gated(batch):
            return self._reward(batch)
        return self.best(batch, self._starts(batch))

    def metric(self, start: Tensor, batch: Batch) -> Metric | None:
        """The inverse Hessian by blocks, one for the reward and one for each vector of a plane, by the margins' own slopes."""
        d, c = batch.left.shape[-1], batch.context.shape[-1]
        reward, planes, _ = self._parts(start, d, c)
        _, bend = derivatives(loss_of(self.loss), self.margins(start, batch), batch.target, batch.weight)
        left, right = (
            torch.nn.functional.pad(x, (0, planes.shape[-1] - d), value=1.0) for x in (batch.left, batch.right)
        )
        a, b = (self._embed(planes, side)[..., None] for side in (batch.left, batch.right))
        blocks = [] if reward is None else [curvature(batch.difference, bend, self.ridge)]
        for k in range(self.k):
            blocks.append(curvature(left * b[:, :, k, 1] - right * a[:, :, k, 1], bend, self.ridge))
            blocks.append(curvature(right * a[:, :, k, 0] - left * b[:, :, k, 0], bend, self.ridge))

        def near(slope: Tensor) -> Tensor:
            done, at = [], 0
            for block in blocks:
                done.append((block @ slope[:, at : at + block.shape[1], None])[..., 0])
                at += block.shape[1]
            return torch.cat([*done, slope[:, at:] / self.ridge], 1)

        return near

    def margins(self, parameters: Tensor, batch: Batch) -> Tensor:
        """s (B, n)."""
        reward, planes, gate = self._parts(parameters, batch.left.shape[-1], batch.context.shape[-1])
        parts = []
        if reward is not None:
            parts.append((batch.difference @ reward[..., None])[..., 0])
        if self.k:
            a, b = (self._embed(planes, side) for side in (batch.left, batch.right))
            parts += list((a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).unbind(-1))
        if gate is None:
            return torch.stack(parts).sum(0)
        shares = len(parts) * torch.softmax(batch.context @ gate, -1)
        return (torch.stack(parts, -1) * shares).sum(-1)

    def table(self, features: Floats, context: Floats | None = None) -> Floats:
        """Log-odds (m, m) that the row is preferred to the column, for things (m, d) in one context (c,)."""
        m = len(features)
        row, column = (part.ravel() for part in np.indices((m, m)))
        around = None if context is None else np.tile(context, (m * m, 1))
        return self.margin(Pairs.of(features[row], features[column], context=around)).reshape(m, m)

    def transitive_share(self, features: Floats, context: Floats | None = None) -> float:
        """How much of the preferences among things (m, d) one reward explains, in squares of log-odds; NaN without any.

        The reward is each thing's mean margin (Jiang et al. 2011, arXiv 0811.1067): the rest goes round in circles.
        """
        table = self.table(features, context)
        rewards = table.mean(1)
        whole = float((table**2).sum())
        return float(((rewards[:, None] - rewards) ** 2).sum()) / whole if whole else float("nan")

    def _gated(self, batch: Batch) -> bool:
        return self.gate and batch.context.shape[-1] > 0

    def _reward(self, batch: Batch) -> Tensor:
        """w (B, d) of Bradley and Terry."""
        nothing, nowhere = torch.zeros_like(batch.target), torch.zeros_like(batch.left[:, 0])
        return solve(batch.difference, nothing, batch.target, batch.weight, nowhere, self.ridge, loss_of(self.loss))

    def _starts(self, batch: Batch) -> list[Tensor]:
        reward = self._reward(batch)
        count, extra = len(batch), 0 if self.transitive else 1
        left, right = (torch.nn.functional.pad(side, (0, extra), value=1.0) for side in (batch.left, batch.right))
        slope, _ = derivatives(
            loss_of(self.loss), (batch.difference @ reward[..., None])[..., 0], batch.target, batch.weight
        )
        turning = (left * -slope[..., None]).transpose(1, 2) @ right
        first, size, second = torch.linalg.svd(turning - turning.transpose(1, 2))
        # Singular values of a skew matrix come in twos, and so do the planes.
        most = min(self.k, size.shape[-1] // 2)
        planes = torch.zeros(count, self.k, 2, left.shape[-1], dtype=left.dtype, device=left.device)
        # Small: far from the origin the squares of the prior would outweigh what is learned.
        planes[:, :most, 0] = 0.3 * first[..., 0 : 2 * most : 2].transpose(1, 2)
        planes[:, :most, 1] = 0.3 * second[:, 0 : 2 * most : 2]
        gates = torch.zeros(count, self._gates(batch.context.shape[-1]), dtype=left.dtype, device=left.device)
        if self.transitive:
            return [torch.cat([reward, planes.flatten(1), gates], 1)]
        # v = [r, 1] as evenly as the prior likes it, a bit of the circle beside it.
        chain = 0.1 * planes
        size = reward.norm(dim=-1, keepdim=True).clamp(min=1e-6).sqrt()
        chain[:, 0, 0, :-1] += reward / size
        chain[:, 0, 1, -1] += size[:, 0]
        start = torch.cat([chain.flatten(1), gates], 1)
        return [start, self._by_prompt(batch, reward, slope)] if self._gated(batch) else [start]

    def _by_prompt(self, batch: Batch, reward: Tensor, slope: Tensor) -> Tensor:
        """A start for criteria that depend on the prompt: rewards to both sides of the common one, where prompts differ most."""
        about = (batch.context * -slope[..., None]).transpose(1, 2) @ batch.difference
        prompts, _, rewards = torch.linalg.svd(about, full_matrices=False)
        planes = torch.zeros(len(batch), self.k, 2, reward.shape[1] + 1, dtype=reward.dtype, device=reward.device)
        gates = torch.zeros(len(batch), batch.context.shape[-1], self.k, dtype=reward.dtype, device=reward.device)
        for part in range(self.k):
            row, side = min(part // 2, rewards.shape[1] - 1), 1.0 if part % 2 == 0 else -1.0
            planes[:, part, 0, :-1] = reward / self.k + side * rewards[:, row]
            planes[:, part, 1, -1] = 1.0
            gates[:, :, part] = side * prompts[..., row]
        return torch.cat([planes.flatten(1), gates.flatten(1)], 1)

    def _gates(self, context: int) -> int:
        return context * (self.k + self.transitive) if self.gate else 0

    def _parts(self, parameters: Tensor, d: int, c: int) -> tuple[Tensor | None, Tensor, Tensor | None]:
        """Reward (B, d), planes (B, k, 2, d or d + 1) and gate (B, c, parts)."""
        own = d if self.transitive else 0
        wide = d + (not self.transitive)
        reward, planes, gate = torch.split(parameters, [own, self.k * 2 * wide, self._gates(c)], 1)
        shaped = planes.reshape(len(parameters), self.k, 2, wide)
        parts = self.k + self.transitive
        return reward if own else None, shaped, gate.reshape(len(parameters), c, parts) if self.gate and c else None

    def _embed(self, planes: Tensor, side: Tensor) -> Tensor:
        """v (B, n, k, 2)."""
        flat = planes.flatten(1, 2).transpose(1, 2)
        vectors = side @ flat[:, : side.shape[-1]]
        if not self.transitive:
            vectors = vectors + flat[:, None, -1]
        return vectors.reshape(*vectors.shape[:-1], self.k, 2)
