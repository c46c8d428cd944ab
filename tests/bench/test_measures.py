"""Measures beside the scores are asked for; what was run without one gets it when it is asked for later."""

from __future__ import annotations

from pathlib import Path

import pytest

from progressgym.bench.cells import read_cell
from progressgym.bench.measures import DEFAULT
from progressgym.bench.plan import Plan, make_plan
from progressgym.core.errors import UserError
from tests.bench.helpers import LINEAR, bench, cells

CELL = "synthetic_linear+coherence=0.5/follow/lifelong-map/0"


def plan(*measures: str) -> Plan:
    return make_plan(
        agents=["lifelong-map"],
        challenges=["follow"],
        histories=[LINEAR],
        seeds=1,
        labels=["probability"],
        measures=measures or DEFAULT,
    )


def test_without_and_then_with_justifiability(tmp_path: Path) -> None:
    bench(plan("none"), tmp_path / "later")
    without = read_cell(tmp_path / "later" / CELL).scores
    assert without.justifiability == []
    outcome = bench(plan(), tmp_path / "later")
    assert (outcome.fresh, outcome.reused) == (0, 1) and outcome.results.aggregates[0].justifiability is not None
    bench(plan("justifiability"), tmp_path / "at-once")
    assert cells(tmp_path / "later") == cells(tmp_path / "at-once")
    kept = read_cell(tmp_path / "later" / CELL).scores
    assert len(kept.justifiability) == 8 and kept.model_copy(update={"justifiability": []}) == without
    bench(plan("none"), tmp_path / "later")
    assert read_cell(tmp_path / "later" / CELL).scores == kept  # nothing is thrown away


@pytest.mark.parametrize("measures", [("justifyability",), ("none", "justifiability")])
def test_unknown_measures(measures: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=r"unknown measure .*known: justifiability, none"):
        plan(*measures)
