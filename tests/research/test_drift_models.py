"""Which model predicts progress: the page says what was measured, and what was measured is not run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from progressgym.agents import check
from progressgym.core.reading import read_json
from research import drift_models, drift_page
from research.drift_models import Table, agents_of, explained, measure, methods


def test_the_page_shows_the_results() -> None:
    page = drift_page.PAGE.read_text(encoding="utf-8")
    shown = page.partition(drift_page.BEGIN)[2].partition(drift_page.END)[0].strip()
    assert shown == drift_page.page_tables(read_json(drift_models.RESULTS)), (
        "run python -m research.drift_models --table"
    )


def test_every_method_has_every_setting_and_exists() -> None:
    assert all(check(one) for each in methods().values() for one in each)
    named = agents_of({name: each[0] for name, each in methods().items()}, "planted")
    assert len(set(named.values())) == len(named) and all(check(one) for one in named.values())


def test_a_table_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two agents on one short run, then again from the file: nothing is run."""
    monkeypatch.setattr(drift_models, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(drift_models, "agents_of", lambda *_: {name: name for name in ("static", "lifelong-map")})
    monkeypatch.setattr(drift_models, "RIVALS", ("static",))
    table = Table(history="synthetic:linear?coherence=0.5", ahead=2, first=0, count=2)
    results: dict[str, Any] = {"settings": {"first": {}}}
    measure(table, tmp_path / "cells", 1, results)
    row = results["tables"][table.key]["rows"]["lifelong-map"]
    low, mid, high = row["explained"]
    assert low <= mid <= high and row["leads"]["static"][1] == pytest.approx(mid, abs=1e-3)
    monkeypatch.setattr(drift_models, "explained", lambda *_: pytest.fail("run again"))
    measure(table, tmp_path / "cells", 1, read_json(tmp_path / "results.json"))
    assert explained(["static"], table, tmp_path / "cells")["static"]["explained"] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("interval", "text"),
    [([0.03, 0.21, 0.372], "**.21 [.03, .37]**"), ([-1.5, -0.001, 0.0], ".00 [-1.50, .00]"), (None, "\N{EN DASH}")],
)
def test_cells(interval: list[float] | None, text: str) -> None:
    assert drift_page.cell(interval) == text
