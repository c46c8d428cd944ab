"""Preference models on planted preferences, each where it is said to be better, beside what it is compared with."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch

from progressgym.core.errors import UserError
from progressgym.preferences.models.bradley_terry import BradleyTerry
from progressgym.preferences.models.denoised import Denoised
from progressgym.preferences.models.feature import FeatureReward
from progressgym.preferences.models.general import GeneralPreference
from progressgym.preferences.models.ideal_point import IdealPoint
from progressgym.preferences.models.meta import MetaReward
from progressgym.preferences.models.personal import PersonalModel
from progressgym.preferences.models.regret import Regret
from progressgym.preferences.models.user import UserConditioned
from progressgym.preferences.pairs import Pairs
from tests.preferences.models.planted import chain, groups, linear, ring

torch.set_num_threads(1)


def right(margins: object, pairs: Pairs) -> int:
    return int(((np.asarray(margins) > 0) == (pairs.target > 0.5)).sum())


@pytest.mark.parametrize("transitive", [True, False])
def test_one_setting_holds_circles_and_chains(transitive: bool) -> None:
    """Rock, paper, scissors 3 of 3 and a chain 10 of 10; longer ones too."""
    for pairs in (ring(3), ring(4), ring(5), chain(5), chain(8)):
        model = GeneralPreference(transitive=transitive)
        assert right(model.fit(pairs).margin(pairs), pairs) == len(pairs)


def test_bradley_and_terrys_ceiling_on_a_ring_is_two_thirds() -> None:
    """Every order of three things has one of the ring's pairs against it; their optimum has them all alike."""
    pairs = ring(3)
    best = max(right((pairs.difference @ np.array(w)), pairs) for w in itertools.permutations([1.0, 2.0, 3.0]))
    assert best == 2
    np.testing.assert_allclose(BradleyTerry().fit(pairs).margin(pairs), 0.0, atol=1e-6)


def test_the_sign_of_a_turn_is_the_papers_definition() -> None:
    """(R v_i) . v_j = v_i0 v_j1 - v_i1 v_j0, so that v = [r, 1] gives r_i - r_j."""
    model = GeneralPreference(transitive=False, ridge=1e-6)
    pairs = Pairs.of([[2.0], [0.0]], [[1.0], [1.0]], [0.9, 0.1])
    model.fit(pairs)
    model.parameters = torch.tensor([[1.0, 0.0, 0.0, 1.0]], dtype=torch.float64)  # v = [x, 1]
    np.testing.assert_array_equal(model.margin(pairs), [1.0, -1.0])


def test_transitive_share_of_a_chain_and_of_a_ring() -> None:
    assert GeneralPreference().fit(ring(3)).transitive_share(np.eye(3)) < 1e-6
    assert GeneralPreference(k=0).fit(chain(5)).transitive_share(np.eye(5)) == pytest.approx(1.0)
    table = GeneralPreference().fit(ring(5)).table(np.eye(5))
    np.testing.assert_allclose(table, -table.T, atol=1e-12)


def test_a_gate_tells_criteria_apart_by_the_prompt() -> None:
    """Prompt 0 asks for the first feature, prompt 1 for the second, which is turned round; no single reward serves both."""
    random = np.random.default_rng(0)
    left, right_side = random.normal(size=(2, 400, 2))
    prompt = np.arange(400) % 2
    wanted = np.where(prompt == 0, left[:, 0] - right_side[:, 0], right_side[:, 0] - left[:, 0])
    pairs = Pairs.of(left, right_side, wanted > 0, context=np.eye(2)[prompt])
    gated = GeneralPreference(transitive=False, k=2, gate=True).fit(pairs[:300]).margin(pairs[300:])
    plain = GeneralPreference(transitive=False, k=2).fit(pairs[:300]).margin(pairs[300:])
    assert right(gated, pairs[300:]) >= 95 and right(plain, pairs[300:]) <= 65


@pytest.mark.parametrize("make", [lambda k: IdealPoint(k=k), lambda k: UserConditioned(size=k - 1)])
def test_tastes_are_told_apart_and_more_than_there_are_do_not_help(make: Callable[[int], PersonalModel]) -> None:
    """Three tastes: three sorts beat one by .08 on users that were there, six are no better than three."""
    pairs, _, _ = groups(0)
    held = np.arange(len(pairs)) % 40 >= 32
    scores = {k: right(make(k).fit(pairs[~held]).margin(pairs[held]), pairs[held]) / held.sum() for k in (1, 3, 6)}
    assert scores[3] >= scores[1] + 0.08 and scores[6] <= scores[3] + 0.02, scores


@pytest.mark.parametrize("model", [IdealPoint(k=3), UserConditioned(size=3), IdealPoint(k=1)])
def test_a_new_user_is_placed_by_a_few_answers(model: PersonalModel) -> None:
    pairs, wanted, _ = groups(1)
    model.fit(pairs)
    random = np.random.default_rng(2)
    left, other = random.normal(size=(2, 500, 19))
    asked = Pairs.of(left, other, (left - other) @ wanted[0] > 0, group=99)
    with pytest.raises(UserError, match="user 99 is not among the 45"):
        model.margin(asked)
    scores = [right(model.add_user(99, asked[:n]).margin(asked[20:]), asked[20:]) / 480 for n in (0, 2, 20)]
    if model.coordinates:
        assert scores[2] > scores[0] + 0.08 and scores[2] > 0.85
    else:
        assert scores[0] == scores[1] == scores[2]


