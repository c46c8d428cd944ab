"""docs/tour.md names the files that its trips pass: these, and no others."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "tour.md"
SCREENS, LINES = 2, 50
"""How long the page may be, and what fits on a screen."""
MOST_HOPS = 214
"""Half of the 429 calls from file to file that a pair once took into a language model."""


@pytest.fixture(scope="module")
def passed() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.tour_trips"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    trips: dict[str, Any] = json.loads(done.stdout)
    return trips


def sections() -> dict[str, str]:
    """Trip -> text."""
    found = {}
    for part in re.split(r"^## One ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, text = part.partition("\n")
        found["pair" if "pair" in title else title.split()[0]] = text
    return found


def named(text: str) -> set[str]:
    """Files in backticks, perhaps with what is meant in them."""
    return set(re.findall(r"`([\w/]+\.py)(?=[:`])", text))


@pytest.mark.heavy
@pytest.mark.parametrize("trip", ["action", "item", "pair", "submission"])
def test_every_file_is_named(trip: str, passed: dict[str, Any]) -> None:
    text = sections()[trip]
    before = re.search(r"^Before: .*?\n\n", text, re.MULTILINE | re.DOTALL)
    earlier = named(before.group(0)) if before else set()
    walked = {file for file in passed[trip]["files"] if not file.startswith("core/")}
    assert walked == named(text) - (earlier - walked)
    assert all((ROOT / "progressgym" / file).is_file() for file in named(text))


@pytest.mark.heavy
def test_a_pair_reaches_a_language_model_in_few_hops(passed: dict[str, Any]) -> None:
    _, model = passed["pair"]["hops"]
    assert 0 < model <= MOST_HOPS


def test_what_is_named_in_a_file_is_there() -> None:
    for file, name in re.findall(r"`([\w/]+\.py):\s+([\w.]+)`", PAGE.read_text(encoding="utf-8")):
        code = (ROOT / "progressgym" / file).read_text(encoding="utf-8")
        for part in name.split("."):
            assert re.search(rf"^\s*(def|class) {part}\b", code, re.MULTILINE), f"{file} has no {name}"


def test_it_is_at_most_two_screens() -> None:
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) <= SCREENS * LINES
