"""Standards: a partial order, negotiation with a veto, and what camps of people accept."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from progressgym.cli.main import dispatch
from progressgym.core.errors import UserError
from progressgym.preferences.norms import NormativeStandard, negotiate, read_camps

SHARED = os.environ.get("PROGRESSGYM_SHARED")
PANEL = None if SHARED is None else Path(SHARED) / "real" / "gss-panel" / "panel06.csv.gz"
STANDARD = NormativeStandard(role="r", context="c", norms=("a", "b", "c"), stakeholders=("s",), provenance="p")
COURSES = st.lists(st.integers(0, 3), min_size=3, max_size=3)


@settings(deadline=None)
@given(x=COURSES, y=COURSES, z=COURSES)
def test_a_partial_order(x: list[int], y: list[int], z: list[int]) -> None:
    opposite = {"better": "worse", "worse": "better", "equal": "equal", "incomparable": "incomparable"}
    assert STANDARD.compare(y, x) == opposite[STANDARD.compare(x, y)]
    assert STANDARD.compare(x, x) == "equal"
    if STANDARD.compare(x, y) == STANDARD.compare(y, z) == "better":
        assert STANDARD.compare(x, z) == "better"
    if STANDARD.compare(x, y) == "better":
        assert STANDARD.scalarised(x, [1, 2, 3]) > STANDARD.scalarised(y, [1, 2, 3])
    best = STANDARD.undominated([x, y, z])
    assert best and all(STANDARD.compare([x, y, z][a], [x, y, z][b]) != "better" for a in range(3) for b in best)


def test_no_number_orders_what_is_incomparable() -> None:
    one, two = [1, 0, 0], [0, 1, 0]
    assert STANDARD.compare(one, two) == "incomparable"
    assert STANDARD.scalarised(one, [2, 1, 1]) > STANDARD.scalarised(two, [2, 1, 1])
    assert STANDARD.scalarised(one, [1, 2, 1]) < STANDARD.scalarised(two, [1, 2, 1])


def test_a_veto_beats_the_mean_and_nash_decides_among_the_rest() -> None:
    """Gains (3, 1), (2, 2), (9, -1): the last has the largest mean; 2 x 2 is more than 3 x 1."""
    result = negotiate([[3.0, 2.0, 9.0], [1.0, 2.0, -1.0]])
    assert result.accepted.tolist() == [True, True, False] and result.chosen == 1
    assert result.least.tolist() == [1.0, 2.0, -1.0] and result.spread.tolist() == [2.0, 0.0, 10.0]
    assert negotiate([[-1.0], [5.0]]).chosen is None
    assert negotiate([[1.0, 3.0], [1.0, 1.0]], [2.0, 0.0]).chosen == 1, "over a status quo of their own"


@pytest.mark.skipif(PANEL is None or not PANEL.is_file(), reason="needs gss-panel/panel06.csv.gz")
def test_what_people_accept() -> None:
    """The panel's first wave: a majority accepts 40 of 68; 34 every camp does, 17 none, 17 are contested."""
    assert PANEL is not None
    camps = read_camps(PANEL, wave="1")
    sizes = {name: len(norms) for name, norms in camps.outcomes().items()}
    assert sizes == {"pooled majority": 40, "every camp": 34, "no camp": 17, "contested": 17}
    assert {"homosex", "abany", "prayer"} <= set(camps.outcomes()["contested"])
    standard = camps.standard("assistant", "2006", "General Social Survey")
    assert len(standard.norms) == 34 and standard.stakeholders == ("conservative", "liberal", "moderate")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["left,1,1,0", "left,1,1,0", "left,1,0,0", "right,1,0,0", "right,1,0,0", ",0,0,0"]
    file = tmp_path / "people.csv"
    file.write_text("party,all,some,none\n" + "\n".join(rows) + "\n")
    assert dispatch(["preferences", "norms", str(file), "--camp", "party", "--json"]) == 0
    outcomes = json.loads(capsys.readouterr().out)["outcomes"]
    assert outcomes == {"pooled majority": ["all"], "every camp": ["all"], "no camp": ["none"], "contested": ["some"]}
    assert dispatch(["preferences", "norms", str(file), "--camp", "party"]) == 0
    assert "a majority, and a veto: none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("polviews3,a\nx,1\n", "has 1 camps"),
        ("polviews3,a\nx,1\ny,2\n", "line 3, a '2'"),
        ("polviews3,a\nx,1\ny,\n", "asks nobody of 'y' about 'a'"),
        ("polviews3\nx\n", "no columns beside"),
        ("a\n1\n", "no column 'polviews3'"),
    ],
)
def test_bad_files(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        read_camps(tmp_path / "bad.csv")


def test_refusals() -> None:
    for norms in ((), ("a", "a")):
        with pytest.raises(UserError, match="different norms"):
            NormativeStandard(role="", context="", norms=norms, stakeholders=("s",), provenance="")
    with pytest.raises(UserError, match="3 norms"):
        STANDARD.compare([1, 2], [1, 2, 3])
    for table, base in (([[np.nan]], 0.0), ([1.0], 0.0), ([[1.0]], [1.0, 2.0])):
        with pytest.raises(UserError):
            negotiate(table, base)
