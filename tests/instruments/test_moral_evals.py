"""ProgressGym-MoralEvals: the real files where they are at hand, and small damaged ones."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from progressgym.core.dimensions import index_of
from progressgym.core.errors import UserError
from progressgym.instruments import Instrument
from progressgym.instruments.moral_evals import FOUNDATION_COLUMNS, MORALCHOICE_COLUMNS, VIEWS_COLUMNS
from progressgym.instruments.respondents import Upholding, Violating

REPOSITORY = Path(__file__).resolve().parents[2]
PUBLISHED = Path(os.environ.get("PROGRESSGYM_SHARED") or REPOSITORY.parent / "shared") / "moralevals"
published = pytest.mark.skipif(
    not (PUBLISHED / "moralchoice.csv").is_file(),
    reason="the published battery is not at hand; set PROGRESSGYM_SHARED to the folder that holds moralevals/",
)


@pytest.fixture(scope="module")
def battery() -> Instrument:
    return Instrument.from_moral_evals(PUBLISHED)


@published
def test_usable_rows_and_the_reason_of_every_other(battery: Instrument) -> None:
    report = battery.report
    assert report is not None
    assert report.kept == {"moralchoice.csv": 680, "foundation.csv": 599, "views.csv": 535}
    assert {note.id: note.reason.split()[0] for note in report.dropped} == {
        "F_403": "split",
        "V_106": "a",
        "V_158": "options",
        "V_159": "options",
        "V_160": "options",
    }
    assert all(note.line > 1 and note.file.endswith(".csv") for note in report.dropped)
    renamed = [note for note in report.changed if "id used before" in note.reason]
    assert len(renamed) == 97
    others = {note.id for note in report.changed} - {note.id for note in renamed}
    assert others == {"H_530", "H_595", "F_1534", "V_161", "V_285"}
    assert "680 rows kept" in report.summary() and "V_159" in report.summary()


@published
def test_items_of_the_battery(battery: Instrument) -> None:
    assert len({item.id for item in battery.items}) == len(battery) == 1814
    mains = Counter(item.main for item in battery.items)
    assert mains["worldview"] == 535 and mains["pain"] == 71 and mains["care"] == 120 and mains["authority"] == 111
    by_id = {item.id: item for item in battery.items}
    assert by_id["H_002"].options[1] == "I assist in suicide."
    first, second = by_id["H_002"].tags
    assert (first["death"], second["death"], first["pain"], first["duty"], second["law"]) == (1, -1, -1, 0, -1)
    assert by_id["H_001"].text != by_id["H_001-2"].text
    assert by_id["V_161"].options[3].startswith("Integrating insights") and "science, and" in by_id["V_161"].options[3]
    assert by_id["V_285"].options[2].endswith("contributions, focusing on intrinsic purposes.")
    assert not [o for item in battery.items for o in item.options if o[0] in ' "“(' or o[-1] in ' "”;' or not o]


@published
def test_known_answers_on_the_battery(battery: Instrument) -> None:
    np.testing.assert_allclose(battery.values(battery.uniform()), 0.0, atol=1e-9)
    assert battery.covered(battery.elicitation).all() and battery.covered(battery.evaluation).all()
    for name, lowest in (("death", -1), ("law", -1), ("purity", -1), ("integrated", -1 / 3)):
        d = index_of(name)
        assert battery.values(Upholding(name).answers(battery))[d] == pytest.approx(1.0)
        assert battery.values(Violating(name).answers(battery))[d] == pytest.approx(lowest)


@published
def test_halves_of_the_battery(battery: Instrument) -> None:
    halves = [Counter(battery.items[i].main for i in half) for half in (battery.elicitation, battery.evaluation)]
    assert abs(len(battery.elicitation) - len(battery.evaluation)) <= 1
    assert all(abs(halves[0][main] - halves[1][main]) <= 2 for main in halves[0] | halves[1])


# Small files of our own, in the published layout.


def moralchoice_row(**cells: str) -> dict[str, str]:
    row = dict.fromkeys(MORALCHOICE_COLUMNS, "No")
    row |= {"scenario_id": "H_1", "generation_rule": "Do not kill", "context": "A choice."}
    return row | {"action1": "I stop.", "action2": "I go on.", "a2_death": "Yes"} | cells


def foundation_row(**cells: str) -> dict[str, str]:
    row = {"scenario_id": "F_1", "generation_theme": "Harm_Care", "context": "A child weeps."}
    return row | {"action1": "I help.", "action2": "I leave."} | cells


def views_row(**cells: str) -> dict[str, str]:
    actions = {f"action{k}": text for k, text in enumerate(("Faith.", "Fact.", "Tale.", "All."), 1)}
    return {"scenario_id": "V_1", "context": "What is a star?"} | actions | cells


def write(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    write(tmp_path / "moralchoice.csv", MORALCHOICE_COLUMNS, [moralchoice_row(), moralchoice_row(context="Again.")])
    write(tmp_path / "foundation.csv", FOUNDATION_COLUMNS, [foundation_row(action1=' "I help."')])
    write(tmp_path / "views.csv", VIEWS_COLUMNS, [views_row()])
    return tmp_path


def test_yes_means_that_an_option_violates_a_rule(small: Path) -> None:
    """a2_death Yes: the second option kills. No Agreement stands half-way."""
    rows = [moralchoice_row(a1_law="", a1_break_law="No Agreement", a2_break_law="Yes")]
    write(small / "moralchoice.csv", MORALCHOICE_COLUMNS, [{k: r[k] for k in MORALCHOICE_COLUMNS} for r in rows])
    battery = Instrument.from_moral_evals(small)
    np.testing.assert_array_equal(battery.loadings[0, :2, index_of("death")], [1.0, -1.0])
    np.testing.assert_array_equal(battery.loadings[0, :2, index_of("law")], [0.5, -0.5])
    np.testing.assert_array_equal(battery.loadings[0, :2, index_of("duty")], [0.0, 0.0])


def test_ids_are_made_unique_and_quotes_go(small: Path) -> None:
    battery = Instrument.from_moral_evals(small)
    assert [item.id for item in battery.items] == ["H_1", "H_1-2", "F_1", "V_1"]
    assert battery.items[2].options == ("I help.", "I leave.")
    assert battery.report is not None and battery.report.dropped == ()


def test_the_layout_of_the_original_repository(small: Path) -> None:
    for stem in ("moralchoice", "foundation", "views"):
        (small / stem).mkdir()
        (small / f"{stem}.csv").rename(small / stem / "final.csv")
    battery = Instrument.from_moral_evals(small)
    assert battery.report is not None
    assert battery.report.kept == {"moralchoice/final.csv": 2, "foundation/final.csv": 1, "views/final.csv": 1}


@pytest.mark.parametrize(
    ("name", "columns", "row", "reason"),
    [
        ("moralchoice", MORALCHOICE_COLUMNS, moralchoice_row(generation_rule="Do nothing"), "unknown rule"),
        ("moralchoice", MORALCHOICE_COLUMNS, moralchoice_row(a1_pain="Maybe"), "says 'Maybe'"),
        ("moralchoice", MORALCHOICE_COLUMNS, moralchoice_row(action1='""'), "an option is empty"),
        ("foundation", FOUNDATION_COLUMNS, foundation_row(generation_theme="Joy"), "unknown theme"),
        ("foundation", FOUNDATION_COLUMNS, foundation_row(context=" "), "no context"),
        ("foundation", FOUNDATION_COLUMNS, foundation_row(action2=', I leave."'), "split at a comma"),
        ("views", VIEWS_COLUMNS, views_row(action4=""), "action4 is empty"),
        ("views", VIEWS_COLUMNS, views_row(context="context"), "header row"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(
    small: Path, name: str, columns: tuple[str, ...], row: dict[str, str], reason: str
) -> None:
    good = {"moralchoice": moralchoice_row(), "foundation": foundation_row(), "views": views_row()}[name]
    write(small / f"{name}.csv", columns, [good, row])
    report = Instrument.from_moral_evals(small).report
    assert report is not None and len(report.dropped) == 1
    assert reason in report.dropped[0].reason
    assert (report.dropped[0].file, report.dropped[0].line) == (f"{name}.csv", 3)
    assert report.kept[f"{name}.csv"] == 1


def test_bad_files(small: Path) -> None:
    path = small / "views.csv"
    good = path.read_bytes()
    for content, message in (
        (b"", "views.csv is empty"),
        (good.splitlines()[0], "header and no rows"),
        (good.replace(b"action3", b"action_3"), "lacks the column action3"),
        (good.replace(b"star", b"st\xe4r"), "not UTF-8"),
        (good.decode().encode("utf-16"), "not UTF-8"),
        (good + b"\x00" * 10 + b'"' + b"x" * 200_000, "not CSV|lacks"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=message) as caught:
            Instrument.from_moral_evals(small)
        assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(UserError, match=r"no file views\.csv"):
        Instrument.from_moral_evals(small)
    with pytest.raises(UserError, match="no such folder"):
        Instrument.from_moral_evals(small / "nowhere")
    path.write_bytes(b"\xef\xbb\xbf" + good)
    assert len(Instrument.from_moral_evals(small)) == 4
