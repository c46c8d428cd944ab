"""Temporary folders: gone with their process, however it ends; those of others stay."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from progressgym.core.errors import UserError
from progressgym.core.scratch import PREFIX, sweep
from progressgym.leaderboard.scratch import scratch

HOLDS = """
import sys
from progressgym.leaderboard.scratch import scratch
with scratch("test") as folder:
    (folder / "large").write_bytes(bytes(1000))
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def holder(temporary: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    line = [sys.executable, "-c", HOLDS]
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_folder_ends_with_its_block(temporary: Path) -> None:
    with pytest.raises(ZeroDivisionError), scratch("test") as folder:
        assert folder.parent == temporary and sweep() == 0 and folder.is_dir()
        raise ZeroDivisionError
    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_no_more(temporary: Path) -> None:
    other = temporary / "other"
    other.mkdir()
    (temporary / f"{PREFIX}link").symlink_to(other)
    with holder(temporary) as dead, holder(temporary) as alive:
        dead.kill()
        dead.wait()
        with scratch("test"):
            assert len(list(temporary.glob(f"{PREFIX}board-test-*"))) == 2, "one's own and that of the living"
        assert alive.poll() is None
        alive.communicate("")
    assert sorted(path.name for path in temporary.iterdir()) == ["other", f"{PREFIX}link"]


def test_a_folder_without_a_lock_is_left_alone_while_it_is_young(temporary: Path) -> None:
    made = temporary / f"{PREFIX}test-x"
    made.mkdir()
    assert sweep() == 0
    os.utime(made, (0, 0))
    assert sweep() == 1 and not made.exists()


def test_a_folder_that_cannot_be_made_is_one_line(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "nowhere"))
    with pytest.raises(UserError, match="temporary files cannot be written") as caught, scratch("test"):
        raise AssertionError("there is no folder")
    assert "\n" not in str(caught.value)
