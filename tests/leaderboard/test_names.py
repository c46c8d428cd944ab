"""Names that nobody may take, however they are drawn, and texts that nobody can see."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressgym.agents.registry import AGENTS
from progressgym.core.errors import UserError
from progressgym.leaderboard.names import name_problem, text_problem
from progressgym.leaderboard.reserved import account_problem, agent_name_problem, reference_like
from progressgym.leaderboard.store import Store
from progressgym.scores.records import RunConfig
from tests.leaderboard.stores import verdict

DRAWN = {
    "a": "aA4@",
    "e": "eE3",
    "o": "oO0",
    "l": "lL1iI",
    "i": "iI1lL",
    "s": "sS5",
    "t": "tT7+",
    "b": "bB8",
    "g": "gG9",
}
PAIRS = {"m": "rn", "w": "vv", "d": "cl"}


@st.composite
def drawn(draw: st.DrawFn, name: str) -> str:
    """The name with other signs that look the same, other case, and other punctuation."""
    found = ""
    for sign in name:
        if sign == "-":
            found += draw(st.sampled_from(["-", "_", ".", ""]))
        else:
            found += draw(st.sampled_from(DRAWN.get(sign, sign + sign.upper()) or sign))
            if sign in PAIRS and draw(st.booleans()):
                found = found[:-1] + PAIRS[sign]
    return found


@given(st.data())
def test_no_drawing_of_a_shipped_agent_passes(data: st.DataObject) -> None:
    spec = data.draw(st.sampled_from(AGENTS.shipped()))
    name = data.draw(drawn(spec.name))
    if spec.privileged:
        assert reference_like(name) == spec.name
    else:
        assert agent_name_problem(name, "mine:Own") is not None
        assert (agent_name_problem(name, spec.name) is None) == (name == spec.name)
    if name_problem(name) is None:
        assert account_problem(name) is not None


@given(st.data(), st.sampled_from(["board", "progressgym", "progress-gym"]))
def test_no_drawing_of_the_boards_own_names_passes(data: st.DataObject, name: str) -> None:
    name = data.draw(drawn(name))
    assert account_problem(name) is not None and agent_name_problem(name, "mine:Own") is not None


@pytest.mark.parametrize(
    "name", ["my-map", "kalman-2", "oracle-bone", "board-game", "gpt-4", "ada", "user-0", "reboard"]
)
def test_other_names_pass(name: str) -> None:
    assert (
        reference_like(name) is None and agent_name_problem(name, "mine:Own") is None and account_problem(name) is None
    )


@pytest.mark.parametrize(
    "name", ["orac-le", "or.ac_le", "oracle:x", "0racle@2", "oracle.v2", "oracle1", "last-human&x=1"]
)
def test_signs_versions_and_arguments_hide_no_reference(name: str) -> None:
    assert reference_like(name) is not None and account_problem(name) is not None


@pytest.mark.parametrize("name", ["kalman:1", "kalman&x", "kalman@mine", "board:x", "board2", "progressgym-v1"])
def test_arguments_hide_no_shipped_name(name: str) -> None:
    assert agent_name_problem(name, "mine:Own") is not None and account_problem(name) is not None


@pytest.mark.parametrize("name", ["board", "progressgym", "B0ARD", "pr0gress.gym", "oracle", "Kalman"])
def test_reserved_names_cannot_be_enrolled(tmp_path: Path, name: str) -> None:
    store = Store.open(tmp_path)
    with pytest.raises(UserError, match="reserved"):
        store.enrol(name)
    assert store.log() == []
    store.close()


def test_a_submitter_cannot_look_like_another(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.enrol("lovelace")
    store.submit(*verdict(), "babbage")
    for name in ("Lovelace", "1ove_lace", "BABBAGE"):
        with pytest.raises(UserError, match="looks like"):
            store.enrol(name)
    assert store.submitter_of(store.enrol("babbage")) == "babbage", "who has entries already may have an account"
    store.close()


def test_no_text_of_invisible_signs_alone_passes() -> None:
    """All of Unicode: what `str.isprintable` and the categories do not catch is listed."""
    invisible = [
        0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x200D, 0x2060, 0x2800, 0x3164, 0xFE0F, 0xFFA0, 0x1D159, 0xE0101,
    ]  # fmt: skip
    for point in invisible:
        for text in (chr(point), f"A{chr(point)}da", f"Ada {chr(point)}"):
            assert text_problem(text, 50) is not None, hex(point)
    for point in range(sys.maxunicode + 1):
        sign = chr(point)
        if unicodedata.category(sign)[0] in "CZM" and not 0xD800 <= point < 0xE000:
            assert text_problem(sign, 50) is not None, hex(point)


@pytest.mark.parametrize("text", ["Zoë", "김영희", "नेहा", "Ωμέγα", "李 四", "C++", "--out", "."])
def test_visible_texts_pass(text: str) -> None:
    assert text_problem(text, 50) is None


@pytest.mark.parametrize(
    "text",
    ["\uff2fracle", "\U0001d40e\U0001d42b", "\u24b6da", "\uff71", "\ua4f3racle", "\u2d54racle", "\U00010404racle", "\U00010300da",
     "\u15e9da", "orac\u10dae", "\u0ca0da", "p\u0430ypal", "\u13aada", "a\ufffcda"],
)  # fmt: skip
def test_letters_in_other_clothes_and_of_other_scripts_are_refused(text: str) -> None:
    assert text_problem(text, 50) is not None


@pytest.mark.parametrize(
    "text",
    [
        "NTT\u30c7\u30fc\u30bf",
        "M\u00aa Jos\u00e9",
        "\u041c\u0430\u0440\u02bc\u044f\u043d\u0430",
        "CO\u2082",
        "5 \u00b5m",
        "\u674e\u3000\u56db",
    ],
)
def test_letters_that_stand_together_pass(text: str) -> None:
    assert text_problem(text, 50) is None


@pytest.mark.parametrize("version", [True, 1.0, "1", None, 2, 0, [1]])
def test_only_the_number_one_is_version_one(version: object) -> None:
    fields = {
        "environment": "e", "arguments": {}, "challenge": "c", "agent": "a", "seed": 0, "rng_scheme": "r",
        "history": {"name": "h", "hash": "0" * 64}, "instrument": {"name": "i", "hash": "0" * 64}, "package_version": "1",
    }  # fmt: skip
    good = RunConfig.make(**fields).model_dump(mode="json")
    assert RunConfig.model_validate(good).schema_version == 1
    with pytest.raises(ValueError, match="schema_version"):
        RunConfig.model_validate({**good, "schema_version": version})
