"""How debaters are trained: alone, against themselves, against an adversary; and adversaries against them.

| method | what learns | against whom |
|---|---|---|
| `isolated` | an advocate of the preferred option that shows all L pieces itself | nobody |
| `precommit` | the same with its L/2 pieces only | nobody |
| `self-play` | one network, on either side | its own copy, frozen for a generation |
| `maxmin` | an advocate of the preferred option | an adversary that learns in the same games; both begin as isolated ones |
| `confuser` | an adversary that argues for the other option | a finished debater, which no longer learns; it begins as an isolated one where there is one |

All see what one more piece would do to the judge (`view`) and are rewarded by the change of sigmoid(margin) after every turn; over a debate this adds up to the judge's final
confidence. Cases come from the domain given, so training sees training states only.

Everything random in an update comes from a generator of its own, named after seed, method and update.

Legend of shapes: B games, L turns, T own turns.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from progressgym.agents.debate.network import DebaterNet
from progressgym.agents.debate.ppo import Learned, PpoLearner, PpoRecipe, Steps
from progressgym.agents.debate.view import debater_view, view_width
from progressgym.core.debate import Domain, Judge
from progressgym.core.errors import unknown
from progressgym.core.seeding import child_seed, generator
from progressgym.envs.debate.rules import Rules
from progressgym.envs.debate.vector import VectorDebate

Nets = tuple[DebaterNet | None, DebaterNet | None]
"""Who plays debater 0 and debater 1; None when nobody does: then the debate breaks off at its turn."""
METHODS = ("isolated", "precommit", "self-play", "maxmin")
"""Ways to train a debater; a confuser is trained against one of them."""


@dataclass(kw_only=True, frozen=True)
class DebateRecipe:
    """How much a debater trains."""

    turns: int = 6
    """L, pieces shown in a debate."""
    updates: int = 400
    """PPO updates of each debater."""
    games: int = 512
    """B, debates an update."""
    generation: int = 10
    """Self-play: updates until the frozen copy is refreshed."""
    adversary_updates: int = 1
    """Maxmin: updates of the adversary for each of the advocate's."""
    ppo: PpoRecipe = field(default_factory=PpoRecipe)
    """How it learns."""


@dataclass(kw_only=True, frozen=True)
class Update:
    """What one update was like."""

    update: int
    """From 0."""
    confidence: float
    """Mean sigmoid of the final margin toward the preferred option."""
    accuracy: float
    """Share of the (exploring) debates that the preferred option won."""
    learned: Learned
    """The learner's losses."""


def alone_rules(method: str, turns: int) -> Rules:
    """The debate of a debater that nobody disturbs: whole for those who debate, without an opponent for the others.

    `precommit` breaks off when its adversary would begin.
    """
    if method == "isolated":
        return Rules(turns=turns, payoff="shaped", order="solo")
    return disturbed_rules(method, turns)


def disturbed_rules(method: str, turns: int) -> Rules:
    """The debate of a debater with a confuser: alternating, but `precommit` shows its half first."""
    if method == "precommit":
        return Rules(turns=turns, payoff="shaped", order="precommit", opening="first")
    return Rules(turns=turns, payoff="shaped")


Listener = Callable[[Update], None]
"""Called after each update."""


def silent(progress: Update) -> None:
    """Listen to nothing."""


