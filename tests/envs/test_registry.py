"""Every registered environment keeps Gymnasium's promises and ours."""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from progressgym.core.errors import UserError
from progressgym.envs.actions import to_action
from progressgym.histories.history import shipped_names
from tests.envs.rollout import ANSWER_IDS, IDS, LINEAR, STANCE_IDS, assert_same, episode


def test_what_is_registered() -> None:
    challenges = ("Follow", "Predict", "Coevolve")
    expected = [f"ProgressGym/{name}{flavour}-v0" for name in challenges for flavour in ("", "Stance")]
    newer = [f"Coevolve{flavour}-v{version}" for version in (1, 2) for flavour in ("", "Stance")]
    newer += ["PredictLast-v0", "PredictLastStance-v0", "FollowStance-v1", "PredictStance-v1"]
    assert [*expected, *(f"ProgressGym/{name}" for name in newer)] == IDS


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("__version__ = '1.26.1'\nAECEnv = ParallelEnv = object\n", "cannot import name 'register' from 'pettingzoo'"),
        ("raise ImportError('libSDL is missing')\n", "libSDL is missing"),
    ],
)
def test_gymnasium_needs_no_registry_of_pettingzoo(content: str, reason: str, tmp_path: Path) -> None:
    """Version 1.26 of PettingZoo has no registry; other packages bring it."""
    (tmp_path / "pettingzoo").mkdir()
    (tmp_path / "pettingzoo" / "__init__.py").write_text(content)
    script = "import sys; sys.path.insert(0, sys.argv[1]); import gymnasium, progressgym; "
    script += "gymnasium.make('ProgressGym/Follow-v0', history='synthetic:linear').reset(seed=0); print('fine')"
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout == "fine\n", done.stderr
    (line,) = (line for line in done.stderr.splitlines() if "UserWarning" in line)
    assert "ProgressGym/Debate-v0" in line and "pip install 'pettingzoo>=1.27'" in line and reason in line


CLASSES = list({gym.spec(name).entry_point: name for name in IDS}.values())
"""The last id of every class; the others differ from it in nothing but defaults."""


