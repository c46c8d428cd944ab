"""Histories of repeated surveys: the shipped one from its counts, small ones by hand, and every kind of bad file."""

from __future__ import annotations

import codecs
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressgym import History, Instrument
from progressgym.cli.main import main
from progressgym.core.errors import UserError
from progressgym.core.files import read_json
from progressgym.histories.history import shipped_folder
from progressgym.histories.survey import Steps, survey_history
from progressgym.histories.survey_files import read_questions

GSS = Path(shipped_folder("gss-v1")).parents[1] / "surveys" / "gss"
ITEMS = """item,variable,main,text,option,answers,tags
lie,q1,deceive,A friend lied for me.,That was wrong.,wrong|very wrong,deceive:+1
lie,q1,,,It depends.,depends,
lie,q1,,,That was right.,right,deceive:-1;loyalty:+1
law,q2,law,The law is hard on a friend.,It must be kept.,kept,law:+1
law,q2,,,It may be broken.,broken,law:-1
*,,,,,dk|na,
"""
COUNTS = """variable,year,answer,count
q1,1990,wrong,30
q1,1990,very wrong,10
q1,1990,depends,10
q1,1990,right,50
q1,1990,dk,7
q1,1991,right,200
q2,1991,kept,30
q2,1991,broken,90
q2,1991,na,0
q2,1995,kept,60
q2,1995,broken,60
q2,1995,dk,5
"""


def write(folder: Path, counts: str | bytes = COUNTS, items: str | bytes = ITEMS) -> tuple[Path, Path]:
    paths = folder / "counts.csv", folder / "items.csv"
    for path, text in zip(paths, (counts, items), strict=True):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return paths


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["history", "survey", *arguments])
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("name", "instrument", "options"),
    [
        ("gss-v1", "people-core-v1", ["--years", "5", "--start", "1972", "--complete"]),
        ("gss-annual-v1", "people-v1", []),
    ],
)
def test_shipped_histories_come_from_the_shipped_counts(
    name: str, instrument: str, options: list[str], tmp_path: Path
) -> None:
    files = [str(GSS / "counts.csv.gz"), str(GSS / "items.csv"), "--card", str(GSS / "card.json")]
    assert run(*files, *options, "--questionnaire", instrument, "--out", str(tmp_path / name)) == 0
    made, shipped = tmp_path / name, shipped_folder(name)
    assert sorted(path.name for path in made.iterdir()) == ["answers.npz", "card.json"]
    for file in ("answers.npz", "card.json"):
        assert (made / file).read_bytes() == (shipped / file).read_bytes()
    assert History.load(made).hash == History.load(name).hash


def test_gss_is_what_its_page_says() -> None:
    history, annual = History.load("gss-v1"), History.load("gss-annual-v1")
    assert (len(history), len(history.instrument), history.complete) == (11, 37, True)
    assert history.labels[0] == "1972-76" and history.labels[-1] == "2022-24"
    assert (len(annual), len(annual.instrument), int(annual.asked.sum())) == (35, 74, 1969)
    assert [question.item for question in read_questions(GSS / "items.csv")] == list(annual.instrument.items)
    assert {i.id for i in history.instrument.items} <= {i.id for i in annual.instrument.items}
    assert history.people is not None and history.people.min() > 1000


def test_known_answers(tmp_path: Path) -> None:
    history = survey_history(*write(tmp_path), name="small")
    assert history.labels == ("1990", "1991", "1995")
    assert history.asked.tolist() == [[True, False], [True, True], [False, True]]
    np.testing.assert_allclose(history.answers[0, 0], [0.4, 0.1, 0.5])
    np.testing.assert_allclose(history.answers[1], np.array([[0, 0, 1], [0.25, 0.75, 0]]))
    assert np.isnan(history.answers[0, 1]).all()
    assert history.people is not None
    assert history.people.tolist() == [[100, 0], [200, 120], [0, 120]]
    law = history.values()[:, history.instrument.dimensions.index("law")]
    np.testing.assert_allclose(law, [0, -0.5, 0])
    errors = history.sampling_error()[:, history.instrument.dimensions.index("law")]
    np.testing.assert_allclose(errors, [0, 2 * np.sqrt(0.25 * 0.75 / 120), 2 * np.sqrt(0.25 / 120)])


def test_steps_pool_years_and_a_design_effect_divides_people(tmp_path: Path) -> None:
    history = survey_history(*write(tmp_path), name="small", steps=Steps(width=3), design_effect=2.0)
    assert history.labels == ("1990-92", "1993-95")
    np.testing.assert_allclose(history.answers[0, 0], [40 / 300, 10 / 300, 250 / 300], atol=1e-7)
    assert history.people is not None
    assert history.people.tolist() == [[150, 60], [0, 60]]
    only = survey_history(*write(tmp_path), name="small", steps=Steps(width=3), complete=True)
    assert [item.id for item in only.instrument.items] == ["law"] and only.complete


