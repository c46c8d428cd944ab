"""Every study starts: it can be imported against today's package, and says what it does and takes."""

from __future__ import annotations

import sys

import pytest

from tests.research.loading import FOLDER, script

PARTS = {"__init__", "constraints", "drift_page", "questionnaires"}
"""Not studies themselves."""
STUDIES = sorted({path.stem for path in FOLDER.glob("*.py")} - PARTS)


@pytest.mark.parametrize("name", STUDIES)
def test_it_starts(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        script(name).main()
    assert ended.value.code == 0 and "usage" in capsys.readouterr().out


def test_the_list_of_studies_is_complete() -> None:
    import research

    listed = research.__doc__ or ""
    assert [name for name in STUDIES if f"`{name}`" not in listed] == []
