"""The masked PPO: formulas by hand, and what it learns where the best play is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from progressgym.agents.debate.network import DebaterNet
from progressgym.agents.debate.ppo import PpoLearner, PpoRecipe, Steps, advantages, clipped_loss
from progressgym.agents.debate.training import (
    METHODS,
    DebateRecipe,
    Record,
    Update,
    alone_rules,
    disturbed_rules,
    pick,
    train_confuser,
    train_debater,
)
from progressgym.core.errors import UserError
from progressgym.envs.debate.simulator import BayesJudge, SimulatorDomain

TINY = DebateRecipe(turns=4, updates=2, games=16, ppo=PpoRecipe(hidden=8, minibatch=16))


def test_advantages_by_hand() -> None:
    """Rewards 1, 0, 2; values 0.5, 1, 1; lambda 0.5.

    Surprises: 1 + 1 - 0.5 = 1.5; 0 + 1 - 1 = 0; 2 + 0 - 1 = 1. Backwards: 1; 0 + 0.5 * 1 = 0.5; 1.5 + 0.5 * 0.5 = 1.75.
    """
    got = advantages(torch.tensor([[1.0], [0.0], [2.0]]), torch.tensor([[0.5], [1.0], [1.0]]), 0.5)
    torch.testing.assert_close(got[:, 0], torch.tensor([1.75, 0.5, 1.0]))


def test_advantages_with_lambda_one_are_returns_minus_values() -> None:
    rewards, values = torch.rand(4, 3), torch.rand(4, 3)
    returns = rewards.flip(0).cumsum(0).flip(0)
    torch.testing.assert_close(advantages(rewards, values, 1.0), returns - values)


def test_clipped_loss_by_hand() -> None:
    """Ratios 2 and 0.5 with gains 1 and -1 at epsilon 0.2: min(2, 1.2) = 1.2 and min(-0.5, -0.8) = -0.8; mean 0.2."""
    change = torch.log(torch.tensor([2.0, 0.5]))
    assert float(clipped_loss(change, torch.tensor([1.0, -1.0]), 0.2)) == pytest.approx(-0.2)


def test_hidden_pieces_are_never_picked() -> None:
    net = DebaterNet(5, 3, 8)
    mask = torch.tensor([[True, False, True]]).repeat(500, 1)
    log_probs = net.log_probs(torch.randn(500, 5), mask)
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(500))
    assert not (pick(log_probs, torch.Generator().manual_seed(0)) == 1).any() and not (pick(log_probs, None) == 1).any()


def test_draws_follow_the_probabilities() -> None:
    probabilities = torch.tensor([0.1, 0.2, 0.7])
    drawn = pick(probabilities.log().repeat(20_000, 1), torch.Generator().manual_seed(0))
    shares = torch.bincount(drawn, minlength=3) / 20_000
    torch.testing.assert_close(shares, probabilities, atol=0.015, rtol=0)


def test_an_update_learns_the_better_of_two_pieces() -> None:
    torch.manual_seed(0)
    net = DebaterNet(3, 2, 8)
    learner = PpoLearner(net, PpoRecipe(hidden=8, learning_rate=1e-2, minibatch=64), updates=20, seed=0)
    seen, masks = torch.ones(1, 64, 3), torch.ones(1, 64, 2, dtype=torch.bool)
    rng = torch.Generator().manual_seed(0)
    for _ in range(20):
        actions = pick(net.log_probs(seen[0], masks[0]), rng)[None]
        learner.update(Steps(seen=seen, masks=masks, actions=actions, rewards=(actions == 1).float()))
    assert net.log_probs(seen[0, :1], masks[0, :1])[0, 1].exp().item() > 0.8


def test_a_turn_is_credited_until_the_next_own_one() -> None:
    """Sides 1, 0, 1, 0; debater 0 gains 1, 2, 4, 8. Its turns are worth 2 + 4 and 8; the other's -(1 + 2) and -(4 + 8)."""
    record = Record()
    for side, gain in ((1, 1.0), (0, 2.0), (1, 4.0), (0, 8.0)):
        record.add(side, torch.zeros(1, 1), torch.ones(1, 1), torch.zeros(1), torch.tensor([[gain, -gain]]))
    assert record.steps(0).rewards[:, 0].tolist() == [6.0, 8.0]
    assert record.steps(1).rewards[:, 0].tolist() == [-3.0, -12.0]


@pytest.mark.parametrize("method", METHODS)
def test_training_is_reproducible_and_learns_something(method: str) -> None:
    domain = SimulatorDomain()
    judge = BayesJudge(domain)
    told: list[Update] = []
    nets = [train_debater(method, domain, judge, TINY, seed=seed, listen=told.append) for seed in (0, 0, 1)]
    same, other = (
        [bool(torch.equal(a, b)) for a, b in zip(nets[0].parameters(), net.parameters(), strict=True)]
        for net in nets[1:]
    )
    assert all(same) and not all(other)
    assert [entry.update for entry in told] == [0, 1] * 3
    assert all(0 <= entry.accuracy <= 1 and np.isfinite(entry.learned.loss) for entry in told)


def test_confusers_leave_their_victim_alone() -> None:
    domain = SimulatorDomain()
    judge = BayesJudge(domain)
    for method in ("precommit", "maxmin"):
        victim = train_debater(method, domain, judge, TINY, seed=0)
        before = [part.clone() for part in victim.parameters()]
        train_confuser(victim, domain, judge, TINY, updates=2, seed=0, method=method)
        assert all(torch.equal(a, b) for a, b in zip(before, victim.parameters(), strict=True))


def test_games_of_the_methods() -> None:
    assert alone_rules("isolated", 6).order == "solo" and disturbed_rules("isolated", 6).order == "alternating"
    assert alone_rules("precommit", 6) == disturbed_rules("precommit", 6)
    assert disturbed_rules("precommit", 6).opening == "first" and alone_rules("maxmin", 6).order == "alternating"


def test_unknown_method() -> None:
    domain = SimulatorDomain()
    with pytest.raises(UserError, match="did you mean 'maxmin'"):
        train_debater("maximin", domain, BayesJudge(domain), TINY, seed=0)
