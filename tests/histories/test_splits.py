"""Splits of a fixed history: the same human and the same answers, items divided anew."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.histories.history import History
from progressgym.histories.splits import parse_split
from progressgym.instruments.split import balanced_split, imbalance


@pytest.mark.parametrize("name", ["gss-v1", "gss-annual-v1", "synthetic:linear?seed=3"])
def test_answers_stay_and_halves_change(name: str) -> None:
    shipped = History.load(name)
    seen = set()
    for split in (1, 2, 3):
        history = History.load(f"{name}{'&' if '?' in name else '?'}split={split}")
        own, other = history.instrument, shipped.instrument
        np.testing.assert_array_equal(history.answers, shipped.answers)
        assert own.items == other.items and own.asks_as(other) and own != other
        assert history.hash != shipped.hash and history.name.endswith(f"split={split}")
        assert (history.people is None) == (shipped.people is None) and dict(history.card) == dict(shipped.card)
        halves = balanced_split(own.items, seed=split)
        np.testing.assert_array_equal(own.elicitation, halves[split % 2])
        np.testing.assert_array_equal(own.evaluation, halves[1 - split % 2])
        seen.add(tuple(own.evaluation.tolist()))
    assert len(seen) == 3


def test_split_0_is_the_shipped_one_to_the_bit() -> None:
    for name in ("gss-v1", "gss-annual-v1", "histsmol-v1"):
        assert History.load(f"{name}?split=0").hash == History.load(name).hash


def test_items_take_turns_and_halves_stay_balanced() -> None:
    """37 items: halves of 19 and 18 in turn, and over 24 splits every item is scored about as often as not."""
    histories = [History.load(f"gss-v1?split={split}") for split in range(24)]
    assert [len(one.instrument.evaluation) for one in histories] == [18, 19] * 12
    often = np.bincount(np.concatenate([one.instrument.evaluation for one in histories]), minlength=37)
    assert often.min() >= 5 and often.max() <= 19
    for one in histories:
        worst = imbalance(one.instrument.items, one.instrument.elicitation, one.instrument.evaluation)
        assert worst.mean() < 0.35


def test_a_folder_has_splits_and_a_split_can_be_saved(tmp_path: Path) -> None:
    History.load("gss-v1").save(tmp_path / "mine")
    history = History.load(f"{tmp_path / 'mine'}?split=5")
    history.save(tmp_path / "fifth")
    again = History.load(tmp_path / "fifth")
    assert again.hash == history.hash == History.load("gss-v1?split=5").hash


def test_a_file_whose_name_looks_like_a_split_is_a_file(tmp_path: Path) -> None:
    History.load("gss-v1").save(tmp_path / "odd?split=1")
    assert parse_split(str(tmp_path / "odd?split=1"))[1] == 0
    assert History.load(tmp_path / "odd?split=1").hash == History.load("gss-v1").hash


def test_environments_and_their_vectors_take_splits() -> None:
    spec = "gss-v1?split=3"
    env = gym.make("ProgressGym/Follow-v0", history=spec).unwrapped
    env.reset(seed=0)
    asked = set(env.task.initial_preferences.pairs[:, 0].tolist())  # type: ignore[attr-defined]
    assert asked == set(History.load(spec).instrument.elicitation.tolist())
    single = gym.make("ProgressGym/FollowStance-v0", history=spec)
    many = gym.make_vec("ProgressGym/FollowStance-v0", num_envs=2, history=spec)
    single.reset(seed=0)
    many.reset(seed=0)
    action = np.full(19, 0.2, dtype=np.float32)
    _, reward, *_ = single.step(action)
    _, rewards, *_ = many.step(np.stack([action, action]))
    np.testing.assert_allclose(rewards, float(reward), atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gss-v1?split=-1", "whole number from 0"),
        ("gss-v1?split=1.5", "whole number from 0"),
        ("gss-v1?split=true", "whole number from 0"),
        ("gss-v1?split=1&split=2", "given twice"),
        ("gss-v1?split=" + "9" * 30, "whole number from 0"),
        ("gss-v1?slit=1", "unknown history"),
        ("gss?split=1", "did you mean 'gss-v1'"),
        ("gss-v1?split=1&seed=2", "unknown history"),
        ("synthetic:linear?split=1", "give it a seed"),
        ("resampled:histsmol-v1?seed=2&split=1", "no other split may divide copies"),
    ],
)
def test_bad_splits_are_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        History.load(text)
    assert "\n" not in str(caught.value)
