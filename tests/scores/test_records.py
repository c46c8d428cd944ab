"""Record schemas refuse what is not exactly right, in one line."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from progressgym.core.errors import UserError
from progressgym.scores.records import Cell, Done, Results, RunConfig, RunScores, StepScores, load_record, save_record

HASH = "a" * 64


def config(**changes: Any) -> RunConfig:
    fields: dict[str, Any] = {
        "environment": "ProgressGym/Follow-v0",
        "arguments": {"queries": "all", "labels": "probability"},
        "challenge": "follow",
        "agent": "static",
        "seed": 0,
        "history": {"name": "h", "hash": HASH},
        "instrument": {"name": "i", "hash": HASH},
        "rng_scheme": "uniforms-v1",
        "package_version": "0.1.0",
    }
    return RunConfig.make(**{**fields, **changes})


def scores() -> dict[str, Any]:
    return {
        "schema_version": 1,
        "utility": 1.5,
        "utilities": [1.0, 0.5],
        "static_utilities": [0.9, 0.4],
        "reference_utilities": [1.0, 1.0],
        "drift_cosine": [0.3, None],
        "dimension_error": [0.1, 0.2],
        "agent_values": [[0.1, None], [0.2, None]],
        "human_values": [[0.1, None]] * 3,
        "published": {"follow_sum": 1.5},
    }


def test_round_trip(tmp_path: Path) -> None:
    save_record(tmp_path / "config.json", config())
    assert load_record(tmp_path / "config.json", RunConfig) == config()
    (tmp_path / "scores.json").write_text(json.dumps(scores()))
    assert load_record(tmp_path / "scores.json", RunScores).drift_cosine == [0.3, None]


def test_the_hash_covers_every_field() -> None:
    assert config().sha256 == config().digest() != config(seed=1).sha256
    assert config().same_run(config(package_version="9", git_commit="x"))
    assert not config().same_run(config(agent="random"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("utility", math.nan),
        ("utility", math.inf),
        ("utility", "1.5"),
        ("utilities", [1.0, math.nan]),
        ("agent_values", [[0.1, math.inf], [0.2, None]]),
        ("dimension_error", [0.1]),
        ("surprise", 1),
        ("schema_version", 2),
    ],
)
def test_wrong_scores_are_refused_in_one_line(field: str, value: Any, tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(json.dumps({**scores(), field: value}))
    with pytest.raises(UserError) as error:
        load_record(tmp_path / "scores.json", RunScores)
    assert "\n" not in str(error.value) and "scores.json" in str(error.value)


def test_records_are_closed() -> None:
    with pytest.raises(ValidationError):
        config(seed=-1)
    with pytest.raises(ValidationError):
        Done.model_validate({"schema_version": 1, "files": {"a": "not a hash"}})


def test_results_hold_cells_without_paths_and_read_those_with_them(tmp_path: Path) -> None:
    """Files of versions before have the paths of values in every cell; both are read, and the numbers are the same."""
    whole = RunScores.model_validate(scores())
    results = Results(
        command=[], git_commit=None, packages={}, device="", created="", seconds=0.0, aggregates=[],
        cells=[Cell(config=config(), scores=whole)],
    )  # fmt: skip
    for record, kind in ((results, RunScores), (results.without_paths(), StepScores)):
        save_record(tmp_path / "results.json", record)
        back = load_record(tmp_path / "results.json", Results)
        assert back == record and type(back.cells[0].scores) is kind
        assert back.cells[0].scores.utilities == whole.utilities
    assert "human_values" not in (tmp_path / "results.json").read_text(encoding="utf-8")
