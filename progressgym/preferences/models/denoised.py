"""Denoised preferences: how strong each one is, and what is done about those that look wrong (Wang et al. 2024, 2401.06080).

    strength     mu_q = mean over reward models that did not learn from pair q of their margin towards its preferred side,
                 s_q = its standard deviation
    flip         the weakest fifth by mu changes sides
    negative     those with mu < 0 do
    soft         where mu < 0 the label counts 1 - softness
    margin       L(m_q - mu_q): the stronger, the further apart (only where mu > 0)
    flip-margin, soft-margin     both

Differences from the paper. Its ten models see all pairs, in other orders and for one epoch, because a pair that has been
memorised has no strength. A convex loss has one minimum, whatever the order; so a model of ours sees a random half of the
pairs, and the strength of a pair is told by the models that did not see it. `models=0` is what such an ensemble tends to,
in closed form and at the price of one model: the margin without the pair, by one Newton step backwards, and Laplace's
posterior standard deviation,

    mu_q = m_q - h_q g_q / (1 - h_q b_q),    s_q = sqrt(h_q),    h_q = x_q . H^-1 x_q

with g and b the first and second derivative of the pair's loss and H the Hessian of all.

Whoever flips takes a vote for a mistake. Where people do differ, as in votes of three to one, that makes everybody sure: the
accuracy stays and the log-likelihood falls from -.60 to -2.2. So `soft` is the default, and flipping is asked for.

Legend of shapes: B sets, n pairs, d features, M models of the ensemble.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from progressgym.core.arguments import OneOf, Rule, Whole, Within, is_number
from progressgym.core.late import Late
from progressgym.losses import derivatives, loss_of
from progressgym.preferences.models.batch import Batch
from progressgym.preferences.models.feature import FeatureReward
from progressgym.preferences.models.fitted import Floats
from progressgym.preferences.models.newton import solve
from progressgym.preferences.pairs import Pairs

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")


POLICIES = ("none", "flip", "negative", "soft", "margin", "flip-margin", "soft-margin")
WEAKEST = 0.2
"""The share that `flip` flips, the paper's."""
Share = Annotated[float, Rule("a number from 0 to 1 is expected", lambda value: is_number(value) and 0 <= value <= 1)]


@dataclass(kw_only=True)
class Denoised(FeatureReward):
    """A linear reward that asks first which labels to believe; `policy=none` is Bradley and Terry's to the bit."""

    policy: Annotated[str, OneOf("policy", POLICIES)] = "soft"
    """What happens to weak preferences."""
    models: Annotated[int, Within(0, 100)] = 0
    """M of the ensemble; 0 for its closed form. The paper has 10."""
    softness: Share = 0.2
    """How much of a doubtful label goes to the other side."""
    seed: Whole = 0
    """Of the halves."""
    hidden: Annotated[int, Within(0, 0)] = 0
    """The reward is linear."""

    def solve(self, batch: Batch) -> Tensor:
        """(B, d)."""
        if self.policy == "none":
            return self._linear(batch)
        mu, _ = self.strength(batch)
        target, offset = self.labels(batch.target, batch.weight, mu)
        nowhere = torch.zeros_like(batch.left[:, 0])
        return solve(batch.difference, offset, target, batch.weight, nowhere, self.ridge, loss_of(self.loss))

    def labels(self, target: Tensor, weight: Tensor, mu: Tensor) -> tuple[Tensor, Tensor]:
        """What is learned from instead: targets (B, n), and offsets (B, n) of the margins."""
        believed = target
        if "flip" in self.policy or self.policy == "negative":
            weak = mu < 0
            if "flip" in self.policy:
                weak = mu <= torch.where(weight > 0, mu, torch.nan).nanquantile(WEAKEST, dim=1, keepdim=True)
            believed = torch.where(weak, 1.0 - target, target)
            mu = torch.where(weak, -mu, mu)
        if "soft" in self.policy:
            believed = torch.where(mu < 0, self.softness + (1.0 - 2.0 * self.softness) * target, target)
        side = torch.where(believed >= 0.5, 1.0, -1.0).to(mu)
        return believed, -side * mu.clamp(min=0.0) if "margin" in self.policy else torch.zeros_like(mu)

    def strength(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """mu and s, both (B, n), towards the side that each label prefers."""
        side = torch.where(batch.target >= 0.5, 1.0, -1.0).to(batch.target)
        margins, spread = self._ensemble(batch) if self.models else self._without(batch)
        return side * margins, spread

    def strength_of(self, pairs: Pairs) -> tuple[Floats, Floats]:
        """mu and s, both (n,), of one set of pairs."""
        mu, spread = self.strength(Batch.of(pairs))
        return mu[0].numpy(), spread[0].numpy()

    def _without(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Every pair's margin if it had not been there, and Laplace's standard deviation."""
        x, w = batch.difference, self._linear(batch)
        margins = (x @ w[..., None])[..., 0]
        slope, bend = derivatives(loss_of(self.loss), margins, batch.target, batch.weight)
        ridge = self.ridge * torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
        hessian = (x * bend[..., None]).transpose(1, 2) @ x + ridge
        leverage = (x * torch.linalg.solve(hessian, x.transpose(1, 2)).transpose(1, 2)).sum(-1)
        # A step back from the minimum of all to that of all the others: m - h (-g) / (1 - h b).
        return margins + leverage * slope / (1.0 - leverage * bend).clamp(min=1e-3), leverage.clamp(min=0.0).sqrt()

    def _ensemble(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation over the models that did not see a pair."""
        random = torch.Generator().manual_seed(self.seed)
        n = batch.target.shape[1]
        # Halves and their complements: every pair is unseen by as many models as see it.
        order = torch.rand((self.models + 1) // 2, n, generator=random).argsort(1) < n // 2
        seen = torch.cat([order, ~order])[: max(2, self.models)].to(batch.weight)
        margins = []
        for mask in seen:
            part = replace(batch, weight=batch.weight * mask)
            margins.append((batch.difference @ self._linear(part)[..., None])[..., 0])
        stack, unseen = torch.stack(margins), 1.0 - seen[:, None]
        count = unseen.sum(0).clamp(min=1.0)
        mean = (stack * unseen).sum(0) / count
        return mean, (((stack - mean) ** 2 * unseen).sum(0) / count).sqrt()
