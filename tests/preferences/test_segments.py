"""Segments from a file: what would have been possible, the gap between regret and return, and every mistake in a line."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.preferences.compare import compare
from progressgym.preferences.datasets import load
from progressgym.preferences.segments import DISCOUNT, successors

ROW: dict[str, Any] = {
    "left": {"states": [0, 1, 2], "features": [[1, 0], [0, 1]]},
    "right": {"states": [0, 2], "features": [[0.5, 0]]},
    "preferred": "left",
}


def write(path: Path, rows: list[Any]) -> str:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return str(path)


def test_successors_of_a_line_with_a_fork() -> None:
    """0 -> 1 pays the first feature, 0 -> 2 the second, 1 -> 3 the first again; 2 and 3 end."""
    pool = successors(np.array([0, 0, 1]), np.array([1, 2, 3]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    assert {tuple(row) for row in pool[:, 0].round(9).tolist()} == {(1 + DISCOUNT, 0.0), (0.0, 1.0)}
    np.testing.assert_allclose(pool[:, 1], [[1.0, 0.0]] * len(pool))
    assert not pool[:, 2:].any()


def test_regret_reads_a_file_of_segments(tmp_path: Path) -> None:
    """A segment that moves towards the prize is preferred, though it collects less on the way.

    That it explains what return cannot is in `tests/research/test_models_on_data.py`.
    """
    random = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for _ in range(150):
        sides: list[dict[str, list[Any]]] = []
        for _ in range(2):
            start = int(random.integers(0, 8))
            on = random.random() < 0.5
            states = [start, min(start + 1, 9), min(start + 2, 9)] if on else [start] * 3
            features = [[float(b == a), float(b == 9 and a < 9)] for a, b in itertools.pairwise(states)]
            sides.append({"states": states, "features": features})
        regret = [float(side["states"][0] != side["states"][-1]) for side in sides]
        if regret[0] != regret[1]:
            rows.append(
                {"left": sides[0], "right": sides[1], "preferred": "left" if regret[0] > regret[1] else "right"}
            )
    rows += [
        {
            "left": {"states": [8, 9], "features": [[0, 1]]},
            "right": ROW["right"] | {"states": [0, 0], "features": [[1, 0]]},
            "preferred": "left",
        }
    ]
    found = {
        row.model: row for row in compare(load(write(tmp_path / "s.jsonl", rows), None), ["bradley-terry", "regret"])
    }
    assert found["regret"].accuracy >= 0.95 and found["regret"].log_likelihood > -0.4


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROW, "[]"], "line 2 is no JSON object"),
        ([ROW | {"preferred": "both"}], "preferred is 'both'; left or right is expected, a tie says nothing"),
        ([ROW, ROW | {"right": 3}], "line 2, right: an object with lists states and features"),
        ([ROW | {"left": {"states": [0, 1], "features": [[1, 0], [1, 0]]}}], "2 states for 2 steps"),
        ([ROW | {"left": {"states": [0, -1], "features": [[1, 0]]}}], "whole numbers from 0"),
        ([ROW | {"left": {"states": [0, 1], "features": [[1]]}}], "a list of 1 finite numbers"),
        ([ROW | {"left": {"states": [0, 1], "features": ["a"]}}], "a list of some finite numbers"),
        ([json.dumps(ROW).replace("0.5", "NaN")], "a list of 2 finite numbers"),
        ([ROW | {"right": ROW["left"]}], "a segment beside itself says nothing"),
    ],
)
def test_mistakes_are_named_with_their_line(rows: list[Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        load(write(tmp_path / "s.jsonl", rows), None)
