"""Temporary folders of killed processes go at the next start, those of living ones stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from progressgym.core.scratch import PREFIX, scratch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="folders have no locks there")
HOLD = "import os, signal; from progressgym.core.scratch import scratch\nwith scratch('held') as f:\n print(f, flush=True); {}"


def test_only_what_nobody_holds_is_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    dead = subprocess.run(
        [sys.executable, "-c", HOLD.format("os.kill(os.getpid(), signal.SIGKILL)")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert dead.returncode == -signal.SIGKILL
    living = subprocess.Popen(
        [sys.executable, "-c", HOLD.format("input()")],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert living.stdout is not None
    left, held = Path(dead.stdout.strip()), Path(living.stdout.readline().strip())
    young, other = tmp_path / f"{PREFIX}young", tmp_path / "somebody-else"
    young.mkdir()
    other.mkdir()
    assert not left.exists(), "whoever makes the next folder sweeps it"
    for folder in (held, other):
        os.utime(folder, (0, 0))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch("test") as folder:
        assert sorted(tmp_path.iterdir()) == sorted([folder, held, young, other])
    assert not folder.exists()
    living.communicate("\n")
    assert living.returncode == 0 and not held.exists()
