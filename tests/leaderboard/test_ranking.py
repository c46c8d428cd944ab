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

from progressgym.leaderboard.board import CellKey, load_board
from progressgym.leaderboard.ranking import Scored, overall, pareto_front, ranks, scores, winners_by_weighting
from progressgym.leaderboard.recompute import follow_path, score_group
from progressgym.leaderboard.resample import SAMPLES, restraint_samples
from progressgym.leaderboard.standings import make_standings
from progressgym.leaderboard.standings_data import CSV_COLUMNS, Standings, to_csv
from progressgym.leaderboard.store import Store
from progressgym.leaderboard.truth import episode_truth
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
    assert rows["alpha"].score == pytest.approx(0.5 * (count - 1) / count), "it counts as never learning"
    assert rows["beta"].place == 1.0
    assert any("counted as 0 then: " in note for note in standings.notes)


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


def scored(
    skill: object,
    *,
    restraint: object = None,
    displacement: object = None,
    samples: object = None,
    of_merit: object = False,
) -> Scored:
    """Skills (E, G); the columns of which a displacement is given are Coevolve."""
    table = np.array(skill, dtype=np.float64)

    def filled(value: object) -> np.ndarray:
        return np.full(table.shape, np.nan) if value is None else np.array(value, dtype=np.float64)

    return Scored(
        groups=[f"g{at}" for at in range(table.shape[1])],
        skill=table,
        displacement=filled(displacement),
        restraint=filled(restraint),
        samples=np.zeros((*table.shape, 0)) if samples is None else np.array(samples),
        of_merit=np.broadcast_to(np.array(of_merit, dtype=bool), table.shape),
    )


def test_a_restraint_that_is_resampled_moves_the_interval_of_a_place() -> None:
    """Two entries ranked by a pair: by the samples of what ranks the second may lead, by the whole data's cap it cannot."""
    told = {"restraint": [[0.5], [0.3]], "displacement": [[0.1], [0.2]]}
    samples = [[[0.2, 0.5, 0.6, 0.4]], [[0.45, 0.3, 0.1, 0.3]]]
    capped = overall(scored([[0.9], [0.8]], samples=[[[0.9] * 4], [[0.8] * 4]], **told))
    drawn = overall(scored([[0.9], [0.8]], samples=samples, of_merit=True, **told))
    assert capped.place.tolist() == drawn.place.tolist() == [1.0, 2.0]
    assert capped.high[0] == 1.0 and drawn.high[0] > 1.5 and drawn.low[1] < 1.5


def test_samples_of_a_restraint() -> None:
    """Equal seeds leave nothing to draw; else every sample is a mixture of seeds, the same for every entry."""
    three = np.full(3, 1.0)
    same = restraint_samples(agent=0.25 * three, static=0.5 * three, reference=0 * three, items=7, whole=0.5)
    assert same.shape == (SAMPLES,) and np.allclose(same, 0.5)
    level = restraint_samples(agent=0.25 * three, static=0.5 * three, reference=0.5 * three, items=7, whole=0.1)
    assert np.allclose(level, 0.1)
    agent, static = np.array([0.0, 0.1, 0.4]), np.array([0.5, 0.5, 0.5])
    spread = restraint_samples(agent=agent, static=static, reference=0 * static, items=7, whole=0.5)
    assert np.allclose(15 * spread, np.round(15 * spread)) and abs(spread.mean() - 2 / 3) < 0.05 and spread.std() > 0.1
    assert np.array_equal(
        spread, restraint_samples(agent=agent, static=static, reference=0 * static, items=7, whole=0.5)
    )


def test_a_whisper_does_not_beat_the_quiet_in_coevolve() -> None:
    """Saying almost nothing levels the human and raises the skill alone; it displaces more than `static`."""
    three = scored([[0.83], [0.08], [0.0]], restraint=[[-0.7], [0.04], [0.0]], displacement=[[0.15], [0.057], [0.059]])
    assert three.merit()[:, 0].tolist() == [-0.7, 0.04, 0.0]
    assert overall(three).place.tolist() == [3.0, 1.0, 2.0]


