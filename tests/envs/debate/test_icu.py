"""ICU-Sepsis as a domain of debate: samplers, split, words."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.core.debate import Domain, Judge, random_evidence
from progressgym.core.errors import UserError
from progressgym.envs.debate.domains import make_domain
from progressgym.envs.debate.icu import IcuDomain
from progressgym.envs.debate.rules import correct, margins
from progressgym.envs.debate.split import PARTS
from progressgym.envs.debate.vector import VectorDebate
from progressgym.envs.sepsis.tables import icu_tables


def test_it_is_a_domain_with_a_judge() -> None:
    domain, judge = make_domain("icu")
    assert isinstance(domain, Domain) and isinstance(judge, Judge)
    assert (domain.pieces, domain.features, domain.decisions) == (44, 1, 25)
    games = VectorDebate(domain, judge, num_envs=4)
    observation = games.reset(seed=0)
    assert observation.shape == (4, 44 + 44 + 25 + 25 + 1) and np.abs(observation).max() <= 10


def test_parts_share_no_state_and_lose_none() -> None:
    train, fit, validation, test, whole = (IcuDomain(part=part).states for part in PARTS)
    assert not (train & test).any() and ((train | test) == whole).all()
    assert not (fit & validation).any() and ((fit | validation) == train).all()
    assert (fit.sum(), validation.sum(), test.sum()) == (427, 143, 143)
    for part, kept in (("train", train), ("test", test)):
        cases = IcuDomain(part=part).cases(np.random.default_rng(0).random((5000, 3)))
        assert kept[cases.states].all() and len(np.unique(cases.states)) > 0.9 * kept.sum()


def test_balanced_pairs_say_nothing_without_evidence() -> None:
    """Every treatment is as often the preferred one as the other: 20,000 / 25 = 800 times, four standard errors."""
    cases = IcuDomain().cases(np.random.default_rng(0).random((20_000, 3))).honest_first()
    for seat in (0, 1):
        counts = np.bincount(cases.options[:, seat], minlength=25)
        assert np.abs(counts - 800).max() < 4 * np.sqrt(800)
    assert (cases.options[:, 0] != cases.options[:, 1]).all() and not cases.preferred.any()


def test_natural_pairs_follow_the_clinicians() -> None:
    domain, known = IcuDomain(sampler="natural"), icu_tables()
    met = known.mdp.occupancy(known.expert)
    np.testing.assert_allclose(domain.weights.sum(1), met / met.sum(), atol=1e-12)
    common = int(domain.weights.sum(0).argmax())
    cases = domain.cases(np.random.default_rng(0).random((20_000, 3))).honest_first()
    share = float((cases.options[:, 0] == common).mean())
    assert share == pytest.approx(domain.weights.sum(0)[common], abs=4 * np.sqrt(0.25 * 0.75 / 20_000))


def test_shipped_judge_on_held_out_states() -> None:
    """The paper's judge: .639 on 6 random pieces; ours .63 on states that it never saw, and a coin without evidence."""
    domain, judge = make_domain("icu?part=test")
    uniforms = np.random.default_rng(1).random((4000, 44))
    cases = domain.cases(np.random.default_rng(2).random((4000, 3)))
    accuracy = [float(correct(cases, margins(judge.score(cases, random_evidence(uniforms, k)))).mean()) for k in (0, 6)]
    assert accuracy[0] == pytest.approx(0.5, abs=0.03) and accuracy[1] == pytest.approx(0.63, abs=0.03)


def test_words() -> None:
    domain, _ = make_domain("icu")
    cases = domain.pairs(np.array([5]), np.array([[7, 0]]))
    text = domain.text(cases, 0)
    assert text.options[0] == "intravenous fluids level 1 of 4, vasopressor level 2 of 4"
    assert len(text.pieces) == 44 and text.pieces[0].startswith("gender: ")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("icu?sampler=even", "unknown sampler 'even'"),
        ("icu?part=tests", "did you mean 'test'"),
        ("icu?seed=1", "unknown argument of domain 'icu'"),
    ],
)
def test_bad_specs(spec: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        make_domain(spec)


def test_bad_pairs() -> None:
    domain = IcuDomain()
    with pytest.raises(UserError, match="states must be 0 to 712"):
        domain.pairs(np.array([713]), np.array([[0, 1]]))
    with pytest.raises(UserError, match="options must be 0 to 24"):
        domain.pairs(np.array([0]), np.array([[0, 25]]))
