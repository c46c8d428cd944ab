"""The study of losses on texts: rows from a file like MoralChoice's, what an arm changes of them, and the table by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from research.losses_on_texts import ARMS, BROKEN, HELD, lines_of, report, rows_of


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six scenarios, of which the last breaks no rule."""
    rules = [f"a{n}_{rule}" for n in (1, 2) for rule in BROKEN]
    lines = [",".join(["context", "action1", "action2", *rules])]
    for n in range(6):
        broken = [("Yes" if n < 5 and rule == f"a2_{list(BROKEN)[n]}" else "No") for rule in rules]
        lines.append(",".join([f"You met person {n}.", f"I help {n}.", f"I harm {n}.", *broken]))
    path = tmp_path_factory.mktemp("data") / "rows.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def test_rows_say_which_rules_are_broken_and_a_seed_orders_them(file: Path) -> None:
    lines = lines_of(file, 0)
    assert len(lines) == 5 and lines != lines_of(file, 1) and lines == lines_of(file, 0)
    one = next(line for line in lines if "person 1" in line["prompt"])
    assert one["rationale"] == "because the other would cause pain."
    assert one["chosen_attributes"] == {"kept": 10} and one["rejected_attributes"] == {"kept": 9}


def test_permuted_reasons_are_those_of_other_rows_and_nothing_else_changes(file: Path) -> None:
    lines = lines_of(file, 0)
    own, permuted = (rows_of(lines, arm, 0) for arm in ("rdpo", "rdpo permuted"))
    reasons = [[row.terms[0].continuation for row in rows] for rows in (own, permuted)]
    assert reasons[0] != reasons[1] and sorted(reasons[0]) == sorted(reasons[1])
    assert [(a.prompt, a.chosen, a.terms[0].prompt) for a in own] == [
        (b.prompt, b.chosen, b.terms[0].prompt) for b in permuted
    ]
    assert all(len(rows_of(lines, arm, 0)) == 5 for arm in ARMS)


def test_the_table_counts_rows_and_pairs_them() -> None:
    def cell(right: int) -> dict[str, list[float]]:
        odds = np.where(np.arange(HELD) < right, 1.0, -1.0).tolist()
        return {"sum": odds, "mean": odds}

    half, most = HELD // 2, HELD * 3 // 4
    table = report(
        {"model": "m", "rows": 2, "cells": {"0 before": cell(half), "0 sigmoid": cell(half), "0 ipo": cell(most)}}
    )
    row = next(line for line in table.splitlines() if line.startswith("| `ipo`"))
    assert "| 0.750 | +0.250 [" in row and "| 1 |" in row
