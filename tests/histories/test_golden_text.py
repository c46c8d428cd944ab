"""Two hundred lines of our own, before and after repair and normalisation: repairs never make text worse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressgym.histories.cleaning import repair
from progressgym.histories.mojibake import undo_wrong_code_page
from progressgym.histories.spelling import normalise

LINES = [
    json.loads(line)
    for line in Path(__file__).with_name("golden_text.jsonl").read_text(encoding="utf-8").splitlines()
    if line
]
SOUND = st.text(
    st.characters(codec="utf-8", exclude_characters="".join(map(chr, range(0x80, 0x400))) + "€–—‘’“”…†‡•‰‹›™‚„")
)
"""Text without any sign that a Windows-1252 reading of UTF-8 can hold."""


def test_there_are_two_hundred_different_lines() -> None:
    assert len(LINES) >= 200 and len({(step, before) for step, before, _ in LINES}) == len(LINES)


@pytest.mark.parametrize(("step", "before", "after"), LINES)
def test_line(step: str, before: str, after: str) -> None:
    assert (repair(before) if step == "repair" else normalise(before, step)) == after


@pytest.mark.parametrize(("step", "before", "after"), [line for line in LINES if line[0] == "repair"])
def test_what_is_repaired_stays(step: str, before: str, after: str) -> None:
    assert repair(after) == after


@given(st.text(st.characters(codec="utf-8", min_codepoint=0x100), min_size=1, max_size=40), SOUND)
def test_every_wrong_reading_beside_sound_text_is_cured(damaged: str, sound: str) -> None:
    """A run of at least two signs that went through Latin-1; what stands beside it is none of its business."""
    run = "é" + damaged.replace("\ufeff", "") + "é"
    assert undo_wrong_code_page(f"{sound} {run.encode().decode('latin-1')} {sound}") == f"{sound} {run} {sound}"


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=200))
def test_one_line_of_ascii_loses_nothing_but_space(text: str) -> None:
    found = repair(text)
    assert found in ("", " ".join(text.split(" ")).strip()) or found.split() == text.split()


@given(st.integers(0, 2100), st.integers(0, 2100), st.sampled_from("-\u2010\u00ad\u00ac\u2013"))
def test_numbers_are_never_glued(first: int, last: int, sign: str) -> None:
    assert repair(f"from {first}{sign}\n{last} on") == f"from {first}{sign}\n{last} on"
