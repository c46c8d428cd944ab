"""Records of files: every fault is one line with file and line, and nothing is converted on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from progressgym.core.errors import UserError
from progressgym.core.records import read_records


@dataclass(kw_only=True, frozen=True)
class Deed:
    """An example."""

    id: str
    options: tuple[str, ...]
    pair: tuple[str, int] = ("", 0)
    weight: float = 1.0
    tags: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the number of options."""
        if not 2 <= len(self.options) <= 4:
            raise UserError(f"{len(self.options)} options; 2 to 4 are possible")


def test_a_file_of_records(tmp_path: Path) -> None:
    """Types are as annotated; a blank line and a byte order mark cost nothing."""
    path = tmp_path / "a.jsonl"
    path.write_text(
        '\ufeff{"id": "a", "options": ["x", "y"], "weight": 2, "tags": {"care": 1}}\n\n'
        '{"id": "b", "options": ["x", "y", "z"], "pair": ["p", 3]}\n',
        encoding="utf-8",
    )
    first, second = read_records(path, Deed)
    assert first == Deed(id="a", options=("x", "y"), weight=2.0, tags={"care": 1.0}) and type(first.weight) is float
    assert second.pair == ("p", 3) and second.tags == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no line"),
        ("{", r"a.jsonl line 1 is not valid JSON"),
        ('["a"]', "line 1: an object with id, options"),
        ('{"id": "a"}', "line 1: field 'options' is missing"),
        ('{"id": "a", "options": ["x", "y"], "colour": 1}', "line 1: field 'colour' is unknown"),
        ('{"id": 1, "options": ["x", "y"]}', "line 1: id must be of type str, found 1"),
        ('{"id": "a", "options": "xy"}', "line 1: options must be of type"),
        ('{"id": "a", "options": ["x", 2]}', "line 1: options must be of type str, found 2"),
        ('{"id": "a", "options": ["x", "y"], "pair": ["p", true]}', "pair must be of type int, found True"),
        ('{"id": "a", "options": ["x", "y"], "weight": NaN}', "weight must be of type float, found nan"),
        ('{"id": "a", "options": ["x", "y"], "tags": {"care": "1"}}', "line 1: tags.care must be of type float"),
        ('{"id": "a", "options": ["x"]}', "line 1: 1 options; 2 to 4 are possible"),
        ('{"id": "a", "options": ["x", "y"]}\n\n{"id": "a", "options": ["x", "y"]}', "line 3: id 'a' stands in line 1"),
    ],
)
def test_one_line_names_the_fault(tmp_path: Path, text: str, told: str) -> None:
    """File, line, field, and what would be right."""
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(UserError, match=told) as caught:
        read_records(tmp_path / "a.jsonl", Deed)
    assert "\n" not in str(caught.value)


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    """Not UTF-8, and said so."""
    (tmp_path / "a.jsonl").write_bytes('{"id": "a", "options": ["é", "y"]}'.encode("latin-1"))
    with pytest.raises(UserError, match="not UTF-8"):
        read_records(tmp_path / "a.jsonl", Deed)
