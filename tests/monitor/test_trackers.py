"""Trackers: which there are, and what is said where one is not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from progressgym.core.errors import UserError
from progressgym.monitor.trackers import trackers


def test_trackers_stay_offline_and_missing_ones_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_DIR", "elsewhere")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "wandb" or None)
    assert trackers("none", tmp_path) == [] and trackers("wandb", tmp_path) == ["wandb"]
    import os

    assert (os.environ.pop("WANDB_MODE"), os.environ["WANDB_DIR"]) == ("offline", "elsewhere")
    with pytest.raises(UserError, match=r"pip install 'progress-gym\[trackio\]'"):
        trackers("trackio", tmp_path)
    with pytest.raises(UserError, match="did you mean 'wandb'"):
        trackers("wandbb", tmp_path)