def train_debater(
    method: str,
    domain: Domain,
    judge: Judge,
    recipe: DebateRecipe,
    *,
    seed: int,
    start: DebaterNet | None = None,
    listen: Listener = silent,
) -> DebaterNet:
    """Train a debater.

    Args:
        method: one of `METHODS`.
        domain: of the training cases; their preferred options must be known.
        judge: who rules.
        recipe: how much.
        seed: of everything random.
        start: maxmin only: the isolated debater of this seed, where it has been trained already.
        listen: called after each update.

    Raises:
        UserError: unknown method, or too few pieces of evidence.
    """
    if method not in METHODS:
        raise unknown("way to train a debater", method, METHODS)
    arena = Arena(domain, judge, recipe, alone_rules(method, recipe.turns), name=method, seed=seed)
    learner = arena.learner("debater", recipe.updates)
    if method == "maxmin":
        # Two beginners teach each other little: an advocate who knows what persuades is the better start for both.
        first = start or train_debater("isolated", domain, judge, recipe, seed=seed)
        learner.net.load_state_dict(first.state_dict())
        adversary = arena.learner("adversary", recipe.updates * recipe.adversary_updates)
        adversary.net.load_state_dict(first.state_dict())
        for update in range(recipe.updates):
            for extra in range(recipe.adversary_updates - 1):
                played = arena.play(update, (learner.net, adversary.net), name=f"extra{extra}")
                adversary.update(played.steps[1])
            played = arena.play(update, (learner.net, adversary.net))
            adversary.update(played.steps[1])
            listen(played.progress(update, learner.update(played.steps[0])))
        return learner.net
    frozen = copy.deepcopy(learner.net)
    for update in range(recipe.updates):
        if method == "self-play":
            if update % recipe.generation == 0:
                frozen.load_state_dict(learner.net.state_dict())
            seat = int(arena.chance(update, "seat").random() < 0.5)
            nets = _in_seat(seat, learner.net, frozen)
        else:
            seat, nets = 0, _in_seat(0, learner.net, None)
        played = arena.play(update, nets)
        listen(played.progress(update, learner.update(played.steps[seat])))
    return learner.net


def _in_seat(seat: int, net: DebaterNet, other: DebaterNet | None) -> Nets:
    return (net, other) if seat == 0 else (other, net)


def train_confuser(
    debater: DebaterNet,
    domain: Domain,
    judge: Judge,
    recipe: DebateRecipe,
    *,
    updates: int,
    seed: int,
    method: str,
    start: DebaterNet | None = None,
    listen: Listener = silent,
) -> DebaterNet:
    """Train an adversary against a finished debater, which plays as it does when it is measured (no exploration).

    Args:
        debater: argues for the preferred option.
        domain: of the training cases.
        judge: who rules.
        recipe: how; its `updates` are not read.
        updates: how many.
        seed: of everything random.
        method: how the debater was trained; says whether it precommits.
        start: begin with the weights of an isolated debater, which knows what persuades; a fresh network when None.
        listen: called after each update.
    """
    arena = Arena(domain, judge, recipe, disturbed_rules(method, recipe.turns), name=f"confuser/{method}", seed=seed)
    learner = arena.learner("confuser", updates)
    if start is not None:
        learner.net.load_state_dict(start.state_dict())
    for update in range(updates):
        played = arena.play(update, (debater, learner.net), explore=(False, True))
        listen(played.progress(update, learner.update(played.steps[1])))
    return learner.net


@dataclass(kw_only=True, frozen=True, eq=False)
class Played:
    """A batch of finished games."""

    steps: tuple[Steps, Steps]
    """Of debater 0 (who argues for the preferred option) and debater 1."""
    margin: Tensor
    """(B,) final margin toward the preferred option."""

    def progress(self, update: int, learned: Learned) -> Update:
        """For logs."""
        return Update(
            update=update,
            confidence=float(torch.sigmoid(self.margin).mean()),
            accuracy=float(((self.margin > 0).double() + 0.5 * (self.margin == 0)).mean()),
            learned=learned,
        )


