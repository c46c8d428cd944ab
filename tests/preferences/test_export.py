"""Export as preference rows for TRL."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import Comparisons
from progressgym.preferences.export import history_rows, preference_rows, write_jsonl

INSTRUMENT = Questionnaire.load("moral19-v1")
HISTORY = History.load("synthetic:linear?seed=0")


def test_the_preferred_option_is_chosen() -> None:
    comparisons = Comparisons(
        pairs=np.array([[0, 0, 1], [0, 0, 1], [1, 0, 1]]), labels=np.array([0.9, 0.25, 0.5], dtype=np.float32)
    )
    rows = preference_rows(INSTRUMENT, comparisons, "C014")
    first, second = INSTRUMENT.items[0].options
    assert [row["chosen"].strip() for row in rows[:2]] == [first, second]
    assert [row["rejected"].strip() for row in rows[:2]] == [second, first]
    assert [row["weight"] for row in rows] == pytest.approx([0.8, 0.5, 0.0])
    assert rows[0]["prompt"].startswith(INSTRUMENT.items[0].text) and rows[0]["century"] == "C014"


def test_rows_of_a_history_ask_the_same_each_century() -> None:
    rows = history_rows(HISTORY, queries=20, labels="sample", seed=1)
    assert len(rows) == 9 * 20 and {row["weight"] for row in rows} == {1.0}
    asked = [[row["prompt"] for row in rows if row["century"] == label] for label in HISTORY.labels]
    assert all(prompts == asked[0] for prompts in asked)
    assert rows == history_rows(HISTORY, queries=20, labels="sample", seed=1)


def test_json_lines(tmp_path: Path) -> None:
    rows = history_rows(HISTORY, queries=5)
    assert write_jsonl(tmp_path / "out.jsonl", rows) == 45
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert set(rows[0]) == {"prompt", "chosen", "rejected", "weight", "century"}
    with pytest.raises(UserError, match="no comparisons"):
        write_jsonl(tmp_path / "none.jsonl", [])