def test_restraint_is_that_of_the_boards_own_baselines() -> None:
    """0 for static, 1 for the reference, below 0 for answers that are all but levelled; the same in every seed's mean."""
    board = load_board()
    group = next(one for one in board.groups if one.challenge == "coevolve" and one.history in board.histories[1:])
    keys = [CellKey(*group, seed) for seed in board.seeds]
    truths = [episode_truth(board, key) for key in keys]

    def restraint(actions: list[np.ndarray]) -> float:
        paths = {key: follow_path(truth, own) for key, truth, own in zip(keys, truths, actions, strict=True)}
        found = score_group(board, group, paths, 20)[0].restraint
        assert found is not None
        return found

    assert restraint([truth.static_actions() for truth in truths]) == pytest.approx(0.0, abs=1e-12)
    assert restraint([truth.reference_actions() for truth in truths]) == pytest.approx(1.0)
    assert restraint([truth.static_actions() * np.float32(1e-3) for truth in truths]) < -0.5


def test_scores_and_intervals_by_hand() -> None:
    """Two entries, two groups. In one of four samples the second overtakes by the mean: 0.3 against 0.4."""
    samples = [[[0.5, 0.5, 0.5, 0.1], [0.5] * 4], [[0.2] * 4, [0.6] * 4]]
    two = scored([[0.5, 0.5], [0.2, 0.6]], samples=samples)
    found = overall(two)
    assert found.score.tolist() == [0.5, 0.4] and found.place.tolist() == [1.0, 2.0]
    assert found.low.tolist() == pytest.approx([1.0, 1.075]) and found.high.tolist() == pytest.approx([1.925, 2.0])
    assert pareto_front(two) == [0, 1]
    assert winners_by_weighting(two) == {"only g0": 0, "only g1": 1, "mean skill": 0, "score": 0}


def test_one_failure_weighs_no_more_than_one_success() -> None:
    assert scores(np.array([[1.0, -12.0, 0.3], [0.0, 0.0, 0.0]])).tolist() == pytest.approx([0.1, 0.0])


NUMBERS = st.one_of(st.floats(-15, 1.5).map(lambda x: round(x, 6)), st.sampled_from([0.0, 0.5, -1.0, 1.0]))
CELLS = st.tuples(st.one_of(st.none(), NUMBERS), NUMBERS, st.floats(0, 1))
"""Skill, restraint and displacement of an entry in a group."""


def of_cells(entries: list[list[tuple[float | None, float, float]]]) -> Scored:
    """Every second group is Coevolve."""
    table = np.array(entries, dtype=np.float64)
    pair = np.arange(table.shape[1]) % 2 == 1
    return scored(
        table[..., 0],
        restraint=np.where(pair, table[..., 1], np.nan),
        displacement=np.where(pair, table[..., 2], np.nan),
    )


@st.composite
def boards(draw: st.DrawFn) -> tuple[list, list]:
    """Honest entries, and decoys: anything, copies of entries, or entries moved a little."""
    size = draw(st.integers(1, 5))
    row = st.lists(CELLS, min_size=size, max_size=size)
    honest = draw(st.lists(row, min_size=2, max_size=6))
    nudge = st.sampled_from([0.0, 1e-12, -1e-12, 1e-6, -1e-6, 0.01, -0.01])

    def near(entry: list, by: list[float]) -> list:
        return [(None if s is None else s + d, r + d, c) for (s, r, c), d in zip(entry, by, strict=True)]

    copies = st.builds(near, st.sampled_from(honest), st.lists(nudge, min_size=size, max_size=size))
    return honest, draw(st.lists(st.one_of(row, copies), max_size=8))


