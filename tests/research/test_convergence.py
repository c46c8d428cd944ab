"""The page on whether instruments agree shows what its numbers say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.research.loading import script as load

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_shows_the_results() -> None:
    script = load("convergence")
    record = json.loads((ROOT / "docs" / "data" / "convergence.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "instruments" / "convergence.md").read_text(encoding="utf-8")
    block = page.partition("begin -->")[2].partition("<!--")[0].strip()
    assert block == script.report(record).strip(), "run python -m research.convergence report"


def test_changes_of_the_same_kind_correlate() -> None:
    script = load("convergence")
    rng = np.random.default_rng(0)
    people = np.where(np.arange(19) < 12, rng.normal(size=19), np.nan)
    same, other = script.alike(2.0 * people + 0.1, people, "a"), script.alike(rng.normal(size=19), people, "b")
    assert same.startswith("12 | 1.00 [1.00, 1.00]") and float(same.split("|")[-1]) < 0.01
    assert float(other.split("|")[-1]) > 0.05


def test_a_century_that_was_not_asked_is_none_and_not_zero() -> None:
    script = load("convergence")
    one = script.series_of("a", ("C1", "C2"), {"law": [0.1, None]})
    assert one.on19[0, 8] == pytest.approx(0.1) and np.isnan(one.on19[1]).all() and np.isnan(one.on19[0, :8]).all()
