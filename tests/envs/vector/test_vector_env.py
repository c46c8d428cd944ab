"""What vector environments promise besides telling the story of single ones."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode

from progressgym.agents.methods import Map, Stage
from progressgym.agents.policies.stance_policy import StancePolicy
from progressgym.core.errors import UserError
from progressgym.envs.actions import to_action
from progressgym.envs.vector.base import ROWS
from progressgym.envs.vector.streams import Streams
from progressgym.histories.history import History
from tests.envs.rollout import LINEAR
from tests.envs.vector.reference import VECTOR_IDS, alike, native

FOLLOW = "ProgressGym/Follow-v0"
STANCE = "ProgressGym/FollowStance-v0"


def test_all_challenges_have_one() -> None:
    challenges = ("Follow", "Predict", "Coevolve")
    expected = {f"ProgressGym/{name}{flavour}-v0" for name in challenges for flavour in ("", "Stance")}
    assert expected <= set(VECTOR_IDS)
    for name in VECTOR_IDS:
        assert isinstance(gym.spec(name).vector_entry_point, str)


@pytest.mark.parametrize("name", VECTOR_IDS)
def test_wrappers_of_gymnasium_run_on_it(name: str) -> None:
    envs = gym.wrappers.vector.RecordEpisodeStatistics(native(name, 4, "next_step", history=LINEAR))
    envs.reset(seed=0)
    total = np.zeros(4)
    for _ in range(8):
        _, rewards, terminations, _, infos = envs.step(alike(envs))
        total += rewards
        if terminations.all():
            break
    np.testing.assert_allclose(infos["episode"]["r"], total, rtol=1e-5)


def test_returned_arrays_are_not_used_again() -> None:
    names = (FOLLOW, STANCE, "ProgressGym/CoevolveStance-v0", "ProgressGym/PredictStream-v0")
    for name, back_end in itertools.product(names, ("numpy", "numba")):
        envs, twin = (native(name, 3, "next_step", history=LINEAR, array_backend=back_end) for _ in range(2))
        given, expected = envs.reset(seed=0), twin.reset(seed=0)
        envs.action_space.seed(0)
        for _ in range(10):
            spoil(given)
            action = envs.action_space.sample()
            given, expected = envs.step(action), twin.step(action)
            np.testing.assert_array_equal(given[1], expected[1])
            first, second = (step[0]["labels"] if isinstance(step[0], dict) else step[0] for step in (given, expected))
            np.testing.assert_array_equal(first, second)


def spoil(value: Any) -> None:
    """Overwrite every number of a structure."""
    if isinstance(value, dict):
        for part in value.values():
            spoil(part)
    elif isinstance(value, tuple):
        for part in value:
            spoil(part)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        value[...] = 1


@pytest.mark.parametrize("back_end", ["numpy", "numba"])
@pytest.mark.parametrize("labels", ["probability", "sample"])
@pytest.mark.parametrize("other", ["synthetic:cyclic?seed=5", "synthetic:abrupt"])
def test_other_histories_for_one_episode(back_end: str, labels: str, other: str) -> None:
    """In some rows alone; the next episodes go on with the streams."""
    envs = native(STANCE, 3, "next_step", history=LINEAR, labels=labels, array_backend=back_end)
    single = gym.make(STANCE, history=LINEAR, labels=labels)
    mask = np.array([False, True, False])
    before, _ = envs.reset(seed=0)
    np.testing.assert_allclose(before[1], single.reset(seed=1)[0], atol=1.2e-7)
    after, _ = envs.reset(options={"history": other, "reset_mask": mask})
    np.testing.assert_allclose(after[1], single.reset(options={"history": other})[0], atol=1.2e-7)
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])
    again, _ = envs.reset()
    np.testing.assert_allclose(again[1], single.reset()[0], atol=1.2e-7)


def test_steps_outside_of_an_episode_raise() -> None:
    for mode in ("next_step", "disabled"):
        envs = native(STANCE, 2, mode, history=LINEAR)
        with pytest.raises(gym.error.ResetNeeded):
            envs.step(envs.action_space.sample())
        with pytest.raises(gym.error.ResetNeeded):
            envs.reset(options={"reset_mask": np.array([True, False])})
    envs.reset(seed=0)
    for _ in range(8):
        envs.step(envs.action_space.sample())
    with pytest.raises(gym.error.ResetNeeded, match="reset_mask"):
        envs.step(envs.action_space.sample())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"autoreset_mode": "next"}, "autoreset mode"),
        ({"array_backend": "jax"}, "torch"),
        ({"dtype": "float16"}, "float32"),
        ({"device": "cuda"}, 'array_backend="torch"'),
        ({"array_backend": "torch", "device": "nowhere"}, "nowhere"),
        ({"text": True}, "sync"),
        ({"render_mode": "ansi"}, "sync"),
        ({"num_envs": 0}, "num_envs"),
        ({"reward": "gains"}, "did you mean 'gain'"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        gym.make_vec(STANCE, **{"num_envs": 2, "history": LINEAR, **arguments})


def test_bad_resets_are_named() -> None:
    envs = native(STANCE, 2, "disabled", history=LINEAR)
    for arguments, message in (
        ({"seed": [1]}, "1 seeds for 2"),
        ({"seed": -1}, "seed -1"),
        ({"seed": [0, "x"]}, "'x'"),
        ({"options": {"reset_mask": [True, True]}}, "bool array"),
        ({"options": {"reset_mask": np.zeros(2, dtype=bool)}}, "names no row"),
        ({"options": {"histroy": LINEAR}}, "did you mean 'history'"),
        ({"options": {"history": "synthetic:linear?centuries=5&seed=0"}}, "5 centuries"),
    ):
        with pytest.raises(UserError, match=message):
            envs.reset(**arguments)


@pytest.mark.parametrize("back_end", ["numpy", "numba"])
@pytest.mark.parametrize("name", VECTOR_IDS)
def test_bad_actions_raise_unless_they_are_ignored(name: str, back_end: str) -> None:
    envs = native(name, 2, "next_step", history=LINEAR, array_backend=back_end)
    envs.reset(seed=0)
    bad = envs.action_space.sample()
    bad[1].flat[0] = np.nan
    with pytest.raises(UserError, match="NaN"):
        envs.step(bad)
    with pytest.raises(UserError, match="shape"):
        envs.step(bad[:1])
    while not envs.step(alike(envs))[2].any():
        pass
    assert not envs.step(bad)[1].any()


def test_autoreset_modes_by_any_name() -> None:
    for mode in ("same_step", "SameStep", AutoresetMode.SAME_STEP):
        envs = gym.make_vec(STANCE, num_envs=1, autoreset_mode=mode, history=LINEAR)
        assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert gym.make_vec(STANCE, num_envs=1, history=LINEAR).metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


def test_streams_are_those_of_single_environments() -> None:
    rows = np.arange(3)
    streams = Streams(3)
    streams.seed([5, None, 7], rows)
    streams.skip(rows[[0, 2]], 1000)
    for row, seed in ((0, 5), (2, 7)):
        expected, _ = seeding.np_random(seed)
        expected.random(1000)
        np.testing.assert_array_equal(streams[row].random(3), expected.random(3))
    assert streams.seeds()[0] == 5 and streams.seeds()[2] == 7
    assert isinstance(streams[1], np.random.Generator)
    streams.seed([None, None, 7], rows[:2])
    assert streams.seeds()[0] == 5


def test_generators_and_attributes_a_row() -> None:
    envs = native(STANCE, 2, "next_step", history=LINEAR)
    envs.reset(seed=3)
    assert envs.np_random_seed == (3, 4) and len(envs.np_random) == 2
    single = gym.make(STANCE, history=LINEAR)
    single.reset(seed=4)
    assert envs.np_random[1].random() == single.unwrapped.np_random.random()
    assert envs.get_attr("steps") == (8, 8)


def test_torch_is_not_loaded_by_numpy() -> None:
    code = (
        "import sys, gymnasium, progressgym\n"
        f"envs = gymnasium.make_vec('{STANCE}', num_envs=2, history={LINEAR!r})\n"
        "envs.reset(seed=0); envs.step(envs.action_space.sample())\n"
        "assert not {'torch', 'stable_baselines3', 'matplotlib'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_agent_trains_a_thousand_seeds_on_the_device() -> None:
    """MAP tracking, as `lifelong-map` does it, for 1,000 episodes with sampled labels of their own at once.

    Tensors only: comparisons from the environment go to the solver, its stances go back as answers.
    """
    torch.set_num_threads(1)
    rows, history = 1000, History.load(LINEAR)
    envs = native(FOLLOW, rows, "disabled", history=history, labels="sample", queries=40, array_backend="torch")
    observation, _ = envs.reset(seed=0)
    policy = StancePolicy.of(history.instrument, np.repeat(history.answers[:1].astype(np.float64), rows, 0))
    features, offsets = policy.comparisons(observation["pairs"])
    theta, weights = policy.start(), torch.ones(rows, 40, dtype=torch.float64)
    static = torch.as_tensor(to_action(history.answers[0])).expand(rows, -1, -1)
    gap = []
    for _ in range(8):
        labels = observation["labels"].double()
        century = Stage(features=features, offsets=offsets, targets=labels, weights=weights, start=theta)
        theta = Map(prior=8.0).update(century)
        observation, rewards, *_ = envs.step(policy.logits(theta))
        assert rewards.shape == (rows,) and observation["labels"].device == rewards.device == theta.device
        gap.append(rewards)
    twin = native(FOLLOW, 1, "disabled", history=history, labels="sample", queries=40, array_backend="torch")
    twin.reset(seed=0)
    unmoved = torch.cat([twin.step(static[:1])[1] for _ in range(8)])
    assert len(torch.unique(torch.stack(gap)[-1])) > 900
    assert float(torch.stack(gap)[-1].mean()) > float(unmoved[-1])


@pytest.mark.parametrize("name", [n for n in VECTOR_IDS if "Stance" in n])
@pytest.mark.parametrize("history", [LINEAR, "synthetic:linear"])
def test_rewards_are_differentiable(name: str, history: str) -> None:
    """The gradient of the reward is its difference quotient."""
    envs = native(name, 2, "disabled", history=history, array_backend="torch", dtype="float64")
    torch.manual_seed(0)
    point, direction = 0.3 * torch.randn(2, 19, dtype=torch.float64), torch.randn(2, 19, dtype=torch.float64)

    def reward(stance: torch.Tensor) -> torch.Tensor:
        envs.reset(seed=1)
        envs.step(stance)
        total: torch.Tensor = envs.step(stance)[1].sum()
        return total

    stance = point.clone().requires_grad_()
    slope = torch.autograd.grad(reward(stance), stance)[0]
    quotient = (reward(point + 1e-5 * direction) - reward(point - 1e-5 * direction)) / 2e-5
    assert float((slope * direction).sum()) == pytest.approx(float(quotient), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("name", [n for n in VECTOR_IDS if n.startswith("ProgressGym/Follow")])
def test_tensors_of_a_step_may_take_part_in_a_graph(name: str) -> None:
    """A step that needs no gradients leaves nothing behind that a later backward pass could not use."""
    envs = native(name, 256, "disabled", history=LINEAR, array_backend="torch")
    envs.reset(seed=0)
    actions = torch.zeros(256, *envs.single_action_space.shape)
    observation, reward, *_, infos = envs.step(actions)
    shown = observation.values() if isinstance(observation, dict) else [observation]
    for tensor in (reward, *shown, *infos["scores"].values()):
        if tensor.is_floating_point():
            scale = torch.ones((), requires_grad=True)
            (scale * tensor).sum().backward()
            assert scale.grad is not None and float(scale.grad) == pytest.approx(
                float(tensor.sum()), rel=1e-5, abs=1e-4
            )
    stance = actions.clone().requires_grad_()
    envs.step(stance)[1].sum().backward()
    assert stance.grad is not None and bool(stance.grad.isfinite().all())


@pytest.mark.parametrize(
    "arguments",
    [
        {"labels": "sample"},
        {"history": "synthetic:linear"},
        {"queries": 20},
        {"labels": "sample", "array_backend": "numba"},
        {"history": "synthetic:linear", "array_backend": "numba"},
    ],
)
@pytest.mark.parametrize("name", [n for n in VECTOR_IDS if "Stance" in n])
def test_more_rows_than_a_block(name: str, arguments: dict[str, Any]) -> None:
    """Rows of every block, the last of a single row, are those of a smaller environment with the same seeds."""
    rows = 2 * ROWS + 1
    wide, narrow = (native(name, n, "next_step", **{"history": LINEAR, **arguments}) for n in (rows, 1))
    actions = np.random.default_rng(0).uniform(-1, 1, (3, rows, 19)).astype(np.float32)
    for row in (0, ROWS, rows - 1):
        found, _ = wide.reset(seed=5)
        expected, _ = narrow.reset(seed=5 + row)
        for action in actions:
            np.testing.assert_allclose(found[row], expected[0], atol=1.2e-7)
            found, rewards, *_ = wide.step(action)
            expected, alone, *_ = narrow.step(action[row : row + 1])
            assert rewards[row] == pytest.approx(float(alone[0]), abs=1e-9)
