"""Creators: a planted difference is found on every tag, two halves of one crowd differ as chance does, people as published."""

from __future__ import annotations

import csv
import gzip
import io
import os
from pathlib import Path

import numpy as np
import pytest

from progressgym.core.errors import UserError
from progressgym.scores.creators import coordinates, fisher, group_differences, paired_differences


def test_a_group_difference_by_hand() -> None:
    """Means 1 and 0, variances 1/3 of two and two: error (1/3/4 + 1/3/4)^(1/2); a question that few answered is left out."""
    first = np.array([[1.5, np.nan], [0.5, 1.0], [1.5, np.nan], [0.5, np.nan]])
    found = group_differences(first, first - 1.0, fewest=2)
    assert found.difference[0] == 1.0 and found.error[0] == pytest.approx((2 * (1 / 3) / 4) ** 0.5)
    assert np.isnan(found.difference[1]) and found.beyond(2.0) == (1, 0)
    with pytest.raises(UserError, match="same questions"):
        group_differences(first, first[:, :1])


def test_a_planted_slant_is_found_on_every_tag_and_none_in_two_of_one_kind() -> None:
    """Forty causes, a tag furthered by twenty and opposed by twenty; one respondent leans .5 a tag, the other against it."""
    rng = np.random.default_rng(0)
    tags = np.stack([np.repeat([1, -1], 20), np.tile([1, -1], 20)], axis=1)
    slant = np.array([0.5, -0.5])
    left, right, other = (tags @ (slant * side) + 0.3 * rng.normal(size=40) for side in (1, -1, 1))
    apart, null = paired_differences(left, right, tags), paired_differences(left, other, tags)
    assert (np.sign(apart.difference) == np.sign(slant)).all() and (np.abs(apart.z) > 3).all() and apart.combined < 1e-6
    assert (np.abs(null.z) < 1.96).all() and null.combined > 0.05
    assert np.isnan(paired_differences(left, right, tags, fewest=41).difference).all()


def test_fisher_and_coordinates() -> None:
    assert fisher([1.0, 1.0]) == 1.0 and fisher([0.01, 0.01, 0.01]) < 1e-3
    line = np.outer([-1.0, 0.0, 1.0], [1.0, -1.0, 0.5, -0.5]) + 3.0
    placed, shares = coordinates(line, 1)
    assert placed[0, 0] < placed[1, 0] < placed[2, 0] and shares[0] == pytest.approx(1.0)


def test_liberals_differ_from_conservatives_on_54_of_68_and_halves_of_a_crowd_as_chance_does() -> None:
    path = Path(os.environ.get("PROGRESSGYM_SHARED", "")) / "real" / "gss-panel" / "panel06.csv.gz"
    if not path.is_file():
        pytest.skip("the panel is not at hand; set PROGRESSGYM_SHARED to the folder that holds real/gss-panel")
    with gzip.open(path, "rb") as file:
        rows = [row for row in csv.DictReader(io.StringIO(file.read().decode("utf-8"))) if row["wave"] == "1"]
    items = [name for name in rows[0] if name not in ("person", "wave", "polviews3")]
    table = np.array([[float(row[name] or "nan") for name in items] for row in rows])
    view = np.array([row["polviews3"] for row in rows])
    found = group_differences(table[view == "liberal"], table[view == "conservative"])
    assert len(items) == 68 and found.beyond(3.0) == (54, 0)
    rng = np.random.default_rng(0)
    sided = table[np.isin(view, ("liberal", "conservative"))]
    halves = [rng.permutation(len(sided)) < len(sided) // 2 for _ in range(40)]
    null = [group_differences(sided[half], sided[~half]) for half in halves]
    beyond = float(np.mean([sum(one.beyond(1.96)) for one in null]))
    assert beyond == pytest.approx(0.05 * 68, abs=1.5), "3.4 of 68 are beyond 1.96 by chance"
    assert float(np.mean([sum(one.beyond(3.0)) for one in null])) < 0.6
