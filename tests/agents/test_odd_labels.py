"""No pattern of labels, missing ones included, breaks an agent that learns; weights count as copies would."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from progressgym.agents import make, names, spec_of
from progressgym.agents.learner import Learner
from progressgym.agents.methods import Dpo, Map, Method, Stage
from tests.agents.rollout import envs_of

torch.set_num_threads(1)
QUERIES, STEPS = 6, 4
LEARNERS = [name for name in names() if spec_of(name).learns and name != "personal"]  # no panel was asked this
LABEL = st.one_of(st.just(float("nan")), st.sampled_from([0.0, 1.0, 0.5]), st.floats(0, 1, width=32))
HISTORIES = st.lists(st.lists(LABEL, min_size=QUERIES, max_size=QUERIES), min_size=STEPS, max_size=STEPS)


@pytest.mark.parametrize("kind", ["probability", "sample"])
@pytest.mark.parametrize("name", [*LEARNERS, "extrapolative-dpo?forecast=2&order=3&independent=true"])
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=HISTORIES)
def test_no_pattern_of_labels_breaks_an_agent(name: str, kind: str, labels: list[list[float]]) -> None:
    env = envs_of(1, f"predict?labels={kind}&queries={QUERIES}")[0]
    observation, info = env.reset(seed=0)
    agent = make(name)
    agent.reset(env.task)
    for row in labels:
        action = agent.act({**observation, "labels": np.array(row, dtype=np.float32)}, info)
        assert env.action_space.contains(action) and np.isfinite(action).all()


@pytest.mark.parametrize("forecast", [0, 1, 3])
@pytest.mark.parametrize("order", [0, 1, 4])
@pytest.mark.parametrize("method", ["dpo", "rlhf"])
@pytest.mark.parametrize("independent", ["true", "false"])
def test_any_forecast_and_order(method: str, forecast: int, order: int, independent: str) -> None:
    """Every K and M runs, iterative and independent; K = M = 0 is the lifelong agent to the bit."""
    env = envs_of(1, f"follow?queries={QUERIES}")[0]
    arguments = f"independent={independent}"
    ahead = make(f"extrapolative-{method}?forecast={forecast}&order={order}&{arguments}")
    lifelong = make(f"lifelong-{method}?{arguments}")
    observation, info = env.reset(seed=1)
    for agent in (ahead, lifelong):
        agent.reset(env.task)
    for _ in range(3):
        actions = [agent.act(observation, info) for agent in (ahead, lifelong)]
        assert np.isfinite(actions[0]).all()
        if forecast == order == 0:
            assert np.array_equal(actions[0], actions[1])
        observation = env.step(actions[1])[0]
    assert isinstance(ahead, Learner)
    assert ahead._features.shape[1] == QUERIES, "rows are weighted, never copied"


def test_a_weight_is_worth_as_many_copies() -> None:
    """Weight 3 on one comparison gives the minimum that three copies of it give."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(1, 5, 3, generator=random, dtype=torch.float64)
    y, o = torch.tensor([[0.9, 0.1, 0.6, 0.3, 0.8]], dtype=torch.float64), torch.zeros(1, 5, dtype=torch.float64)
    u, start = torch.tensor([[3.0, 1, 1, 1, 1]], dtype=torch.float64), torch.zeros(1, 3, dtype=torch.float64)
    rows = [0, 0, 0, 1, 2, 3, 4]
    one = torch.ones(1, 7, dtype=torch.float64)
    weighted = Stage(features=x, offsets=o, targets=y, weights=u, start=start)
    copied = Stage(features=x[:, rows], offsets=o[:, [0] * 7], targets=y[:, rows], weights=one, start=start)
    methods: list[Method] = [Map(prior=1.0), Dpo(), Dpo(loss="ipo")]
    for method in methods:
        torch.testing.assert_close(method.update(weighted), method.update(copied))
