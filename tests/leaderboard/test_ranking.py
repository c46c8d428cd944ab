"""Ranks by hand, ties shared, intervals, the Pareto front, and rows that are never ranked."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from progressgym.leaderboard.board import load_board
from progressgym.leaderboard.ranking import (
    Scored,
    borda,
    overall,
    pair_merit,
    pareto_front,
    ranks,
    winners_by_weighting,
)
from progressgym.leaderboard.standings import make_standings
from progressgym.leaderboard.standings_data import CSV_COLUMNS, Standings, to_csv
from progressgym.leaderboard.store import Store
from tests.leaderboard.stores import group_score, groups, reproduction, verdict


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "board")
    yield opened
    opened.close()


def add(
    store: Store, name: str, private: float | Sequence[float | None] | None, *, submitter: str = "ada", **more: float
) -> str:
    """An entry, reproduced if it has private scores."""
    digest = str(store.submit(*verdict(name, skill=more.get("public", 0.5)), submitter).id)
    if private is not None:
        store.record_reproduction(digest, reproduction(private, displacement=more.get("displacement", 0.1)))
    return digest


@given(st.lists(st.floats(-5, 5).map(lambda x: round(x, 3)), min_size=1, max_size=30))
def test_ranks_are_those_of_scipy(skills: list[float]) -> None:
    table = np.array(skills)
    assert np.allclose(ranks(table), rankdata(-table, method="average"))


def test_ties_share_a_rank(store: Store) -> None:
    for name, skill in (("alpha", 0.5), ("beta", 0.5), ("gamma", 0.1)):
        add(store, name, skill)
    rows = {row.agent: row for row in make_standings(store).rows}
    assert [rows[name].groups[0].rank for name in ("alpha", "beta", "gamma")] == [1.5, 1.5, 3.0]
    assert rows["alpha"].place == rows["beta"].place == 1.5


def test_open_rows_are_listed_and_never_ranked(store: Store) -> None:
    add(store, "proved", 0.1)
    add(store, "boasts", None, public=0.99)
    standings = make_standings(store)
    assert [(row.agent, row.open) for row in standings.rows] == [("proved", False), ("boasts", True)]
    boasting = standings.rows[1]
    assert boasting.place is None and all(group.rank is None and group.private is None for group in boasting.groups)
    assert boasting.groups[0].public is not None
    assert any("listed and not ranked" in note for note in standings.notes)


def test_rank_follows_private_skill(store: Store) -> None:
    add(store, "overfits", 0.1, public=0.9)
    add(store, "modest", 0.3, public=0.3)
    assert [row.agent for row in make_standings(store).rows] == ["modest", "overfits"]


def test_a_gap_beyond_the_honest_ones_is_flagged(store: Store) -> None:
    for number, name in enumerate(("one", "two", "three")):
        add(store, name, 0.3 + 0.01 * number, public=0.35, submitter="progressgym")
    add(store, "overfits", 0.1, public=0.9)
    flags = {row.agent: row.groups[0].gap_flag for row in make_standings(store).rows}
    assert flags == {"one": False, "two": False, "three": False, "overfits": True}


def test_a_warning_when_the_winner_depends_on_the_weighting(store: Store) -> None:
    count = len(load_board().groups)
    add(store, "allround", [0.5] * count)
    assert not any("depends on the weighting" in note for note in make_standings(store).notes)
    add(store, "special", [0.9] + [0.1] * (count - 1))
    standings = make_standings(store)
    assert any("depends on the weighting: " in note and "special by only follow" in note for note in standings.notes)
    assert all(row.pareto for row in standings.rows)


def test_a_skill_that_is_not_identified_is_not_ranked(store: Store) -> None:
    count = len(load_board().groups)
    add(store, "alpha", [None] + [0.5] * (count - 1))
    add(store, "beta", [0.9] + [0.4] * (count - 1))
    standings = make_standings(store)
    rows = {row.agent: row for row in standings.rows}
    assert rows["alpha"].groups[0].rank is None and rows["beta"].groups[0].rank == 1.0
    assert rows["alpha"].place == 1.0, "sums leave out what not everybody has"
    assert any("left out of the sums" in note for note in standings.notes)


def test_an_older_private_split_ranks_nobody(store: Store) -> None:
    digest = add(store, "alpha", 0.5)
    newer = reproduction(0.4).model_copy(update={"split": "private-2"})
    store.submit(*verdict("beta"), "ada")
    beta = next(entry for entry in store.entries() if entry.agent == "beta")
    store.record_reproduction(beta.digest, newer)
    rows = {row.agent: row for row in make_standings(store, split="private-2").rows}
    assert rows["beta"].place == 1.0 and rows["alpha"].place is None and not rows["alpha"].open
    assert make_standings(store, split="private-1").rows[0].id == digest


def test_private_groups_need_not_be_public(store: Store) -> None:
    digest = add(store, "alpha", None)
    hidden = [*groups(0.5), group_score("synthetic:reversal", "follow", 0.2)]
    store.record_reproduction(digest, reproduction(0.5).model_copy(update={"groups": hidden}))
    standings = make_standings(store)
    assert standings.groups[-1] == "follow on synthetic:reversal"
    assert standings.rows[0].groups[-1].rank == 1.0 and standings.rows[0].groups[-1].public is None


def test_a_whisper_does_not_beat_the_quiet_in_coevolve() -> None:
    """Saying almost nothing levels the simulated human and raises the skill alone: as a pair nobody is beaten."""
    skill, displacement = np.array([0.83, 0.08, 0.0]), np.array([0.15, 0.057, 0.059])
    assert ranks(pair_merit(skill, displacement)).tolist() == [1.5, 1.5, 3.0]


def test_borda_and_intervals_by_hand() -> None:
    """Two entries, two groups. In one of four samples the second overtakes in the first group: a tie in points."""
    samples = np.array([[[0.5, 0.5, 0.5, 0.1], [0.5] * 4], [[0.2] * 4, [0.4] * 4]])
    scored = Scored(
        groups=["a", "b"],
        skill=np.array([[0.5, 0.5], [0.2, 0.4]]),
        displacement=np.full((2, 2), np.nan),
        samples=samples,
    )
    found = overall(scored)
    assert found.borda.tolist() == [2.0, 0.0] and found.place.tolist() == [1.0, 2.0]
    assert found.mean_rank.tolist() == [1.0, 2.0]
    assert found.low[0] == 1.0 and 1.0 < found.high[0] <= 1.5, "places 1, 1, 1 and 1.5"
    assert pareto_front(scored) == [0]
    assert set(winners_by_weighting(scored).values()) == {0}


@given(st.integers(2, 6), st.integers(1, 4), st.integers(0, 2**31))
def test_points_and_mean_rank_say_the_same(entries: int, count: int, seed: int) -> None:
    table = ranks(np.random.default_rng(seed).normal(size=(entries, count)))
    assert np.allclose(borda(table), count * (entries - table.mean(1)))


def test_standings_are_plain_data(store: Store) -> None:
    add(store, "alpha", 0.5)
    add(store, "beta", None)
    standings = make_standings(store)
    text = standings.model_dump_json()
    assert Standings.model_validate_json(text) == standings
    assert "NaN" not in text and json.loads(text)["rows"][0]["agent"] == "alpha"
    assert {sheet.id for sheet in standings.metrics} >= {"private_skill", "public_skill", "lock_in", "cost"}
    rows = list(csv.reader(io.StringIO(to_csv(standings))))
    assert rows[0] == list(CSV_COLUMNS) and len(rows) == 1 + 2 * len(standings.groups)


def test_tombstones_are_not_shown(store: Store) -> None:
    digest = add(store, "alpha", 0.5)
    store.withdraw(digest, "ada", "a mistake")
    assert make_standings(store).rows == []
