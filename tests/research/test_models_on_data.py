"""Preferences by regret are told from preferences by return, each by the likelihood of its own model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from progressgym.preferences.compare import compare
from progressgym.preferences.datasets import load
from research.models_on_data import grid_segments

torch.set_num_threads(1)


@pytest.mark.parametrize("by_regret", [True, False])
def test_each_explains_what_was_made_its_way(by_regret: bool, tmp_path: Path) -> None:
    path = tmp_path / "segments.jsonl"
    rows = grid_segments(1, 150, by_regret)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = {row.model: row for row in compare(load(str(path), None), ["bradley-terry", "regret"], folds=2)}
    better, worse = ("regret", "bradley-terry") if by_regret else ("bradley-terry", "regret")
    assert found[better].accuracy > found[worse].accuracy + 0.05
    assert found[better].log_likelihood_interval[0] > found[worse].log_likelihood_interval[1]
