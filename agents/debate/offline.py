"""The paper's learner: a dueling double DQN with n-step returns and prioritised replay, on recorded episodes only.

Dueling heads (Wang et al. 2016), double targets (van Hasselt et al. 2016), proportional priorities (Schaul et al. 2016),
n-step returns without correction (Hessel et al. 2018), network and numbers of Sukovic and Radanovic (ICLR 2024). The
process has few states, so the policy learned is read off at all of them and assessed exactly.

What differs from the paper: the number of steps is an argument (25,000 there), and so is the scale of the debate's
reward (5 there).

Several learners (lambdas, seeds) learn side by side in one stack of networks, none knowing of the others.

Legend of shapes: M learners, n recorded steps, B steps of a batch, S states, F features, A actions, H hidden units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from progressgym.core.debate import Bools, Floats, Ints
from progressgym.core.seeding import child_seed, generator
from progressgym.envs.sepsis.sparse import Rollouts

LEAST_PRIORITY = 1e-3
"""Added to each priority, so that nothing is forgotten."""


@dataclass(kw_only=True, frozen=True)
class DqnRecipe:
    """How the policy learns; the defaults are the paper's, but for the number of steps."""

    steps: int = 6000
    """Gradient steps."""
    batch: int = 256
    """Recorded steps of each."""
    learning_rate: float = 1e-4
    """Of Adam."""
    gamma: float = 0.99
    """Discount."""
    n_step: int = 6
    """Rewards that a return holds before it bootstraps."""
    polyak: float = 1e-3
    """How far the target network moves each step."""
    alpha: float = 0.6
    """Exponent of the priorities."""
    beta: float = 0.9
    """Exponent of the weights that make up for them."""
    limit: float = 20.0
    """Bound of targets; action values beyond it are punished."""


class DuelingNets(nn.Module):
    """Action values of M independent networks: a common trunk, then the state's value plus centred advantages.

    All members compute at once, as stacked matrix products: one by one, most of the time would go into calling torch.
    Activations are (M, H, B), so that batch normalisation sees M * H channels without a copy.
    """

    def __init__(self, features: int, actions: int, seeds: Sequence[int]) -> None:
        """Make networks.

        Args:
            features: F.
            actions: A.
            seeds: M, of the weights of each member.
        """
        super().__init__()
        sizes = [(features, 128), (128, 128), (128, 64), (64, 1), (128, 64), (64, actions)]
        weights = [torch.empty(len(seeds), out, size) for size, out in sizes]
        with torch.random.fork_rng(devices=[]):
            for member, seed in enumerate(seeds):
                torch.manual_seed(seed)
                for weight in weights:
                    nn.init.xavier_normal_(weight[member])
        self.weights = nn.ParameterList(weights)
        self.biases = nn.ParameterList([torch.zeros(len(seeds), out, 1) for _, out in sizes])
        self.norms = nn.ModuleList([nn.BatchNorm1d(128 * len(seeds)) for _ in range(2)])

    def forward(self, seen: Tensor) -> Tensor:
        """(M, B, F) -> (M, B, A)."""
        hidden = seen.transpose(1, 2)
        for layer, norm in enumerate(self.norms):
            hidden = torch.baddbmm(self.biases[layer], self.weights[layer], hidden)
            members, units, batch = hidden.shape
            hidden = norm(hidden.view(1, members * units, batch)).view(members, units, batch)
            hidden = nn.functional.leaky_relu(hidden, 0.01)
        value, advantage = self._head(2, hidden), self._head(4, hidden)
        q: Tensor = value + advantage - advantage.mean(1, keepdim=True)
        return q.transpose(1, 2)

    def _head(self, layer: int, hidden: Tensor) -> Tensor:
        hidden = torch.baddbmm(self.biases[layer], self.weights[layer], hidden)
        hidden = nn.functional.leaky_relu(hidden, 0.01)
        return torch.baddbmm(self.biases[layer + 1], self.weights[layer + 1], hidden)


@dataclass(kw_only=True, frozen=True, eq=False)
class Replay:
    """Recorded steps with their n-step returns."""

    state: Ints
    """(n,)"""
    action: Ints
    """(n,)"""
    gain: Floats
    """(n,) discounted sum of up to n_step rewards."""
    ahead: Ints
    """(n,) state to bootstrap from."""
    discount: Floats
    """(n,) gamma to the number of rewards; 0 where the episode ended."""


