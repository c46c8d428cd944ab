"""The environment pages are what the docstrings say."""

from __future__ import annotations

import pytest

from docs.generate import BY_HAND, FOLDER, pages


@pytest.mark.parametrize("name", sorted(pages()))
def test_page_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], "run python docs/generate.py"


def test_no_page_is_left_over() -> None:
    assert {path.name for path in FOLDER.glob("*.md")} == {*pages(), *BY_HAND}
