"""Every study starts: it can be imported against today's package, and says what it does and takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


def test_missing_data_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "research.losses_on_texts", "run", str(tmp_path / "out.json")]
    done = subprocess.run(
        command,
        cwd=FOLDER.parent,
        env={**os.environ, "PROGRESSGYM_SHARED": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: no such file") and "Traceback" not in done.stderr
