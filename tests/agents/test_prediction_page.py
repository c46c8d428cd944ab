"""The prediction page shows what was measured, under the conditions that were written down first."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from progressgym.agents import check
from progressgym.histories.source import resolve_history

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "benchmarks" / "predict.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    if not SCRIPT.is_file():
        pytest.skip("needs the repository, not an installed package")
    spec = importlib.util.spec_from_file_location("predict_benchmark", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_the_results(script: ModuleType) -> None:
    setup, results = (json.loads(path.read_text(encoding="utf-8")) for path in (script.SETUP, script.RESULTS))
    page = script.PAGE.read_text(encoding="utf-8")
    shown = page.partition(script.BEGIN)[2].partition(script.END)[0].strip()
    assert shown == script.table(results, setup), "run python benchmarks/predict.py --table"


def test_conditions_and_agents_exist(script: ModuleType) -> None:
    setup = json.loads(script.SETUP.read_text(encoding="utf-8"))
    found = list(script.conditions(setup))
    assert len({condition.key for condition in found}) == len(found)
    for condition in found:
        resolve_history(condition.history)
    for name in (*script.OURS, *script.BASELINES, *script.REFERENCES):
        assert check(name)


def test_the_ceiling_is_a_ceiling(script: ModuleType) -> None:
    """On two seeds: knowing the stance is nearly, but not quite, knowing the truth."""
    assert 0.8 < script.ceiling("linear", 0.5, [1000, 1001]) < 1.0
