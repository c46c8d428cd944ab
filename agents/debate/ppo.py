"""Proximal policy optimisation with action masks (Schulman et al. 2017; Huang & Ontanon 2020), in whole batches.

All games of a batch have the same number of turns, so a debater's steps are an array (T, B): no bootstrapping, no
padding, no buffer. That, and one judge call a turn for all games, is what a general implementation over single
environments cannot do; `benchmarks/debate_training.py` shows the difference.

What differs from the paper: both options are visible, the payoff is shaped, gamma 1, learning rate 1e-3, hidden 128,
clip .2. With the paper's recipe a debater hardly learns in minutes (its own runs take millions of steps).

Legend of shapes: T own turns, B games, W width of what a debater sees, N pieces.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from progressgym.agents.debate.network import DebaterNet


@dataclass(kw_only=True, frozen=True)
class PpoRecipe:
    """How a debater learns."""

    hidden: int = 128
    """Units of each hidden layer."""
    learning_rate: float = 1e-3
    """Of Adam at the start; it falls linearly to a tenth."""
    clip: float = 0.2
    """How far the probability ratio may go from 1 before its gradient is cut."""
    gae: float = 0.9
    """Lambda of generalised advantage estimation; gamma is 1, debates are short."""
    entropy: float = 0.003
    """Weight of the entropy bonus."""
    epochs: int = 3
    """Passes over a batch."""
    minibatch: int = 512
    """Steps a gradient step sees."""
    gradient_norm: float = 1.0
    """Gradients are cut to this norm."""
    weight_decay: float = 0.0
    """Decoupled weight decay (AdamW); it helps debaters on states that they were not trained on."""


@dataclass(kw_only=True, frozen=True, eq=False)
class Steps:
    """One debater's own turns in a batch of games."""

    seen: Tensor
    """(T, B, W) float32."""
    masks: Tensor
    """(T, B, N) True on pieces that could be shown."""
    actions: Tensor
    """(T, B) int64 pieces shown."""
    rewards: Tensor
    """(T, B) float32 what came in from this turn until the next own one."""


@dataclass(kw_only=True, frozen=True)
class Learned:
    """What an update was like."""

    loss: float
    """Of the policy, mean over minibatches."""
    value_loss: float
    """Mean squared error of the critic."""
    entropy: float
    """In nats."""
    divergence: float
    """Approximate KL divergence of the new policy from the old."""


class PpoLearner:
    """A network and its optimiser."""

    def __init__(self, net: DebaterNet, recipe: PpoRecipe, *, updates: int, seed: int) -> None:
        """Prepare.

        Args:
            net: what learns.
            recipe: how.
            updates: how many updates there will be, for the schedule of the learning rate.
            seed: of the minibatches.
        """
        self.net, self.recipe, self.updates = net, recipe, updates
        self.optimizer = torch.optim.AdamW(
            net.parameters(), lr=recipe.learning_rate, eps=1e-5, weight_decay=recipe.weight_decay
        )
        self.done = 0
        self._shuffle = torch.Generator().manual_seed(seed)

    def update(self, steps: Steps) -> Learned:
        """Learn from a batch."""
        rate = self.recipe.learning_rate * max(1.0 - 0.9 * self.done / max(self.updates, 1), 0.1)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        seen, masks, actions = steps.seen.flatten(0, 1), steps.masks.flatten(0, 1), steps.actions.flatten()
        with torch.no_grad():
            old = _chosen(self.net.log_probs(seen, masks), actions)
            before = self.net.values(seen)
            gains = advantages(steps.rewards, before.view_as(steps.rewards), self.recipe.gae).flatten()
        targets = gains + before
        gains = (gains - gains.mean()) / (gains.std() + 1e-8)
        statistics = []
        for _ in range(self.recipe.epochs):
            order = torch.randperm(len(actions), generator=self._shuffle)
            for rows in torch.split(order, self.recipe.minibatch):
                statistics.append(
                    self._step(seen[rows], masks[rows], actions[rows], old[rows], gains[rows], targets[rows])
                )
        self.done += 1
        mean = torch.stack(statistics).mean(0).tolist()
        return Learned(loss=mean[0], value_loss=mean[1], entropy=mean[2], divergence=mean[3])

    def _step(
        self, seen: Tensor, masks: Tensor, actions: Tensor, old: Tensor, gains: Tensor, targets: Tensor
    ) -> Tensor:
        log_probs = self.net.log_probs(seen, masks)
        change = _chosen(log_probs, actions) - old
        policy = clipped_loss(change, gains, self.recipe.clip)
        entropy = -(log_probs.exp() * log_probs.clamp(min=-50.0)).sum(1).mean()
        value = nn.functional.mse_loss(self.net.values(seen), targets)
        self.optimizer.zero_grad(set_to_none=True)
        (policy + 0.5 * value - self.recipe.entropy * entropy).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.gradient_norm)
        self.optimizer.step()
        divergence = (change.exp() - 1.0 - change).mean()
        return torch.stack([policy, value, entropy, divergence]).detach()


def clipped_loss(change: Tensor, gains: Tensor, clip: float) -> Tensor:
    """-mean min(ratio * gain, clip(ratio, 1 - clip, 1 + clip) * gain) (Schulman et al. 2017, equation 7).

    Args:
        change: (n,) log of the probability ratio new / old.
        gains: (n,) advantages.
        clip: epsilon.
    """
    ratio = change.exp()
    return -torch.minimum(ratio * gains, ratio.clamp(1.0 - clip, 1.0 + clip) * gains).mean()


def advantages(rewards: Tensor, values: Tensor, gae: float) -> Tensor:
    """Generalised advantage estimates with gamma 1 of complete games (Schulman et al. 2016, equation 16).

    Args:
        rewards: (T, B).
        values: (T, B) the critic's.
        gae: lambda.

    Returns:
        (T, B).
    """
    following = torch.cat([values[1:], torch.zeros_like(values[:1])])
    surprises = rewards + following - values
    rows, carried = [], torch.zeros_like(values[0])
    for surprise in surprises.flip(0):
        carried = surprise + gae * carried
        rows.append(carried)
    return torch.stack(rows[::-1])


def _chosen(log_probs: Tensor, actions: Tensor) -> Tensor:
    return log_probs.gather(1, actions[:, None])[:, 0]
