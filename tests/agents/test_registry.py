"""Conformance: every agent of the registry, by the promises of its interface."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from progressgym.agents import check, make, names
from progressgym.agents.agent import PrivilegedAgent
from progressgym.bench.challenges import IDS
from progressgym.core.errors import UserError
from progressgym.core.protocols import AgentLike
from tests.agents.rollout import LINEAR, actions_of, envs_of, skill_of

torch.set_num_threads(1)
VARIANTS = [
    *(
        name for name in names() if name != "personal"
    ),  # answers its panel's questions only: tests/histories/test_panel.py
    "lifelong-map?independent=true",
    "lifelong-dpo?independent=true&reference=uniform",
    "lifelong-rlhf?reference=uniform",
    "lifelong-dpo?targets=signed",
    "lifelong-dpo?targets=debate",
    "extrapolative-dpo?forecast=2&order=2",
    "lifelong-map?forecast=1&order=1",
]


SHORT = f"{LINEAR}&centuries=5"
"""Four steps, two of them ahead by two centuries."""


@pytest.mark.parametrize("challenge", [*IDS, "follow?labels=sample", "predict?horizon=2"])
@pytest.mark.parametrize("name", VARIANTS)
def test_batch_equals_scalar_runs(name: str, challenge: str) -> None:
    """Shapes, dtype, range; and three seeds at once give the bits that each gives alone, in any order."""
    together = actions_of(name, [0, 1, 2], challenge, SHORT)
    env = envs_of(1, challenge, SHORT)[0]
    assert together.shape == (3, env.steps, *together.shape[2:]) and env.action_space.contains(together[0, 0])
    assert together.dtype == np.float32 and np.isfinite(together).all() and np.abs(together).max() <= 20
    alone = actions_of(name, [2], challenge, SHORT)
    assert np.array_equal(together[2], alone[0])


@pytest.mark.parametrize("name", VARIANTS)
def test_single_task_has_no_batch_axis(name: str) -> None:
    env = envs_of(1)[0]
    observation, info = env.reset(seed=3)
    agent = make(name)
    assert isinstance(agent, AgentLike)
    agent.reset(env.task, seed=3)
    if isinstance(agent, PrivilegedAgent):
        agent.reveal(env.history)
    action = agent.act(observation, info)
    assert env.action_space.contains(action)
    assert np.array_equal(action, actions_of(name, [3])[0, 0])


def test_reset_takes_an_environment() -> None:
    env = envs_of(1)[0]
    observation, info = env.reset(seed=0)
    agent = make("lifelong-map")
    agent.reset(env)
    from_env = agent.act(observation, info)
    agent.reset(env.task)
    assert np.array_equal(from_env, agent.act(observation, info))


def test_random_follows_its_seed() -> None:
    first, again, other = (actions_of("random", seeds)[0] for seeds in ([5], [5], [6]))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("method", ["dpo", "rlhf"])
@pytest.mark.parametrize("labels", ["probability", "sample"])
def test_lifelong_is_extrapolative_with_zero(method: str, labels: str) -> None:
    lifelong = actions_of(f"lifelong-{method}", [0, 1], f"follow?labels={labels}")
    zero = actions_of(f"extrapolative-{method}?forecast=0&order=0", [0, 1], f"follow?labels={labels}")
    assert np.array_equal(lifelong, zero)


@pytest.mark.parametrize("challenge", IDS)
def test_oracle_is_exactly_one_and_static_exactly_zero(challenge: str) -> None:
    oracle, static = skill_of("oracle", range(3), challenge).skill, skill_of("static", range(3), challenge).skill
    assert oracle is not None and static is not None
    assert (oracle.low, oracle.mid, oracle.high) == (1.0, 1.0, 1.0)
    assert (static.low, static.mid, static.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("labels", ["probability", "sample"])
def test_lifelong_map_learns(labels: str) -> None:
    """Its interval lies above 0 on the linear family at coherence 0.5."""
    result = skill_of("lifelong-map", range(10), f"follow?labels={labels}", LINEAR).skill
    assert result is not None and result.low > 0


def test_uniform_reference_repairs_the_overshoot() -> None:
    stage, uniform = (
        skill_of("lifelong-dpo", range(5)).skill,
        skill_of("lifelong-dpo?reference=uniform", range(5)).skill,
    )
    assert stage is not None and uniform is not None and uniform.mid > stage.mid + 0.2


def test_linear_trend_is_the_truth_on_lines() -> None:
    """Logits of the linear family are lines in time: the reference predicts two centuries ahead without error."""
    result = skill_of("linear-trend", range(3), "predict?horizon=2").skill
    assert result is not None and result.mid == pytest.approx(1.0, abs=0.01)


def test_forecast_helps_on_a_noiseless_trend() -> None:
    """The same method, one century ahead: extrapolating is nearer than not."""
    plain = skill_of("lifelong-map?prior=0.5", range(5), "predict", "synthetic:linear?coherence=1").utility.mid
    ahead = skill_of(
        "lifelong-map?prior=0.5&forecast=1&order=1", range(5), "predict", "synthetic:linear?coherence=1"
    ).utility.mid
    assert ahead > plain


def test_privileged_agents_are_marked_and_need_the_truth() -> None:
    privileged = {name for name in names() if make(name).privileged}
    assert privileged == {"oracle", "last-human", "last-century", "linear-trend"}
    env = envs_of(1)[0]
    observation, info = env.reset(seed=0)
    agent = make("oracle")
    agent.reset(env.task)
    with pytest.raises(UserError, match="reveal"):
        agent.act(observation, info)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lifelong-mapp", "did you mean 'lifelong-map'"),
        ("static?independent=true", "takes no arguments"),
        ("lifelong-dpo?bta_dpo=1", "did you mean 'beta_dpo'"),
        ("lifelong-dpo?beta_dpo=0", "positive number"),
        ("lifelong-dpo?independent=maybe", "true or false"),
        ("lifelong-dpo?reference=stge", "did you mean 'stage'"),
        ("lifelong-map?reference=stage", "unknown argument"),
        ("extrapolative-dpo?forecast=-1", "whole number"),
        ("extrapolative-dpo?forecast=1&horizon=1", "another name of forecast"),
    ],
)
def test_unknown_names_and_values(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(text)


def test_arguments_and_keywords_meet() -> None:
    assert make("lifelong-dpo?independent=true").name == make("lifelong-dpo", independent=True).name
    assert check("extrapolative-dpo?horizon=2") == "extrapolative-dpo?forecast=2"
    with pytest.raises(UserError, match="given as"):
        make("lifelong-dpo?beta_dpo=1", beta_dpo=2.0)
    with pytest.raises(UserError, match="takes no arguments"):
        make("static", policy="lm:tiny")


def test_misuse_is_told() -> None:
    env = envs_of(1)[0]
    observation, info = env.reset(seed=0)
    agent = make("lifelong-map")
    with pytest.raises(UserError, match="reset"):
        agent.act(observation, info)
    with pytest.raises(UserError, match="task"):
        agent.reset("follow")  # type: ignore[arg-type]
    agent.reset(env.task)
    with pytest.raises(UserError, match="labels have shape"):
        agent.act({**observation, "labels": observation["labels"][:5]}, info)
    with pytest.raises(UserError, match="same comparisons"):
        agent.act({**observation, "pairs": observation["pairs"][::-1]}, info)
    with pytest.raises(UserError, match=r"no CUDA|unknown device"):
        make("lifelong-map", device="cuda" if not torch.cuda.is_available() else "cudaa").reset(env.task)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("name", ["lifelong-map", "lifelong-dpo", "lifelong-rlhf?reference=uniform"])
def test_a_gpu_gives_the_same_answers(name: str) -> None:
    joint = "&" if "?" in name else "?"
    np.testing.assert_allclose(
        actions_of(f"{name}{joint}device=cuda", [0, 1]), actions_of(name, [0, 1]), rtol=1e-5, atol=1e-5
    )


def test_missing_labels_are_left_out() -> None:
    """NaN labels count as not given: with all of them missing MAP stays where it was."""
    env = envs_of(1)[0]
    observation, info = env.reset(seed=0)
    agent = make("lifelong-map")
    agent.reset(env.task)
    action = agent.act({**observation, "labels": np.full_like(observation["labels"], np.nan)}, info)
    static = make("static")
    static.reset(env.task)
    instrument = env.task.instrument
    from progressgym.envs.actions import to_answers

    same = to_answers(static.act(observation, info), instrument.mask)
    np.testing.assert_allclose(to_answers(action, instrument.mask), same, atol=2e-4)
