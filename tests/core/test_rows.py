"""Files of JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from progressgym.core.errors import UserError
from progressgym.core.rows import json_rows
from progressgym.preferences.datasets import read_rows
from progressgym.tuning.preference_file import read_contrasts

SEPARATORS = "one\u2028two\u2029three\x85four"
"""A JSON text may hold these as they are; only a line feed ends a line."""


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    row = {"prompt": "Say", "chosen": SEPARATORS, "rejected": "no"}
    path.write_bytes("\r\n\n".join([json.dumps(row, ensure_ascii=False)] * 2).encode())
    assert list(json_rows(path, "x")) == [("rows.jsonl, line 1", row), ("rows.jsonl, line 3", row)]
    assert [one.chosen for one in read_contrasts(path)] == [SEPARATORS] * 2
    assert [SEPARATORS in one.chosen for one in read_rows(path)] == [True, True]


@pytest.mark.parametrize(
    ("text", "reason"), [("\n \n", "no lines"), ("{}\n[1]", "line 2 is no JSON object"), ("{", "line 1")]
)
def test_a_file_of_something_else_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(UserError, match=reason):
        list(json_rows(path, "x"))
