"""The page of bad inputs, from the list of cases and what verification said about each."""

from __future__ import annotations

import re
from collections.abc import Mapping

from progressgym.leaderboard.records import Verdict
from tests.leaderboard.cases import BY_STORE, CASES

NOTE = "<!-- Generated from tests/leaderboard/cases.py by docs/generate_inputs.py; do not edit. -->"
INTRODUCTION = """# Bad inputs

What the board does with submissions that are broken, hostile or dishonest. Every row is a test
(`tests/leaderboard/test_cases.py`): the submission is built, checked in a child process with one gigabyte of address
space, and has to end in this outcome. Hashes and measured numbers in messages are shown as `#`.

A refusal is a list of reasons; the first is shown, with its code and the place that it names.
"""


def render(verdicts: Mapping[str, Verdict]) -> str:
    """The page as Markdown."""
    lines = [NOTE, "", INTRODUCTION.rstrip(), "", "| | input | outcome | where | reason |", "|---|---|---|---|---|"]
    rows = [(case.number, case.title, *_outcome(verdicts[case.number])) for case in CASES]
    rows += [(number, title, f"`{told}`", "", f"`tests/leaderboard/{test}`") for number, title, told, test in BY_STORE]
    lines += ["| " + " | ".join(_cell(text) for text in row) + " |" for row in sorted(rows, key=_order)]
    return "\n".join(lines) + "\n"


def _outcome(verdict: Verdict) -> tuple[str, str, str]:
    if verdict.accepted:
        return "accepted", "", "; ".join(verdict.warnings) or "scores what it deserves"
    first = verdict.problems[0]
    return f"`{first.code}`", _masked(first.where), _masked(first.message)


def _masked(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{12,}\b|-?\d+\.\d+(?:e[+-]?\d+)?|\d{5,}", "#", text)


def _cell(text: str) -> str:
    return re.sub(r"([\\|<>\[\]*])", r"\\\1", text) if not text.startswith("`") else text


def _order(row: tuple[str, ...]) -> tuple[int, str]:
    digits = "".join(sign for sign in row[0] if sign.isdigit())
    return int(digits), row[0]