def test_weights_move_shares_and_cost_people(tmp_path: Path) -> None:
    counts = "variable,year,answer,count,weighted,squares\n" + "".join(
        f"q2,{year},kept,20,30,100\nq2,{year},broken,180,70,60\nq1,{year},right,10,10,10\n" for year in (1990, 1991)
    )
    history = survey_history(*write(tmp_path, counts), name="weighted")
    assert history.people is not None
    np.testing.assert_allclose(history.answers[0, 1, :2], [0.3, 0.7])
    np.testing.assert_allclose(history.people[0], [10, 100**2 / 160])


@given(years=st.lists(st.integers(1900, 2030), min_size=1, max_size=40), width=st.integers(1, 9))
def test_every_year_is_in_exactly_one_step(years: list[int], width: int) -> None:
    try:
        steps = Steps(width=width).of(years)
    except UserError as error:
        assert "nothing was asked in" in str(error) and width > 1
        return
    assert [year for inside in steps.values() for year in inside] == sorted(set(years))
    assert all(max(inside) - min(inside) < width for inside in steps.values())


def test_a_folder_carries_its_own_questionnaire(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts, items = write(tmp_path)
    assert run(str(counts), str(items), "--years", "3", "--out", str(tmp_path / "mine")) == 0
    history = History.load(tmp_path / "mine")
    assert history.instrument.name == "mine" and len(history.instrument) == 2
    assert Instrument.load(tmp_path / "mine") == history.instrument
    moved = (tmp_path / "mine").rename(tmp_path / "moved")
    assert History.load(moved).hash == history.hash
    with pytest.raises(SystemExit) as ended:
        main(["history", "show", str(moved)])
    assert not ended.value.code and "mine" in capsys.readouterr().out
    choice = ["--agents", "static,kalman", "--challenges", "follow", "--seeds", "1", "--workers", "1", "--quiet"]
    with pytest.raises(SystemExit) as ended:
        main(["bench", "--history", str(moved), *choice, "--out", str(tmp_path / "bench")])
    assert not ended.value.code and "follow on moved@" in capsys.readouterr().out


def with_line(text: str, number: int, line: str) -> str:
    lines = text.splitlines(keepends=True)
    lines[number - 1] = line + "\n"
    return "".join(lines)


BAD_COUNTS: dict[str, tuple[str | bytes, str]] = {
    "no year": (with_line(COUNTS, 3, "q1,,very wrong,10"), "counts.csv line 3: year is ''"),
    "no such year": (with_line(COUNTS, 3, "q1,90,very wrong,10"), "counts.csv line 3: year is '90'"),
    "year with a fraction": (with_line(COUNTS, 3, "q1,1990.5,very wrong,10"), "counts.csv line 3: year"),
    "negative": (with_line(COUNTS, 4, "q1,1990,depends,-10"), "counts.csv line 4: count is '-10'"),
    "fraction": (with_line(COUNTS, 4, "q1,1990,depends,10.5"), "counts.csv line 4: count is '10.5'"),
    "not a number": (with_line(COUNTS, 4, "q1,1990,depends,nan"), "counts.csv line 4: count is 'nan'"),
    "empty count": (with_line(COUNTS, 4, "q1,1990,depends,"), "counts.csv line 4: count is ''"),
    "unknown answer": (with_line(COUNTS, 5, "q1,1990,rihgt,50"), "counts.csv line 5: item 'lie' does not say what"),
    "unknown variable": (with_line(COUNTS, 5, "q9,1990,right,50"), "counts.csv line 5: no item names the variable"),
    "twice": (
        with_line(COUNTS, 5, "q1,1990,wrong,50"),
        "counts.csv line 5: 'q1', 1990, 'wrong' stands already in line 2",
    ),
    "too few fields": (with_line(COUNTS, 5, "q1,1990,right"), "counts.csv line 5: 3 fields"),
    "semicolons": (COUNTS.replace(",", ";"), "counts.csv line 1: the header must name"),
    "no header": (COUNTS.split("\n", 1)[1], "counts.csv line 1: the header must name"),
    "open quote": (COUNTS + 'q2,1996,"kept,3\n', "counts.csv line"),
    "empty": ("", "counts.csv is empty"),
    "header only": ("variable,year,answer,count\n", "counts.csv has no row of variable 'q1'"),
    "variable without rows": ("\n".join(COUNTS.splitlines()[:7]) + "\n", "counts.csv has no row of variable 'q2'"),
    "percentages": (
        "variable,year,answer,count\n"
        + "".join(f"q1,{y},wrong,40\nq1,{y},right,60\nq2,{y},kept,33\nq2,{y},broken,66\n" for y in (1990, 1991)),
        "counts.csv line 2: the counts of 'q1' sum to 100 in every year",
    ),
    "percentages of one question": (
        COUNTS.replace("q2,1991,broken,90", "q2,1991,broken,70").replace("60\n", "50\n").replace("dk,5", "dk,0"),
        "counts.csv line 8: the counts of 'q2' sum to 100 in every year",
    ),
    "shares": (with_line(COUNTS, 2, "q1,1990,wrong,0.3"), "counts.csv line 2: count is '0.3'"),
    "latin-1": (COUNTS.replace("dk", "weiß nicht").encode("latin-1"), "counts.csv line 6: the text is not UTF-8"),
    "UTF-16": (COUNTS.encode("utf-16"), "counts.csv line 1: the text is UTF-16"),
    "UTF-16 without a mark": (COUNTS.encode("utf-16-le"), "counts.csv line 1: the text holds a zero byte"),
    "one year": ("variable,year,answer,count\nq1,1990,right,7\nq2,1990,kept,9\n", "counts.csv covers 1 step (1990)"),
    "weights without people": (
        "variable,year,answer,count,weighted\nq1,1990,right,0,3\n",
        "counts.csv line 2: weighted is 3 for 0 people",
    ),
    "negative weight": (
        "variable,year,answer,count,weighted\nq1,1990,right,3,-3\n",
        "counts.csv line 2: weighted is '-3'",
    ),
    "impossible squares": (
        "variable,year,answer,count,weighted,squares\nq1,1990,right,10,20,30\n",
        "counts.csv line 2: squares is smaller than",
    ),
    "squares alone": (
        "variable,year,answer,count,squares\nq1,1990,right,10,20\n",
        "counts.csv line 1: squares of weights without",
    ),
}
BAD_ITEMS: dict[str, tuple[str | bytes, str]] = {
    "unknown dimension": (ITEMS.replace("law:+1", "lax:+1"), "items.csv line 5"),
    "bad tag": (ITEMS.replace("law:+1", "law:+2"), "items.csv line 5: tags is 'law:+2'"),
    "tag twice": (ITEMS.replace("law:+1", "law:+1;law:-1"), "items.csv line 5: tags"),
    "unknown main": (ITEMS.replace("q2,law,", "q2,lawful,"), "items.csv line 5: unknown main dimension"),
    "answer of two options": (ITEMS.replace("depends,", "wrong,"), "items.csv line 3: the answer 'wrong' already"),
    "empty answer": (ITEMS.replace("wrong|very wrong", "wrong||very wrong"), "items.csv line 2: answers"),
    "one option": (
        ITEMS.replace("law,q2,,,It may be broken.,broken,law:-1\n", ""),
        "items.csv line 5: item 'law' has 1",
    ),
    "scattered": (ITEMS + "lie,q1,,,Again.,again,\n", "items.csv line 8: the rows of item 'lie' do not stand together"),
    "same variable": (ITEMS.replace("law,q2", "law,q1"), "items.csv line 5: variable 'q1' already belongs"),
    "other text": (
        ITEMS.replace("It depends.", "It depends.").replace("lie,q1,,,It", "lie,q1,,Else.,It"),
        "items.csv line 3",
    ),
    "no item": ("item,variable,main,text,option,answers,tags\n*,,,,,dk,\n", "items.csv holds no question"),
    "latin-1": (ITEMS.replace("dk", "weiß").encode("latin-1"), "items.csv line 7: the text is not UTF-8"),
}


@pytest.mark.parametrize("which", [*(f"counts: {key}" for key in BAD_COUNTS), *(f"items: {key}" for key in BAD_ITEMS)])
def test_a_bad_file_is_one_line_and_exit_code_2(which: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kind, _, name = which.partition(": ")
    text, told = (BAD_COUNTS if kind == "counts" else BAD_ITEMS)[name]
    paths = write(tmp_path, counts=text) if kind == "counts" else write(tmp_path, items=text)
    out = tmp_path / "out"
    assert run(str(paths[0]), str(paths[1]), "--out", str(out)) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and told in said.err and not said.out
    assert not out.exists()


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    plain = survey_history(*write(tmp_path), name="small")
    marked = [codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode() for text in (COUNTS, ITEMS)]
    assert survey_history(*write(tmp_path, *marked), name="small").hash == plain.hash


def test_other_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts, items = map(str, write(tmp_path))
    out = ["--out", str(tmp_path / "out")]
    for more, told in (
        (["--years", "0"], "a step of 0 years"),
        (["--start", "1995"], "before the first step"),
        (["--years", "2"], "nothing was asked in 1992-93"),
        (["--complete"], "no question was asked in every step"),
        (["--design-effect", "0.5"], "design effect 0.5"),
        (["--card", str(tmp_path / "none.json")], "no such file"),
    ):
        assert run(counts, items, *more, *out) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and told in error
    assert run(str(tmp_path / "none.csv"), items, *out) == 2


def test_card_holds_source_and_evidence() -> None:
    card = read_json(shipped_folder("gss-v1") / "card.json")
    assert "Davern" in card["source"]
    assert card["survey"]["years"]["1977-81"] == [1977, 1978, 1980]
    assert card["evidence"]["split_half_drift"]["mean"] > 0.6