class Arena:
    """Where two networks play batches of games; debater 0 always argues for the preferred option."""

    def __init__(
        self, domain: Domain, judge: Judge, recipe: DebateRecipe, rules: Rules, *, name: str, seed: int
    ) -> None:
        self._games = VectorDebate(domain, judge, num_envs=recipe.games, rules=rules)
        self._settings, self._name, self._seed = recipe, name, seed

    def chance(self, update: int, name: str) -> np.random.Generator:
        """Randomness of one purpose in one update."""
        return generator(self._seed, self._name, str(update), name)

    def learner(self, role: str, updates: int) -> PpoLearner:
        """A fresh network that will learn."""
        seed = child_seed(self._seed, self._name, role)
        domain, ppo = self._games.domain, self._settings.ppo
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = DebaterNet(view_width(domain), domain.pieces, ppo.hidden)
        return PpoLearner(net, ppo, updates=updates, seed=seed)

    def play(
        self,
        update: int,
        nets: Nets,
        *,
        explore: tuple[bool, bool] = (True, True),
        name: str = "games",
    ) -> Played:
        """Play one batch. The same debater opens all its games, so that every turn is one call of one network."""
        games, rng = self._games, self.chance(update, name)
        torch_rng = torch.Generator().manual_seed(child_seed(self._seed, self._name, str(update), name, "moves"))
        size = games.num_envs
        cases = games.domain.cases(rng.random((size, games.domain.draws))).honest_first()
        opener = int(rng.random() < 0.5) if games.rules.opening == "random" else 0
        games.reset(cases=cases, openers=np.full(size, opener, dtype=np.int64))
        record = Record()
        margin = torch.zeros(size, dtype=torch.float64)
        while not games.done:
            side = int(games.mover[0])
            net = nets[side]
            if net is None:
                break
            left = 1.0 - games.turn / games.rules.turns
            seen = debater_view(games.judge, cases, games.revealed, games.mover, left, games.domain.decisions)
            observed, mask = torch.from_numpy(seen), torch.from_numpy(games.mask())
            with torch.no_grad():
                log_probs = net.log_probs(observed, mask)
            actions = pick(log_probs, torch_rng if explore[side] else None)
            turn = games.step(actions.numpy())
            record.add(side, observed, mask, actions, torch.from_numpy(turn.rewards).float())
            assert turn.margin is not None  # the payoff is shaped, so the judge rules after every turn
            margin = torch.from_numpy(turn.margin)
        return Played(steps=(record.steps(0), record.steps(1)), margin=margin)


class Record:
    """Turns of a batch of games as they come."""

    def __init__(self) -> None:
        self._sides: list[int] = []
        self._turns: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def add(self, side: int, seen: Tensor, mask: Tensor, actions: Tensor, rewards: Tensor) -> None:
        """One turn: who moved, (B, W), (B, N), (B,), (B, 2)."""
        self._sides.append(side)
        self._turns.append((seen, mask, actions, rewards))

    def steps(self, side: int) -> Steps:
        """A debater's own turns; each is credited with what comes in until its next one."""
        own = [index for index, mover in enumerate(self._sides) if mover == side]
        if not own:
            nothing = torch.zeros(0)
            return Steps(seen=nothing, masks=nothing, actions=nothing, rewards=nothing)
        ends = [*own[1:], len(self._turns)]
        rewards = [
            torch.stack([self._turns[index][3][:, side] for index in range(begin, end)]).sum(0)
            for begin, end in zip(own, ends, strict=True)
        ]
        return Steps(
            seen=torch.stack([self._turns[index][0] for index in own]),
            masks=torch.stack([self._turns[index][1] for index in own]),
            actions=torch.stack([self._turns[index][2] for index in own]),
            rewards=torch.stack(rewards),
        )


def pick(log_probs: Tensor, rng: torch.Generator | None) -> Tensor:
    """(B,) drawn pieces, or with no generator the likeliest ones.

    Args:
        log_probs: (B, N).
        rng: of the draws.
    """
    if rng is None:
        return log_probs.argmax(1)
    # Gumbel-max: adding such noise and taking the largest is a draw from the distribution.
    noise = -torch.log(-torch.log(torch.rand(log_probs.shape, generator=rng).clamp(1e-20, 1 - 1e-7)))
    return (log_probs + noise).argmax(1)
