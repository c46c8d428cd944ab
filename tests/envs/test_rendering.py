"""Pictures: every mode works without a display, and drawing never changes an episode."""

from __future__ import annotations

import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest

from tests.envs.rollout import ANSWER_IDS, LINEAR, assert_same, episode


@pytest.mark.parametrize("name", ANSWER_IDS)
def test_modes(name: str) -> None:
    env = gym.make(name, history=LINEAR, render_mode="ansi")
    env.reset(seed=0)
    first = env.render()
    env.step(env.action_space.sample())
    second = env.render()
    assert isinstance(first, str) and isinstance(second, str) and "C021" in first != second
    env = gym.make(name, history=LINEAR, render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    env.step(env.action_space.sample())
    after = env.render()
    assert (
        isinstance(before, np.ndarray)
        and isinstance(after, np.ndarray)
        and after.dtype == np.uint8
        and after.shape == (400, 700, 3)
    )
    assert not np.array_equal(before, after)


def test_human_mode_draws_by_itself_and_changes_nothing() -> None:
    plain, seen = (gym.make("ProgressGym/Follow-v0", history=LINEAR, render_mode=mode) for mode in (None, "human"))
    assert_same(episode(plain), episode(seen))
    assert seen.render() is None
    seen.close()
    seen.close()


def test_no_mode_warns() -> None:
    env = gym.make("ProgressGym/Follow-v0", history=LINEAR).unwrapped
    env.reset(seed=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert env.render() is None
    assert any("render_mode" in str(warning.message) for warning in caught)


def test_matplotlib_is_not_loaded_without_a_picture() -> None:
    code = (
        "import sys, gymnasium, progressgym\n"
        f"env = gymnasium.make('ProgressGym/FollowStance-v0', history={LINEAR!r})\n"
        "env.reset(seed=0); env.step(env.action_space.sample())\n"
        "assert not {'matplotlib', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["$a_$b$\\frac$", "\ud800\n", "x" * 3000])
def test_any_title_is_drawn(name: str) -> None:
    from dataclasses import replace

    from progressgym.envs.rendering import draw_array

    env = gym.make(ANSWER_IDS[0], history=LINEAR, render_mode="rgb_array")
    env.reset(seed=0)
    scene = replace(env.unwrapped._scene(), title=name)  # type: ignore[attr-defined]
    assert draw_array(scene).shape == (400, 700, 3)
