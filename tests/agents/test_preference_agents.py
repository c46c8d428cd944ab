"""Agents that learn from preference models and from losses of more than margins: each is its parent at its limit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from progressgym.agents import make
from progressgym.agents.methods import Dpo, Stage, SteerLm
from progressgym.agents.methods.extra import extended
from progressgym.bench.plan import make_plan
from progressgym.bench.runner import run_bench
from progressgym.core.errors import UserError
from progressgym.losses import Margins, loss_of
from tests.agents.rollout import LINEAR, actions_of, envs_of

torch.set_num_threads(1)
SAMPLED = "follow?labels=sample"
NEW = [
    "extrapolative-gpo",
    "conditional-dpo?ahead=1&reference=uniform",
    "lifelong-dpo?loss=mapl",
    "lifelong-steerlm",
    "lifelong-rlhf?k=3&reward=pal",
    "lifelong-rlhf?reward=denoised",
]


@pytest.mark.parametrize(
    ("limit", "parent"),
    [
        ("lifelong-dpo?gamma=0&loss=rdpo", "lifelong-dpo"),
        ("lifelong-dpo?gamma=0&loss=spo", "lifelong-dpo"),
        ("lifelong-dpo?inter=0&intra=0&loss=mapl", "lifelong-dpo"),
        ("lifelong-dpo?lam=0&loss=latency", "lifelong-dpo"),
        ("lifelong-dpo?alpha=0&loss=length-controlled", "lifelong-dpo"),
        ("conditional-dpo?centuries=1", "lifelong-dpo"),
        ("extrapolative-conditional-dpo?centuries=1", "extrapolative-dpo"),
        ("lifelong-dpo?reference=uniform&ridge=32", "lifelong-map"),  # of votes: what it adds nothing to is a prior
    ],
)
def test_each_is_its_parent_to_the_bit_at_its_limit(limit: str, parent: str) -> None:
    np.testing.assert_array_equal(actions_of(limit, [0], SAMPLED), actions_of(parent, [0], SAMPLED))


@pytest.mark.parametrize("limit", ["reward=feature", "reward=hrc&k=0", "reward=meta&eta=0"])
def test_rewards_that_are_bradley_and_terrys_give_the_same_policy(limit: str) -> None:
    own, parent = (actions_of(agent, [0], SAMPLED) for agent in (f"lifelong-rlhf?{limit}", "lifelong-rlhf"))
    np.testing.assert_allclose(own, parent, atol=1e-3)


def test_gpo_of_a_reward_is_rlhf() -> None:
    """sbar(a) - sbar(b) = r_a - r_b, whatever the policy answers; all but the ridge of the last step is the same."""
    gpo = actions_of("lifelong-gpo?model=hrc&k=0&ridge=0.001", [0])
    rlhf = actions_of("lifelong-rlhf?ridge=0.001", [0])
    np.testing.assert_allclose(gpo, rlhf, atol=0.05 * np.abs(rlhf).max())


@pytest.mark.parametrize("agent", NEW)
def test_a_row_does_not_depend_on_its_batch(agent: str) -> None:
    together = actions_of(agent, [3, 4], SAMPLED)
    np.testing.assert_allclose(actions_of(agent, [4], SAMPLED)[0], together[1], atol=2e-3)


def test_bench_runs_them_with_exact_and_sampled_labels(tmp_path: Path) -> None:
    plan = make_plan(
        agents=["static", "lifelong-gpo", "lifelong-steerlm", "lifelong-dpo?loss=rdpo"],
        challenges=["follow"],
        histories=["synthetic:linear?seed=0"],
        seeds=1,
    )
    outcome = run_bench(plan, tmp_path / "run", workers=1, progress=False)
    assert not outcome.failures and {row.labels for row in outcome.results.aggregates} == {"probability", "sample"}


def test_reasons_are_comparisons_of_dimensions() -> None:
    """One comparison, x = (2, -2, 0), a preferred with y = .8: two tags, half of it each, sigma(2 theta_d) with .8 and .2."""
    stage = Stage(
        features=torch.tensor([[[2.0, -2.0, 0.0]]], dtype=torch.float64),
        offsets=torch.zeros(1, 1, dtype=torch.float64),
        targets=torch.full((1, 1), 0.8, dtype=torch.float64),
        weights=torch.ones(1, 1, dtype=torch.float64),
        start=torch.zeros(1, 3, dtype=torch.float64),
    )
    more = extended("rdpo?gamma=0.5", stage)
    assert more is not None
    longer, shift = more
    torch.testing.assert_close(longer.targets[0], torch.tensor([0.8, 0.8, 0.2, 0.5], dtype=torch.float64))
    torch.testing.assert_close(longer.weights[0], torch.tensor([1.0, 0.25, 0.25, 0.0], dtype=torch.float64))
    torch.testing.assert_close(longer.features[0, 1:3, :2], torch.diag(torch.full((2,), 2.0, dtype=torch.float64)))
    assert not shift.any()
    theta = Dpo(loss="rdpo?gamma=100").update(stage)
    assert theta[0, 0] > 0 > theta[0, 1] and theta[0, 2] == 0


@pytest.mark.parametrize("whole", [True, False])
def test_degrees_that_lose_the_same_tag_are_one_comparison(whole: bool) -> None:
    """What they cost together is what each would by itself: u gamma L(theta . lost, y), one by one."""
    random = np.random.default_rng(0)
    drawn = random.integers(-2, 3, (2, 20, 3)) if whole else random.normal(size=(2, 20, 3))
    features, (targets, weights) = torch.from_numpy(drawn).double(), torch.from_numpy(random.random((2, 2, 20)))
    theta, nothing = torch.from_numpy(random.normal(size=(2, 3, 1))), torch.zeros(2, 20, dtype=torch.float64)
    stage = Stage(features=features, offsets=nothing, targets=targets, weights=weights, start=theta[..., 0])
    longer, _ = extended("spo?gamma=0.3", stage)
    cost = longer.weights * loss_of("sigmoid")(Margins(margin=(longer.features @ theta)[..., 0], target=longer.targets))
    assert longer.targets.shape[1] <= (20 + 13 if whole else 60)  # 3 tags of sizes -2, -1, 1, 2, and nothing
    for row in range(2):
        expected = 0.0
        for x, y, u in zip(features[row], targets[row], weights[row], strict=True):
            strongest = x.abs().argmax()
            each = [(x @ theta[row, :, 0], 1.0)] + [(x[strongest] * theta[row, strongest, 0], 0.3)] * bool(x.any())
            expected += sum(float(u * share * loss_of("sigmoid")(Margins(margin=m, target=y))) for m, share in each)
        assert float(cost[row].sum()) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("levels", "ask", "times"), [(1, 1.0, 1.0), (3, 1.0, 3.0), (2, 0.75, 1.0), (1, 0.5, 0.0)])
def test_steering_to_the_best_score_adds_a_logit_for_each_vote(levels: int, ask: float, times: float) -> None:
    """One option of two is preferred with .8, x = 2: theta = start + n (2 ask - 1) log 4 / 2; at 1/2 the policy stays."""
    stage = Stage(
        features=torch.full((1, 1, 1), 2.0, dtype=torch.float64),
        offsets=torch.full((1, 1), 0.3, dtype=torch.float64),
        targets=torch.full((1, 1), 0.8, dtype=torch.float64),
        weights=torch.full((1, 1), 1e5, dtype=torch.float64),
        start=torch.full((1, 1), -0.4, dtype=torch.float64),
    )
    theta = SteerLm(levels=levels, ask=ask).update(stage)
    assert float(theta) == pytest.approx(-0.4 + times * np.log(4.0) / 2.0, abs=1e-4)
    undecided = replace(stage, targets=torch.full((1, 1), 0.5, dtype=torch.float64))
    assert float(SteerLm(levels=levels, ask=ask).update(undecided)) == pytest.approx(-0.4, abs=1e-5)


def test_what_a_stance_cannot_have_is_refused() -> None:
    env = envs_of(1, "follow", LINEAR)[0]
    observation, _ = env.reset(seed=0)
    agent = make("lifelong-dpo?loss=latency")
    agent.reset(env)
    with pytest.raises(UserError, match="a stance answers at once"):
        agent.act(observation)
    agent = make("lifelong-dpo?loss=gpo")
    agent.reset(env)
    with pytest.raises(UserError, match="lifelong-gpo and lifelong-steerlm"):
        agent.act(observation)
    with pytest.raises(UserError, match="ask is 2"):
        make("lifelong-steerlm?ask=2")
    with pytest.raises(UserError, match="loss=sigmoid or ipo, not rdpo"):
        make("conditional-dpo?loss=rdpo")
    with pytest.raises(UserError, match="unknown preference model 'hrcc'"):
        make("lifelong-gpo?model=hrcc")
