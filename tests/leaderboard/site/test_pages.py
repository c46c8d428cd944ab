"""Tables, orders, charts and pages without a server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from progressgym.cli.main import dispatch
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.core.files import sha256_bytes
from progressgym.leaderboard.board import DEFAULT_BOARD
from progressgym.leaderboard.manifest import MANIFEST, pack
from progressgym.leaderboard.problems import Refused
from progressgym.leaderboard.site import charts
from progressgym.leaderboard.site.columns import DASH, columns_of
from progressgym.leaderboard.site.pages import Links, Pages
from progressgym.leaderboard.site.portrait import Portrait, make_portrait
from progressgym.leaderboard.site.view import Query, Snapshot
from progressgym.leaderboard.standings import make_standings
from progressgym.leaderboard.standings_data import Standings
from progressgym.leaderboard.store import Store
from progressgym.scores.records import IntervalRecord
from tests.leaderboard.helpers import base_files
from tests.leaderboard.serving import fill
from tests.leaderboard.stores import reproduction, verdict


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store.open(tmp_path_factory.mktemp("pages") / "board")
    fill(opened, 3, 4)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def standings(store: Store) -> Standings:
    return make_standings(store)


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    files = base_files()
    made = make_portrait(pack(files), sha256_bytes(files[MANIFEST]), DEFAULT_BOARD)
    assert made is not None
    return made


def test_every_column_sorts_both_ways(standings: Standings) -> None:
    """Sorted up and down agree but for ties; empty cells are last in both."""
    snapshot = Snapshot(standings)
    for group in ("", *standings.groups):
        for column in columns_of(standings, group):
            up, down = (
                snapshot.select(Query(group=group, sort=column.key, falling=falling)).rows for falling in (False, True)
            )
            assert {row.id for row in up} == {row.id for row in standings.rows} == {row.id for row in down}
            for rows, falling in ((up, False), (down, True)):
                values = [column.cell(row).value for row in rows]
                there = [value for value in values if value is not None]
                assert values[: len(there)] == there and there == sorted(there, reverse=falling)


def test_open_rows_are_never_ranked(standings: Standings) -> None:
    for group in ("", standings.groups[0]):
        place = columns_of(standings, group)[0]
        for row in standings.rows:
            cell = place.cell(row)
            assert (cell.value is None and cell.text == "open") == row.open


def test_an_open_row_never_stands_before_a_ranked_one(standings: Standings) -> None:
    """However its public skill shines: where anybody has a private skill, that alone sorts."""
    rows = Snapshot(standings).select(Query(sort="g0", falling=True)).rows
    assert [row.open for row in rows] == [False] * 3 + [True] * 4
    shining = [row.groups[0].public.skill.mid for row in rows]  # type: ignore[union-attr]
    assert min(shining[3:]) > max(shining[:3])


def test_addresses_lead_back_to_the_same_question(standings: Standings) -> None:
    for query in (
        Query(),
        Query(group=standings.groups[3], text="a b&c", status="recomputed", sort="public", falling=True, page=3),
        Query(pareto=True, sort="agent", falling=True),
    ):
        back = dict(parse_qsl(query.address().removeprefix("?"), keep_blank_values=True))
        assert Query.parse(back, Snapshot(standings)) == query


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    asked=st.dictionaries(
        st.sampled_from(["group", "q", "status", "pareto", "sort", "dir", "page"]),
        st.one_of(
            st.text(max_size=80), st.sampled_from(["place", "g0:down", "reproduced", "2", "up", "-1", "٣", "1e3"])
        ),
    )
)
def test_any_question_is_answered_or_refused_with_reasons(standings: Standings, asked: dict[str, str]) -> None:
    snapshot = Snapshot(standings)
    try:
        query = Query.parse(asked, snapshot)
    except Refused as refused:
        assert refused.problems and all(one.where.startswith("/") for one in refused.problems)
        return
    page = Pages(Links(static=False)).standings(standings, snapshot.select(query))
    assert "<script>" not in page and page.count("<table") == 1


def test_filters_and_pages(standings: Standings) -> None:
    snapshot = Snapshot(standings)
    assert snapshot.select(Query(status="reproduced")).total == 3
    assert snapshot.select(Query(text="team-x")).total == 3
    few = snapshot.select(Query(page=9), size=3)
    assert (few.pages, few.query.page, len(few.rows), few.total) == (3, 3, 1, 7)
    with pytest.raises(Refused, match="must be one of"):
        Query.parse({"sort": "private"}, snapshot)  # no such column in the overview


def test_charts_are_well_formed_and_say_what_they_show(portrait: Portrait) -> None:
    for number, episode in enumerate(portrait.episodes):
        panels = charts.panels(episode, f"e{number}")
        measured = [d for d, value in zip(DIMENSIONS, episode.scores.human_values[0], strict=True) if value is not None]
        assert [panel.dimension for panel in panels] == measured and len(measured) in (11, 19)
        for svg in [panel.svg for panel in panels] + [charts.heat_map(episode, kind, "h") for kind in ("gap", "agent")]:
            tree = ElementTree.fromstring(svg)
            assert tree.attrib["role"] == "img" and tree[0].tag == "title" and tree[1].tag == "desc" and tree[1].text
            named = {element.attrib["id"] for element in tree.iter() if "id" in element.attrib}
            assert set(tree.attrib["aria-labelledby"].split()) == named
            assert "style" not in svg and "nan" not in svg.lower()


def test_the_gap_is_the_agent_minus_the_human(portrait: Portrait) -> None:
    """Known answer: the number in the first cell of the heat map."""
    episode = portrait.episodes[0]
    gap = episode.scores.agent_values[0][0] - episode.scores.human_values[episode.targets[0]][0]  # type: ignore[operator]
    shown = re.search(r'<text class="t-[np]\d"[^>]*>([^<]+)</text>', charts.heat_map(episode, "gap", "h"))
    assert shown is not None and shown[1] == f"{round(gap, 2) + 0.0:.2f}".replace("-", "−")


def test_skills_beyond_the_line_stay_inside_the_picture() -> None:
    for low, mid, high in ((-50.0, -10.0, -5.0), (0.0, 0.5, 1.0), (3.0, 4.0, 5.0)):
        tree = ElementTree.fromstring(charts.interval_bar(IntervalRecord(low=low, mid=mid, high=high)))
        assert 0 <= float(tree[2].attrib["cx"]) <= 120


def test_evidence_that_was_changed_draws_nothing() -> None:
    data = pack(base_files())
    assert make_portrait(data, "0" * 64, DEFAULT_BOARD) is None
    assert make_portrait(data[:-10], "0" * 64, DEFAULT_BOARD) is None


def test_the_page_says_when_the_winner_depends_on_the_weighting(tmp_path: Path) -> None:
    opened = Store.open(tmp_path / "board")
    for name, skills in (("left", [0.9, 0.1, 0.5] * 4), ("right", [0.1, 0.8, 0.5] * 4)):
        receipt = opened.submit(*verdict(name), "ada")
        opened.record_reproduction(str(receipt.id), reproduction(skills))
    made = make_standings(opened)
    page = Pages(Links(static=False)).standings(made, Snapshot(made).select(Query()))
    assert "The winner depends on the weighting" in page and "only follow on gss-v1" in page
    opened.close()


def test_an_empty_board_has_a_page(tmp_path: Path) -> None:
    opened = Store.open(tmp_path / "board")
    made = make_standings(opened)
    assert "No entries yet" in Pages(Links(static=False)).standings(made, Snapshot(made).select(Query()))
    opened.close()


def test_what_is_missing_is_a_dash(standings: Standings) -> None:
    row = next(row for row in standings.rows if row.open)
    for key in ("compute", "stated", "agree"):
        (column,) = [one for one in columns_of(standings, "") if one.key == key]
        assert column.cell(row).text == DASH


def test_commands(tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    where = str(store.evidence.root.parent)
    assert dispatch(["leaderboard", "build", "--store", where, "--out", str(tmp_path / "site"), "--light"]) == 0
    assert "http.server" in capsys.readouterr().out and not (tmp_path / "site" / "evidence").exists()
    for wrong in (["serve", "--store", where, "--port", "70000"], ["serve", "--store", where, "--workers", "0"]):
        with pytest.raises(UserError, match="must be"):
            dispatch(["leaderboard", *wrong])


def test_public_above_private_is_marked(tmp_path: Path) -> None:
    """In the overview, in the group's table and on the entry's page; a board without a gate says nothing of a price."""
    opened = Store.open(tmp_path / "board")
    receipt = opened.submit(*verdict("boasts", skill=[0.9] + [0.5] * 11), "ada")
    opened.record_reproduction(str(receipt.id), reproduction(0.5))
    made = make_standings(opened)
    snapshot, pages = Snapshot(made), Pages(Links(static=False))
    mark = "Public is above private by more than chance"
    assert made.rows[0].groups[0].gap_flag and sum(group.gap_flag for group in made.rows[0].groups) == 1
    front = pages.standings(made, snapshot.select(Query()))
    assert front.count(mark) == 2 and "not in 1 of 12" in front and "deserves no more than 0" in front
    deep = pages.standings(made, snapshot.select(Query(group="follow on gss-v1")))
    assert deep.count(mark) == 2 and "Private drift explained" in deep and "Public − private" in deep
    assert pages.entry(made, made.rows[0], None).count(mark) == 1
    opened.close()


def test_boards_lead_to_each_other(tmp_path: Path) -> None:
    opened = Store.open(tmp_path / "board")
    opened.submit(*verdict("old", board="board-v1"), "ada")
    opened.submit(*verdict("new"), "ada")
    opened.close()
    out = tmp_path / "site"
    assert dispatch(["leaderboard", "build", "--store", str(tmp_path / "board"), "--out", str(out), "--light"]) == 0
    current, archive = ((out / place / "index.html").read_text(encoding="utf-8") for place in ("", "board-v1"))
    assert "new" in current and 'href="board-v1/index.html"' in current and "An archive" not in current
    assert (
        "An archive" in archive and 'href="../index.html"' in archive and ">old<" in archive and ">new<" not in archive
    )
    assert (out / "board-v1" / "standings.csv").is_file() and (out / "board-v1" / "static" / "style.css").is_file()