def n_step_returns(rollouts: Rollouts, rewards: Floats, ended: Bools, recipe: DqnRecipe) -> Replay:
    """Sum rewards ahead.

    Args:
        rollouts: n recorded steps, sorted by episode and time.
        rewards: (n,) of each step.
        ended: (n,) True where the step led to a terminal state.
        recipe: gamma and n_step.
    """
    steps = len(rewards)
    last = np.append(rollouts.episode[1:] != rollouts.episode[:-1], True)
    at, alive = np.arange(steps), np.ones(steps, dtype=np.bool_)
    gain, count = np.zeros(steps), np.zeros(steps, dtype=np.int64)
    final = np.arange(steps)
    for k in range(recipe.n_step):
        gain[alive] += recipe.gamma**k * rewards[at[alive]]
        count[alive] += 1
        final[alive] = at[alive]
        alive &= ~last[at]
        at = np.minimum(at + 1, steps - 1)
    stop = ended[final]
    return Replay(
        state=rollouts.state,
        action=rollouts.action,
        gain=gain,
        ahead=rollouts.after[final],
        discount=np.where(stop, 0.0, recipe.gamma**count),
    )


def learn_offline(
    replays: Sequence[Replay],
    features: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    actions: int,
    recipe: DqnRecipe,
    *,
    seeds: Sequence[int],
    listen: Callable[[int, float], None] | None = None,
) -> Floats:
    """Learn action values from recorded steps, M learners side by side that know nothing of each other.

    Args:
        replays: M recordings.
        features: (S, F) what each state shows.
        actions: A.
        recipe: how.
        seeds: M, of each learner's weights and batches.
        listen: called with each step's number and mean loss.

    Returns:
        (M, S, A) action values.
    """
    rngs = [generator(seed, "dqn", "batches") for seed in seeds]
    net, target = (
        DuelingNets(features.shape[1], actions, [child_seed(seed, "dqn", "weights") for seed in seeds])
        for _ in range(2)
    )
    target.eval()
    table = torch.from_numpy(features)
    optimizer = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate, eps=1.5e-4, fused=True)
    powers = [np.ones(len(replay.state)) for replay in replays]
    for step in range(recipe.steps):
        drawn = [draw_by_priority(own, recipe, rng) for own, rng in zip(powers, rngs, strict=True)]
        rows = [rows for rows, _ in drawn]
        targets = _targets(net, target, table, replays, rows, recipe)
        q = net(table[_stack(replays, rows, "state")])
        surprise = targets - q.gather(2, _stack(replays, rows, "action")[..., None])[..., 0]
        excess = (q.abs() - recipe.limit).clamp(min=0.0).sum((1, 2))
        weights = torch.from_numpy(np.stack([weights for _, weights in drawn])).float()
        # The sum of the learners' losses: each one's gradient is its own.
        loss = ((weights * surprise**2).mean(1) + 5.0 * excess).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        _follow(target, net, recipe.polyak)
        fresh = (surprise.detach().abs().double().numpy() + LEAST_PRIORITY) ** recipe.alpha
        for own, at, new in zip(powers, rows, fresh, strict=True):
            own[at] = new
        if listen is not None:
            listen(step, float(loss.detach()) / len(replays))
    net.eval()
    with torch.no_grad():
        values: Floats = net(table.expand(len(replays), -1, -1)).double().numpy()
    return values


def _stack(replays: Sequence[Replay], rows: Sequence[Ints], name: str) -> Tensor:
    """(M, B) one column of each learner's drawn steps."""
    columns = [getattr(replay, name)[at] for replay, at in zip(replays, rows, strict=True)]
    return torch.from_numpy(np.stack(columns))


def draw_by_priority(powers: Floats, recipe: DqnRecipe, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Rows drawn by their priorities, and weights (n P)^-beta over their largest.

    Args:
        powers: (n,) priority^alpha, positive.
        recipe: batch and beta.
        rng: of the draw.
    """
    sums = np.cumsum(powers)
    rows = np.searchsorted(sums, rng.random(recipe.batch) * sums[-1], side="right").clip(max=len(sums) - 1)
    weights = (len(powers) * powers[rows] / sums[-1]) ** -recipe.beta
    return rows, weights / weights.max()


def _targets(
    net: DuelingNets,
    target: DuelingNets,
    table: Tensor,
    replays: Sequence[Replay],
    rows: Sequence[Ints],
    recipe: DqnRecipe,
) -> Tensor:
    """(M, B) n-step returns plus what the target networks think of the actions that the networks would take."""
    ahead = table[_stack(replays, rows, "ahead")]
    with torch.no_grad():
        net.eval()
        best = net(ahead).argmax(2, keepdim=True)
        net.train()
        beyond = target(ahead).gather(2, best)[..., 0].clamp(-recipe.limit, recipe.limit)
    gain, discount = (_stack(replays, rows, name).float() for name in ("gain", "discount"))
    targets: Tensor = gain + discount * beyond
    return targets.clamp(-recipe.limit, recipe.limit)


def _follow(target: DuelingNets, net: DuelingNets, polyak: float) -> None:
    with torch.no_grad():
        torch._foreach_lerp_(list(target.parameters()), list(net.parameters()), polyak)
        for held, new in zip(target.buffers(), net.buffers(), strict=True):
            held.copy_(new)