def test_users_without_pairs_are_named() -> None:
    pairs, _, _ = groups(0)
    silent = Pairs.of(pairs.left, pairs.right, pairs.target, pairs.group != 7, group=pairs.group)
    with pytest.raises(UserError, match="user 7 has no pairs"):
        IdealPoint().fit(silent)


def test_mixtures_lie_on_the_simplex() -> None:
    pairs, _, of = groups(0, users=12)
    model = IdealPoint(k=3).fit(pairs)
    shares = np.stack([model.weights(user) for user in range(12)])
    np.testing.assert_allclose(shares.sum(1), 1.0)
    assert len({int(np.bincount(shares[of == taste].argmax(1)).argmax()) for taste in range(3)}) == 3


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    ranks = score.argsort().argsort() + 1.0
    count = positive.sum()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(score) - count)))


@pytest.mark.parametrize("models", [0, 10])
def test_flipped_labels_are_found_and_flipped_back(models: int) -> None:
    """A quarter is told the wrong way round: found by strength, and without them a reward is better; margins gain nothing."""
    gain = {"flip": [], "margin": [], "soft": []}  # type: dict[str, list[float]]
    for seed in (5, 6, 7):
        clean, noisy = linear(seed, count=2000, d=19), linear(seed, count=2000, d=19, noise=0.25)
        votes = Pairs.of(noisy.left[:1500], noisy.right[:1500], noisy.target[:1500] > 0.5)
        wrong, test = (votes.target > 0.5) != (clean.target[:1500] > 0.5), clean[1500:]
        mu, spread = Denoised(models=models).strength_of(votes)
        assert auc(-mu, wrong) > 0.9 and (spread >= 0).all() and 0.2 < (mu < 0).mean() < 0.35
        plain = right(BradleyTerry().fit(votes).margin(test), test)
        for policy, gains in gain.items():
            model = Denoised(models=models, policy=policy).fit(votes)
            gains.append((right(model.margin(test), test) - plain) / len(test))
    assert np.mean(gain["flip"]) > 0.01 and abs(np.mean(gain["margin"])) < 0.01 and abs(np.mean(gain["soft"])) < 0.01


def test_strength_without_a_pair_is_that_of_leaving_it_out() -> None:
    pairs = linear(6, count=40, votes=True)
    mu, _ = Denoised().strength_of(pairs)
    for q in range(0, 40, 8):
        rest = np.arange(40) != q
        margin = BradleyTerry().fit(pairs[rest]).margin(pairs[[q]])[0] * (1.0 if pairs.target[q] else -1.0)
        assert mu[q] == pytest.approx(margin, abs=0.25 * max(1.0, abs(margin)))


def test_meta_reward_is_where_its_iteration_rests() -> None:
    """theta + eta grad J(theta) = theta*."""
    pairs, things = linear(7, votes=True), np.random.default_rng(0).normal(size=(30, 4)) * [3.0, 1.0, 1.0, 1.0]
    model = MetaReward(eta=2.0).adapt(things).fit(pairs)
    theta = model.parameters.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model.spread(theta).sum(), theta)
    best = BradleyTerry().fit(pairs).weights
    np.testing.assert_allclose((theta + 2.0 * slope).detach()[0].numpy(), best, atol=1e-3)
    assert np.abs(model.weights - best).max() > 0.1
    assert float(model.spread(theta.detach())[0]) < float(model.spread(torch.from_numpy(best)[None])[0])
    with pytest.raises(UserError, match="at least two"):
        MetaReward().adapt(things[:1])
    with pytest.raises(UserError, match="unlabelled things have 4 features, the pairs 3"):
        MetaReward().adapt(things).fit(linear(0, d=3))


def test_hidden_units_learn_what_no_line_can() -> None:
    """The nearer to 0 the better: a linear reward is at chance."""
    random = np.random.default_rng(0)
    left, other = random.normal(size=(2, 500, 2))
    pairs = Pairs.of(left, other, (left**2).sum(1) < (other**2).sum(1))
    scores = [right(FeatureReward(hidden=h).fit(pairs[:400]).margin(pairs[400:]), pairs[400:]) for h in (0, 8)]
    assert scores[0] < 65 and scores[1] > 85


def test_rewards_are_what_margins_are_made_of() -> None:
    pairs = linear(8)
    for model in (FeatureReward(), FeatureReward(hidden=3), Denoised(), MetaReward()):
        model.fit(pairs)
        np.testing.assert_allclose(
            model.reward(pairs.left) - model.reward(pairs.right), model.margin(pairs), atol=1e-12
        )
    with pytest.raises(UserError, match="4 features is asked about"):
        model.reward(np.zeros((2, 3)))


def test_states_outside_of_the_pool_are_refused() -> None:
    model = Regret().among(np.zeros((2, 3, 4)))
    with pytest.raises(UserError, match="numbers of two of 3 states"):
        model.fit(Pairs.of(np.full((2, 6), 5.0), np.zeros((2, 6))))
    with pytest.raises(UserError, match="policies, states, d"):
        Regret().among(np.zeros((2, 3)))
