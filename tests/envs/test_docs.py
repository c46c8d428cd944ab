"""The environment pages are what the docstrings say."""

from __future__ import annotations

import pytest

from docs.generate import BY_HAND, FOLDER, pages

SHIPPED = {path.name for path in FOLDER.glob("*.md")}


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return pages()


@pytest.mark.parametrize("name", sorted(SHIPPED - set(BY_HAND)))
def test_page_is_up_to_date(name: str, made: dict[str, str]) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == made.get(name), "run python docs/generate.py"


def test_no_page_is_left_over_or_missing(made: dict[str, str]) -> None:
    assert {*made, *BY_HAND} == SHIPPED, "run python docs/generate.py"
