"""Alignment methods by known answers: small enough for a head, or planted and recovered."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from progressgym.agents.methods import Dpo, Map, Rlhf, Stage
from progressgym.agents.policies.stance_policy import StancePolicy
from progressgym.core.errors import UserError
from progressgym.core.seeding import generator
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.instruments.stance_model import StanceModel, centre_worldviews
from progressgym.losses import Margins, hinge, ipo
from progressgym.preferences.comparisons import all_pairs, probabilities
from progressgym.preferences.models.newton import GRID, solve

torch.set_num_threads(1)


def one(value: float) -> torch.Tensor:
    return torch.tensor([[value]], dtype=torch.float64)


def problem(rows: int, seed: int = 0, pairs: int = 60, dims: int = 7) -> dict[str, Any]:
    random = generator(seed, "tests", "newton")
    return {
        "features": torch.tensor(random.normal(size=(rows, pairs, dims))),
        "offsets": torch.tensor(random.normal(size=(rows, pairs))),
        "targets": torch.tensor(random.random((rows, pairs))),
        "weights": torch.tensor(random.random((rows, pairs)) * 3),
        "centre": torch.tensor(random.normal(size=(rows, dims))),
    }


def stage(x: torch.Tensor, o: torch.Tensor, y: torch.Tensor, u: torch.Tensor, start: torch.Tensor) -> Stage:
    return Stage(features=x, offsets=o, targets=y, weights=u, start=start)


def test_solver_agrees_with_a_general_one() -> None:
    given = problem(3)
    theta = solve(**given, ridge=0.7).numpy()
    for row in range(3):
        x, o, y, u, c = (given[name][row].numpy() for name in ("features", "offsets", "targets", "weights", "centre"))

        def loss(t: np.ndarray, x=x, o=o, y=y, u=u, c=c) -> float:  # type: ignore[no-untyped-def]
            m = x @ t + o
            return float((u * (np.logaddexp(0, m) - y * m)).sum() + 0.35 * ((t - c) ** 2).sum())

        reference = minimize(loss, c, method="BFGS", options={"gtol": 1e-9}).x
        np.testing.assert_allclose(theta[row], reference, atol=2e-5)


def test_rows_do_not_depend_on_their_neighbours() -> None:
    given = problem(9, seed=1)
    together = solve(**given, ridge=0.1)
    for row in range(9):
        alone = solve(**{name: value[row : row + 1] for name, value in given.items()}, ridge=0.1)
        assert torch.equal(together[row], alone[0])


def test_separable_and_empty_problems_have_finite_answers() -> None:
    """All labels 1 on one feature: the ridge holds it; no weight at all: the centre."""
    x, o = torch.ones(1, 5, 1, dtype=torch.float64), torch.zeros(1, 5, dtype=torch.float64)
    certain = solve(x, o, torch.ones_like(o), torch.ones_like(o), torch.zeros(1, 1, dtype=torch.float64), 1e-3)
    assert 5 < certain.item() < 20
    nothing = solve(x, o, torch.ones_like(o), torch.zeros_like(o), torch.full((1, 1), 0.25, dtype=torch.float64), 1e-3)
    assert nothing.item() == 0.25


def test_extreme_starts_come_back() -> None:
    x, o = torch.full((1, 1, 1), 50.0, dtype=torch.float64), torch.full((1, 1), 3000.0, dtype=torch.float64)
    theta = solve(x, o, torch.full_like(o, 0.5), torch.ones_like(o), torch.zeros(1, 1, dtype=torch.float64), 1e-6)
    assert theta.item() == pytest.approx(-60.0, abs=1e-3)


def test_ipo_is_least_squares() -> None:
    """y (m - 1/2)^2 + (1 - y) (m + 1/2)^2 with a ridge has its minimum where linear algebra says: in one step."""
    given = problem(2)
    theta = solve(**given, ridge=0.7, loss=ipo).numpy()
    for row in range(2):
        x, o, y, u, c = (given[name][row].numpy() for name in ("features", "offsets", "targets", "weights", "centre"))
        left = 2 * x.T @ (u[:, None] * x) + 0.7 * np.eye(x.shape[1])
        right = 2 * x.T @ (u * (y - 0.5 - o)) + 0.7 * c
        np.testing.assert_allclose(theta[row], np.linalg.solve(left, right), atol=1e-6)


def test_a_loss_of_ones_own_reaches_the_minimum_of_the_built_in_one() -> None:
    """Cross-entropy in other words, differentiated automatically, against the closed form."""

    def entropy(given: Margins) -> torch.Tensor:
        return torch.nn.functional.softplus(given.margin) - given.target * given.margin

    given = problem(3, seed=2)
    assert torch.equal(solve(**given, ridge=0.2, loss=entropy), solve(**given, ridge=0.2))


def test_a_loss_with_corners_is_refused() -> None:
    with pytest.raises(UserError, match="corners"):
        solve(**problem(3, seed=3), ridge=0.1, loss=hinge)


def test_dpo_with_ipo_moves_by_a_finite_distance() -> None:
    """A certain preference, no ridge to speak of: beta times the move is 1/2."""
    method = Dpo(loss="ipo", beta_dpo=2.0, ridge=1e-9)
    theta = method.update(stage(one(1.0)[None], one(0.3), one(1.0), one(1.0), one(0.5)))
    assert theta.item() - 0.5 == pytest.approx(0.25, abs=1e-5)


@pytest.mark.parametrize("beta", [0.1, 1.0, 4.0])
def test_dpo_adds_the_preference_to_its_reference(beta: float) -> None:
    """One comparison with P = 0.8: the optimum moves the logit difference by logit(0.8) / beta, wherever it starts."""
    x, start = one(1.0)[None], one(0.5)
    theta = Dpo(beta_dpo=beta, ridge=1e-9).update(stage(x, one(0.3), one(0.8), one(1.0), start))
    assert theta.item() - 0.5 == pytest.approx(math.log(4) / beta, abs=1e-4)


def test_dpo_with_a_uniform_reference_says_what_the_human_says() -> None:
    """offset 0.3 + theta = logit(0.8)."""
    x = one(1.0)[None]
    theta = Dpo(reference="uniform", ridge=1e-9).update(stage(x, one(0.3), one(0.8), one(1.0), one(0.5)))
    assert theta.item() + 0.3 == pytest.approx(math.log(4), abs=1e-4)


def test_reward_model_is_bradley_terry() -> None:
    """One comparison, feature difference 2, P = 0.8: w = logit(0.8) / 2."""
    w = Rlhf(ridge=1e-9).reward_weights(stage(one(2.0)[None], one(0.3), one(0.8), one(1.0), one(0.25)))
    assert w.item() == pytest.approx(math.log(4) / 2, abs=1e-4)


def test_a_preference_model_in_the_reward_models_place() -> None:
    """A linear one gives the same weights; a language model, which learns its own, is not asked for it."""
    given = problem(3)
    x, o, y, u, c = (given[name] for name in ("features", "offsets", "targets", "weights", "centre"))
    century = stage(x, o, y, u, c)
    found = Rlhf(reward="bradley-terry").reward_weights(century)
    torch.testing.assert_close(found, Rlhf().reward_weights(century), atol=1e-6, rtol=0)
    with pytest.raises(UserError, match="a language model learns a reward of its own"):
        Rlhf(reward="bradley-terry").rows(None)  # type: ignore[arg-type]


def test_rlhf_policy_is_the_exact_optimum() -> None:
    """pi* ~ ref exp(r / beta_kl) on two options: the logit difference grows by the reward difference over beta_kl."""
    given = stage(one(2.0)[None], one(0.3), one(0.8), one(1.0), one(0.25))
    theta = Rlhf(beta_kl=0.5, ridge=1e-9).update(given)
    assert 2 * (theta.item() - 0.25) == pytest.approx(math.log(4) / 0.5, abs=1e-4)


def test_dpo_and_rlhf_share_their_optimum() -> None:
    """At equal strength and on the same features (Rafailov et al. 2023); bit for bit at strength 1."""
    given = problem(4)
    x, o, y, u, c = (given[name] for name in ("features", "offsets", "targets", "weights", "centre"))
    century = stage(x, o, y, u, torch.round(c * GRID) / GRID)
    assert torch.equal(Dpo().update(century), Rlhf().update(century))
    strong = Dpo(beta_dpo=0.5, ridge=1e-9).update(century)
    torch.testing.assert_close(strong, Rlhf(beta_kl=0.5, ridge=1e-9).update(century), atol=1e-4, rtol=0)


@pytest.fixture(scope="module")
def instrument() -> Questionnaire:
    return Questionnaire.load("moral19-v1")


def planted(instrument: Questionnaire, seed: int) -> tuple[StancePolicy, dict[str, Any], np.ndarray]:
    """A human who is the base answers shifted by a stance, asked all elicitation pairs."""
    random = generator(seed, "tests", "planted")
    table = StanceModel.of(instrument).answers(random.normal(size=19) * 0.5)
    theta = centre_worldviews(random.normal(size=19) * 0.5)
    human = StanceModel.of(instrument, table).answers(theta)
    policy = StancePolicy.of(instrument, table[None])
    pairs = all_pairs(instrument)
    features, offsets = policy.comparisons(torch.tensor(pairs[None]))
    targets = torch.tensor(probabilities(human, pairs)[None])
    terms = {"features": features, "offsets": offsets, "targets": targets, "weights": torch.ones_like(targets)}
    return policy, terms, theta


def test_policy_is_the_stance_model(instrument: Questionnaire) -> None:
    policy, _, theta = planted(instrument, 0)
    logits = policy.logits(torch.tensor(theta[None]))[0].numpy()
    model = StanceModel(instrument.loadings, instrument.mask, policy.base[0].numpy())
    np.testing.assert_allclose(logits, model.logits(theta), atol=1e-12)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_map_recovers_a_planted_stance(instrument: Questionnaire, seed: int) -> None:
    policy, terms, theta = planted(instrument, seed)
    found = centre_worldviews(Map(prior=0.01).update(Stage(**terms, start=policy.start()))[0].numpy())
    assert np.corrcoef(found, theta)[0, 1] > 0.999


def test_uniform_reference_recovers_the_humans_choices(instrument: Questionnaire) -> None:
    policy, terms, theta = planted(instrument, 3)
    century = Stage(**terms, start=policy.start(), policy=policy)
    dpo = Dpo(reference="uniform", ridge=0.01).update(century)
    assert np.corrcoef(centre_worldviews(dpo[0].numpy()), theta)[0, 1] > 0.999
    rlhf = Rlhf(reference="uniform", ridge=0.01).update(century)
    assert np.corrcoef(centre_worldviews(rlhf[0].numpy()), theta)[0, 1] > 0.99


def test_stage_reference_moves_although_nothing_drifts(instrument: Questionnaire) -> None:
    """The human answers as the base does: MAP stays, DPO doubles the preference it already had, every century."""
    policy, terms, _ = planted(instrument, 4)
    terms["targets"] = torch.sigmoid(terms["offsets"])
    still = Map(prior=1.0).update(Stage(**terms, start=policy.start()))
    assert still.abs().max() < 1e-5
    once = Dpo().update(Stage(**terms, start=policy.start()))
    twice = Dpo().update(Stage(**terms, start=once))
    assert once.norm() > 0.5
    torch.testing.assert_close(twice, 2 * once)
