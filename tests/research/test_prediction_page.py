"""The prediction page shows what was measured, under the conditions that were written down first."""

from __future__ import annotations

import json
from types import ModuleType

import numpy as np
import pytest

from progressgym.agents import check
from progressgym.histories.source import resolve_history
from progressgym.histories.synthetic import synthetic_history
from progressgym.instruments.questionnaire import Questionnaire
from tests.research.loading import script as load


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load("predict")


@pytest.fixture(scope="module")
def confirmation() -> ModuleType:
    return load("predict_confirm")


def test_the_page_shows_the_results(script: ModuleType) -> None:
    setup, results = (json.loads(path.read_text(encoding="utf-8")) for path in (script.SETUP, script.RESULTS))
    page = script.PAGE.read_text(encoding="utf-8")
    shown = page.partition(script.BEGIN)[2].partition(script.END)[0].strip()
    assert shown == script.table(results, setup), "run python -m research.predict --table"


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


@pytest.mark.parametrize("long", [False, True])
def test_the_page_shows_the_confirmations(script: ModuleType, confirmation: ModuleType, long: bool) -> None:
    plan = confirmation.Plan.read(long)
    begin, end = plan.marks
    shown = script.PAGE.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0].strip()
    results = json.loads(plan.file.read_text(encoding="utf-8"))
    assert shown == confirmation.table(results, plan), f"run python -m research.predict_confirm --table (long: {long})"


@pytest.mark.parametrize(
    ("long", "rival", "expected"),
    [
        (False, "kalman-level", 5),
        (False, "extrapolative-dpo", 6),
        (False, "extrapolative-dpo?reference=uniform", 3),
        (False, "extrapolative-dpo?order=2&reference=uniform", 2),
        *(
            (True, rival, 6)
            for rival in ("kalman-level", "lifelong-map?order=1", "extrapolative-dpo?reference=uniform")
        ),
        (True, "extrapolative-dpo?order=2&reference=uniform", 6),
    ],
)
def test_the_counts_on_the_page_are_those_of_the_results(
    confirmation: ModuleType, long: bool, rival: str, expected: int
) -> None:
    """In how many of the six conditions the candidate's interval lies above the rival's."""
    plan = confirmation.Plan.read(long)
    results = json.loads(plan.file.read_text(encoding="utf-8"))
    seeds = max(plan.stages["compared"])
    compared = {condition.key for condition, _ in confirmation.chosen(plan) if condition.compared}
    blocks = [results[key] for key in compared if "synthetic" in key]
    assert len(blocks) == 6 and all(block["seeds"] == seeds for block in blocks)
    rows = [block["rows"] for block in blocks]
    assert sum(row[plan.candidate]["skill"][0] > row[rival]["skill"][2] for row in rows) == expected


def test_a_longer_questionnaire_asks_the_same_kinds_of_items(confirmation: ModuleType) -> None:
    short = Questionnaire.load("moral19-v1")
    long = confirmation.longer(short, evaluation=3)
    assert len(long) == len(short) + 2 * len(short.evaluation) and len(long.evaluation) == 3 * len(short.evaluation)
    np.testing.assert_array_equal(long.elicitation, short.elicitation)
    np.testing.assert_array_equal(long.loadings[long.evaluation], np.tile(short.loadings[short.evaluation], (3, 1, 1)))
    source = resolve_history("synthetic:linear?coherence=0.5", long)
    human = synthetic_history(source.entries[0], instrument=long, rng=np.random.default_rng(0)).answers  # type: ignore[arg-type]  # a spec
    first, copy = (
        human[:, long.evaluation[: len(short.evaluation)]],
        human[:, long.evaluation[-len(short.evaluation) :]],
    )
    assert np.abs(first - copy).max() > 0.05
