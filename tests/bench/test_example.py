"""The example with an agent of one's own runs, and says what its text says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="needs the repository, not an installed package")
def test_own_agent_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(EXAMPLES)
    runpy.run_path(str(EXAMPLES / "bench_your_agent.py"))["main"](tmp_path / "own")
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.strip().startswith("bench_your_agent"))
    assert "0.00 [-0.0" in row or "0.00 [0.0" in row