@pytest.mark.parametrize("history", ["synthetic:linear", LINEAR])
@pytest.mark.parametrize("name", IDS)
def test_check_env_is_clean(name: str, history: str) -> None:
    """Pictures are looked at once for each id: they do not depend on where the history comes from."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*is out of date.*", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message=".*we recommend using a symmetric and normalized space.*")  # v1: +-10
        env = gym.make(name, history=history, labels="sample", queries=40, text=name in ANSWER_IDS)
        check_env(env.unwrapped, skip_render_check=history != LINEAR)
        check_env(
            gym.make(name, history=history, reward="gain", reward_items="elicitation").unwrapped, skip_render_check=True
        )


@pytest.mark.parametrize("name", IDS)
def test_entry_points_are_strings_and_specs_are_json(name: str) -> None:
    spec = gym.spec(name)
    assert isinstance(spec.entry_point, str) and not spec.nondeterministic
    made = gym.make(name, history=LINEAR, queries=19).spec
    assert made is not None
    again = gym.make(gym.envs.registration.EnvSpec.from_json(made.to_json()), max_episode_steps=-1)
    assert_same(episode(again)[1], episode(gym.make(name, history=LINEAR, queries=19))[1])


@pytest.mark.parametrize("name", IDS)
def test_two_environments_with_one_seed_agree(name: str) -> None:
    arguments: dict[str, Any] = {"history": ["synthetic:linear", "synthetic:cyclic"], "labels": "sample", "queries": 50}
    a, b = gym.make(name, **arguments), gym.make(name, **arguments)
    assert_same(episode(a, 3), episode(b, 3))
    assert_same(episode(a, None), episode(b, None))
    with pytest.raises(AssertionError):
        assert_same(episode(a, 4), episode(b, 5))


@pytest.mark.parametrize("name", IDS)
def test_pickled_in_the_middle_of_an_episode(name: str) -> None:
    """With a window for one id of every class; the others have the same."""
    mode = "human" if name in CLASSES else None
    env = gym.make(name, history="synthetic:linear", labels="sample", render_mode=mode).unwrapped
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(2)]
    env.step(actions[0])
    copy = pickle.loads(pickle.dumps(env))  # noqa: S301 (our own bytes)
    for action in actions[1:]:
        assert_same(env.step(action), copy.step(action))
    env.close()
    copy.close()


@pytest.mark.parametrize("reward", ["utility", "gain"])
@pytest.mark.parametrize("name", IDS)
def test_reward_is_what_info_says(name: str, reward: str) -> None:
    env = gym.make(name, history=LINEAR, reward=reward)
    static = np.array([step[4]["scores"]["utility"] for step in play_static(name)])
    shared = np.sum(1 - static)
    for n, (_, value, _, truncated, info) in enumerate(episode(env)[1]):
        utility = info["scores"]["utility"]
        gain = np.clip((utility - static[n]) / (1 - static[n]), -1, 1)
        if name.endswith("-v2"):  # rewards add up to the score
            gain = (utility - static[n]) / shared
        expected = utility if reward == "utility" else gain
        assert value == pytest.approx(expected, abs=1e-9)
        assert type(truncated) is bool and truncated is False


def play_static(name: str, reward: str = "utility") -> list[Any]:
    """The episode of an agent that answers as in century 0."""
    env = gym.make(name, history=LINEAR, reward=reward)
    env.reset(seed=0)
    initial = to_action(env.get_wrapper_attr("task").initial_answers)
    action = np.zeros(19, dtype=np.float32) if name in STANCE_IDS else initial
    steps: list[Any] = []
    while not steps or not steps[-1][2]:
        steps.append(env.step(action))
    return steps


@pytest.mark.parametrize("name", IDS)
def test_static_gains_exactly_nothing(name: str) -> None:
    assert {step[1] for step in play_static(name, reward="gain")} == {0.0}


@pytest.mark.parametrize("name", IDS)
def test_info_is_alike_in_all_steps_and_without_nan(name: str) -> None:
    """Reset and steps: the same keys, types and shapes, so that clients can make arrays of them before they have any."""
    env = gym.make(name, history="synthetic:abrupt", text=name in ANSWER_IDS)
    for seed in range(5):
        (_, first), steps = episode(env, seed)
        infos = [first, *(step[4] for step in steps)]
        json.dumps(infos, allow_nan=False, default=np.ndarray.tolist)
        assert {"utility", "drift_cosine", "dimension_error", "agent_values", "human_values"} <= first["scores"].keys()
        forms = [{key: (type(x), np.shape(x)) for key, x in info["scores"].items()} for info in infos]
        assert forms == [forms[0]] * len(forms)
        assert all(kind is np.ndarray if shape else kind is float for kind, shape in forms[0].values())


@pytest.mark.parametrize("name", IDS)
def test_the_scores_of_a_reset_tell_of_century_0_alone(name: str) -> None:
    """Histories that begin alike and part later have the same; nobody has earned anything yet."""
    told = []
    for history in (LINEAR, "synthetic:linear?coherence=0.5&seed=0&amplitude=2"):
        env = gym.make(name, history=history)
        told.append(env.reset(seed=0)[1]["scores"])
        human = env.get_wrapper_attr("history").values(env.get_wrapper_attr("task").evaluation)
        for key in told[-1]:
            if key.endswith("_values"):
                np.testing.assert_allclose(told[-1][key], human[0], atol=1e-12)
            elif key != "entropy":
                assert told[-1][key] == 0.0
        assert np.abs(human[-1] - human[0]).max() > 0.01
    assert_same(*told)


@pytest.mark.parametrize("name", IDS)
def test_specs_know_how_long_episodes_are(name: str) -> None:
    """Without a time limit: the last step is terminal and nothing else."""
    env = gym.make(name, history="synthetic:linear?centuries=6&seed=1")
    assert env.spec is not None and env.spec.max_episode_steps == env.get_wrapper_attr("steps") < 6
    aware = gym.wrappers.TimeAwareObservation(env, flatten=False, normalize_time=True)
    observation, steps = aware.reset(seed=0)[0], 0
    assert observation["time"].item() == 0.0
    done = False
    while not done:
        observation, _, done, truncated, _ = aware.step(aware.action_space.sample())
        steps += 1
        assert not truncated and observation["time"].item() == pytest.approx(
            steps / float(env.spec.max_episode_steps or 0)
        )
    assert observation["time"].item() == 1.0
    vector: Any = gym.make_vec(env.spec, num_envs=2)
    assert vector.spec.kwargs["history"] == env.spec.kwargs["history"]
    with pytest.raises(UserError, match="never cut off"):
        gym.make_vec(name, history=LINEAR, max_episode_steps=3)


@pytest.mark.parametrize("name", IDS)
def test_a_history_that_stands_still(name: str) -> None:
    """No drift cosine (0, not NaN), and no gain to be had."""
    env = gym.make(name, history="synthetic:linear?amplitude=0&seed=0", reward="gain")
    for _, reward, _, _, info in episode(env)[1]:
        assert info["scores"]["drift_cosine"] == 0.0 and np.isfinite(reward)


@pytest.mark.parametrize("name", IDS)
def test_bad_actions_raise(name: str) -> None:
    env = gym.make(name, history=LINEAR).unwrapped
    env.reset(seed=0)
    good = env.action_space.sample()
    bad = good.copy()
    bad.flat[0] = np.nan
    for action in (bad, good[:-1], np.zeros(0)):
        with pytest.raises(ValueError, match=r"NaN|shape"):
            env.step(action)
    env.step(good)
    env.step(good.astype(np.float64) * 1e6)


@pytest.mark.parametrize("name", IDS)
def test_steps_outside_of_an_episode_raise(name: str) -> None:
    env = gym.make(name, history=LINEAR).unwrapped
    with pytest.raises(gym.error.ResetNeeded):
        env.step(env.action_space.sample())
    episode(env)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(env.action_space.sample())
    env.reset()
    env.step(env.action_space.sample())


@pytest.mark.parametrize("name", IDS)
def test_reset_options(name: str) -> None:
    env = gym.make(name, history=LINEAR)
    other = "synthetic:cyclic?seed=5"
    env.reset(seed=0, options={"history": other})
    assert env.get_wrapper_attr("history").name == other
    env.reset(seed=0)
    assert env.get_wrapper_attr("history").name == LINEAR
    for options, message in (
        ({"histroy": other}, "did you mean 'history'"),
        ({"history": "synthetic:linear?centuries=5&seed=0"}, "5 centuries"),
        ({"history": "nowhere"}, "unknown history"),
    ):
        with pytest.raises(UserError, match=message):
            env.reset(options=options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"history": "nowhere"}, "unknown history"),
        ({"reward": "gains"}, "did you mean 'gain'"),
        ({"labels": "sampled"}, "did you mean 'sample'"),
        ({"queries": 0}, "whole number from 1 to 396"),
        ({"render_mode": "rgb"}, "rgb_array"),
    ],
)
@pytest.mark.parametrize("name", IDS)
def test_bad_arguments_are_named(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gym.make(name, **{"history": LINEAR, **arguments})


@pytest.mark.parametrize("name", IDS)
def test_vector_environments_repeat_single_ones(name: str) -> None:
    """Sync, and async for one id of every class; the episode ends in all at once, so no autoreset happens in between."""
    arguments: dict[str, Any] = {"history": "synthetic:linear", "queries": 30, "labels": "sample", "reward": "utility"}
    for mode in ("sync", "async") if name in CLASSES else ("sync",):
        vector: Any = gym.make_vec(name, num_envs=2, vectorization_mode=mode, **arguments)
        single = [gym.make(name, **arguments) for _ in range(2)]
        observations, _ = vector.reset(seed=[7, 8])
        alone = [env.reset(seed=seed)[0] for env, seed in zip(single, (7, 8), strict=True)]
        assert_rows(observations, alone)
        vector.action_space.seed(0)
        for _ in range(3):
            actions = vector.action_space.sample()
            observations, rewards, _, _, infos = vector.step(actions)
            results = [env.step(action) for env, action in zip(single, actions, strict=True)]
            assert_rows(observations, [result[0] for result in results])
            np.testing.assert_allclose(rewards, [float(result[1]) for result in results])
            np.testing.assert_allclose(infos["scores"]["utility"], rewards)
        vector.close()


def assert_rows(batched: Any, rows: list[Any]) -> None:
    for i, row in enumerate(rows):
        if isinstance(row, dict):
            assert_same({key: batched[key][i] for key in row}, row)
        else:
            np.testing.assert_array_equal(batched[i], row)


@pytest.mark.parametrize("name", IDS)
def test_stable_baselines_accepts_it(name: str) -> None:
    from stable_baselines3.common.env_checker import check_env as check

    env = gym.make(name, history="synthetic:linear")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it advises against Dict and large action spaces
        check(env.unwrapped, warn=name in STANCE_IDS)
    if name in ANSWER_IDS:
        space = env.observation_space
        assert isinstance(space, gym.spaces.Dict)
        torch.nn.ModuleDict({key: torch.nn.Identity() for key in space})


@pytest.mark.parametrize("name", IDS)
def test_docstrings_have_the_nine_headings(name: str) -> None:
    from docs.generate import HEADINGS

    text = inspect.getdoc(type(gym.make(name, history=LINEAR).unwrapped)) or ""
    found = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert tuple(found) == HEADINGS


@pytest.mark.skipif("histsmol-v1" not in shipped_names(), reason="the real history is not built yet")
@pytest.mark.parametrize("name", IDS)
def test_the_default_history(name: str) -> None:
    assert len(episode(gym.make(name))[1]) >= 7