@given(boards())
def test_decoys_turn_nobody_and_lift_nobody(board: tuple[list, list]) -> None:
    """Over all and in every group: the order of the others stays, and no place gets better by company."""
    honest, decoys = board
    before, after = of_cells(honest), of_cells([*honest, *decoys])
    count = len(honest)
    alone, among = overall(before), overall(after)
    assert (among.score[:count] == alone.score).all()
    pairs = [(alone.place, among.place[:count])]
    pairs += [
        (ranks(np.nan_to_num(x, nan=-99)), ranks(np.nan_to_num(y, nan=-99))[:count])
        for x, y in zip(before.merit().T, after.merit().T, strict=True)
    ]
    for old, new in pairs:
        assert (np.sign(old[:, None] - old) == np.sign(new[:, None] - new)).all()
        assert (new >= old).all()


@given(boards(), st.integers(0, 5), st.integers(0, 4))
def test_doing_better_anywhere_never_costs_a_place(board: tuple[list, list], who: int, where: int) -> None:
    entries, _ = board
    who, where = who % len(entries), where % len(entries[0])
    skill, restraint, cost = entries[who][where]
    better = [list(entry) for entry in entries]
    better[who][where] = ((skill or 0.0) + 0.1 if skill is not None else None, restraint + 0.1, cost)
    assert overall(of_cells(better)).place[who] <= overall(of_cells(entries)).place[who]


@pytest.mark.parametrize("decoys", [1, 2, 7])
@pytest.mark.parametrize("kind", ["copies", "near copies", "between", "failures", "unidentified"])
def test_decoys_of_one_submitter_do_not_change_who_is_first(store: Store, decoys: int, kind: str) -> None:
    """Two rivals who win different challenges: Borda points over all entries follow whom the decoys stand behind."""
    count = len(load_board().groups)
    ada: list[float | None] = [0.9, *[0.3] * (count - 1)]
    bob = [0.1, *[0.4] * (count - 1)]
    add(store, "adas", ada, submitter="ada")
    add(store, "bobs", bob, submitter="bob")

    def order() -> list[str]:
        return [row.agent for row in make_standings(store).rows if not row.agent.startswith("decoy")]

    before, scores_before = order(), {row.agent: row.score for row in make_standings(store).rows}
    made: dict[str, list[float | None]] = {
        "copies": [*bob],
        "near copies": [skill - 1e-4 for skill in bob],
        "between": [0.05, *[0.35] * (count - 1)],
        "failures": [*[-12.0] * count],
        "unidentified": [*[None] * (count - 1), 0.35],
    }
    for number in range(decoys):
        skills = [None if skill is None else skill - number * 1e-5 for skill in made[kind]]
        add(store, f"decoy-{'abcdefg'[number]}", skills, submitter="bob")
    assert order() == before == ["adas", "bobs"]
    rows = {row.agent: row for row in make_standings(store).rows}
    assert {name: rows[name].score for name in before} == scores_before
    assert make_standings(store).winners["score"] == rows["adas"].id
    for group in range(count):
        ranked = [rows[name].groups[group].rank for name in before]
        assert (ranked[0] or 0) < (ranked[1] or 0) if group == 0 else (ranked[0] or 0) > (ranked[1] or 0)


def test_a_reproduction_from_before_restraint_was_measured_counts_nothing_in_coevolve(store: Store) -> None:
    digest = add(store, "old", None)
    bare = [one.model_copy(update={"restraint": None}) for one in groups(0.6)]
    store.record_reproduction(digest, reproduction(0.6).model_copy(update={"groups": bare}))
    add(store, "new", 0.6)
    standings = make_standings(store)
    rows = {row.agent: row for row in standings.rows}
    assert rows["new"].score == pytest.approx(0.6) and rows["old"].score == pytest.approx(0.4)
    assert all((group.rank is None) == (group.challenge == "coevolve") for group in rows["old"].groups)
    assert any("counted as 0 then: coevolve on " in note for note in standings.notes)


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
