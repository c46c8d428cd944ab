"""The provenance sheets of the board's numbers, from `metrics.toml`."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict


class MetricSheet(BaseModel):
    """What one number stands for."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    id: str
    title: str
    stands_for: str
    formula: str
    best: str
    interval: str
    conflicts: list[str]


@lru_cache(maxsize=1)
def _sheets() -> tuple[MetricSheet, ...]:
    text = files("progressgym.leaderboard").joinpath("metrics.toml").read_text(encoding="utf-8")
    return tuple(MetricSheet.model_validate(row) for row in tomllib.loads(text)["metrics"])


def metric_sheets() -> list[MetricSheet]:
    """All sheets, in the order of the page."""
    return list(_sheets())
