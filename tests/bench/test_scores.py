"""No score of the default benchmark moves by a bit, but with a new version of what produces it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from progressgym.bench.plan import Plan, make_plan
from progressgym.bench.runner import run_bench
from progressgym.scores.records import Results
from tests.bench.scores import compact, write

OLD = ["follow", "predict", "coevolve"]
HISTORIES = ["histsmol-v1", "synthetic:linear?coherence=0.5"]
AGENTS = [
    "static",
    "random",
    "oracle",
    "last-human",
    "last-century",
    "linear-trend",
    "lifelong-map",
    "lifelong-dpo",
    "lifelong-rlhf",
    "kalman-level",
    "kalman-trend",
    "kalman",
    "attention",
    "extrapolative-dpo",
    "extrapolative-rlhf",
]
"""What a benchmark ran by default when the golden scores were written; names keep their scores for ever."""
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "scores.json"


def scores(plan: Plan, out: Path, workers: int | None = None) -> Results:
    outcome = run_bench(plan, out, workers=workers, reports=False, progress=False)
    assert not outcome.failures
    return outcome.results


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    exact = found["arithmetic"] == expected["arithmetic"]
    for name, group in found["groups"].items():
        kept = expected["groups"][name]
        if exact:
            assert group == kept, name
        else:
            assert group["utilities"] == pytest.approx(kept["utilities"], rel=1e-9, abs=1e-9), name
            assert group["skill"] == pytest.approx(kept["skill"], rel=1e-6, abs=1e-6), name


@pytest.mark.parametrize(
    ("challenge", "agents"),
    [
        ("follow", ["static", "lifelong-map", "attention"]),
        ("predict", ["linear-trend"]),
        ("coevolve", ["last-century", "random"]),
    ],
)
def test_some_scores(challenge: str, agents: list[str], tmp_path: Path) -> None:
    plan = make_plan(
        agents=agents, challenges=[challenge], histories=["histsmol-v1"], labels=["probability"], splits="shipped"
    )
    assert_same(compact(scores(plan, tmp_path, workers=1)), json.loads(GOLDEN.read_text()))


@pytest.mark.heavy
def test_all_scores(tmp_path: Path) -> None:
    """`progressgym bench --splits shipped` with the agents, challenges and histories of then. Write anew with
    PROGRESSGYM_GOLDEN=1 pytest tests/bench/test_scores.py."""
    plan = make_plan(agents=AGENTS, challenges=OLD, histories=HISTORIES, splits="shipped")
    found = compact(scores(plan, tmp_path, workers=1))  # no number depends on it, and another test has the other core
    if os.environ.get("PROGRESSGYM_GOLDEN"):
        GOLDEN.write_text(write(found))
    expected = json.loads(GOLDEN.read_text())
    assert list(found["groups"]) == list(expected["groups"])
    assert_same(found, expected)
    if found["arithmetic"] == expected["arithmetic"]:
        assert found["together"] == expected["together"]
