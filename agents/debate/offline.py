"""The paper's learner: a dueling double DQN with n-step returns and prioritised replay, on recorded episodes only.

Dueling heads (Wang et al. 2016), double targets (van Hasselt et al. 2016), proportional priorities (Schaul et al. 2016),
n-step returns without correction (Hessel et al. 2018), network and numbers of Sukovic and Radanovic (ICLR 2024). The
process has few states, so the policy learned is read off at all of them and assessed exactly.

What differs from the paper: the number of steps is an argument (25,000 there), and so is the scale of the debate's
reward (5 there).

Legend of shapes: n recorded steps, B steps of a batch, S states, F features, A actions.
"""

from __future__ import annotations

from collections.abc import Callable
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
class DqnSettings:
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


class DuelingNet(nn.Module):
    """Action values: a common trunk, then the value of the state plus the centred advantages of the actions."""

    def __init__(self, features: int, actions: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(features, 128),
            nn.BatchNorm1d(128),
            nn.LeakyReLU(0.01),
            nn.Linear(128, 128),
            nn.BatchNorm1d(128),
            nn.LeakyReLU(0.01),
        )
        self.value = nn.Sequential(nn.Linear(128, 64), nn.LeakyReLU(0.01), nn.Linear(64, 1))
        self.advantage = nn.Sequential(nn.Linear(128, 64), nn.LeakyReLU(0.01), nn.Linear(64, actions))
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, seen: Tensor) -> Tensor:
        """(B, F) -> (B, A)."""
        hidden = self.trunk(seen)
        advantage = self.advantage(hidden)
        q: Tensor = self.value(hidden) + advantage - advantage.mean(1, keepdim=True)
        return q


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


def n_step_returns(rollouts: Rollouts, rewards: Floats, ended: Bools, settings: DqnSettings) -> Replay:
    """Sum rewards ahead.

    Args:
        rollouts: n recorded steps, sorted by episode and time.
        rewards: (n,) of each step.
        ended: (n,) True where the step led to a terminal state.
        settings: gamma and n_step.
    """
    steps = len(rewards)
    last = np.append(rollouts.episode[1:] != rollouts.episode[:-1], True)
    at, alive = np.arange(steps), np.ones(steps, dtype=np.bool_)
    gain, count = np.zeros(steps), np.zeros(steps, dtype=np.int64)
    final = np.arange(steps)
    for k in range(settings.n_step):
        gain[alive] += settings.gamma**k * rewards[at[alive]]
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
        discount=np.where(stop, 0.0, settings.gamma**count),
    )


def learn_offline(
    replay: Replay,
    features: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    actions: int,
    settings: DqnSettings,
    *,
    seed: int,
    listen: Callable[[int, float], None] | None = None,
) -> Floats:
    """Learn action values from recorded steps.

    Args:
        replay: the recording.
        features: (S, F) what each state shows.
        actions: A.
        settings: how.
        seed: of weights and batches.
        listen: called with each step's number and loss.

    Returns:
        (S, A) action values.
    """
    rng = generator(seed, "dqn", "batches")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(child_seed(seed, "dqn", "weights"))
        net, target = DuelingNet(features.shape[1], actions), DuelingNet(features.shape[1], actions)
    target.load_state_dict(net.state_dict())
    target.eval()
    table = torch.from_numpy(features)
    optimizer = torch.optim.Adam(net.parameters(), lr=settings.learning_rate, eps=1.5e-4)
    powers = np.ones(len(replay.state))
    for step in range(settings.steps):
        rows, weights = draw_by_priority(powers, settings, rng)
        targets = _targets(net, target, table, replay, rows, settings)
        q = net(table[replay.state[rows]])
        chosen = q.gather(1, torch.from_numpy(replay.action[rows])[:, None])[:, 0]
        surprise = targets - chosen
        excess = (q.abs() - settings.limit).clamp(min=0.0).sum()
        loss = (torch.from_numpy(weights).float() * surprise**2).mean() + 5.0 * excess
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        _follow(target, net, settings.polyak)
        powers[rows] = (np.abs(surprise.detach().numpy()) + LEAST_PRIORITY) ** settings.alpha
        if listen is not None:
            listen(step, float(loss.detach()))
    net.eval()
    with torch.no_grad():
        values: Floats = net(table).double().numpy()
    return values


def draw_by_priority(powers: Floats, settings: DqnSettings, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Rows drawn by their priorities, and weights (n P)^-beta over their largest.

    Args:
        powers: (n,) priority^alpha, positive.
        settings: batch and beta.
        rng: of the draw.
    """
    sums = np.cumsum(powers)
    rows = np.searchsorted(sums, rng.random(settings.batch) * sums[-1], side="right").clip(max=len(sums) - 1)
    weights = (len(powers) * powers[rows] / sums[-1]) ** -settings.beta
    return rows, weights / weights.max()


def _targets(
    net: DuelingNet, target: DuelingNet, table: Tensor, replay: Replay, rows: Ints, settings: DqnSettings
) -> Tensor:
    """(B,) n-step returns plus what the target network thinks of the action that the network would take."""
    ahead = table[replay.ahead[rows]]
    with torch.no_grad():
        net.eval()
        best = net(ahead).argmax(1, keepdim=True)
        net.train()
        beyond = target(ahead).gather(1, best)[:, 0].clamp(-settings.limit, settings.limit)
    discount = torch.from_numpy(replay.discount[rows]).float()
    targets: Tensor = torch.from_numpy(replay.gain[rows]).float() + discount * beyond
    return targets.clamp(-settings.limit, settings.limit)


def _follow(target: DuelingNet, net: DuelingNet, polyak: float) -> None:
    with torch.no_grad():
        torch._foreach_lerp_(list(target.parameters()), list(net.parameters()), polyak)
        for held, new in zip(target.buffers(), net.buffers(), strict=True):
            held.copy_(new)
