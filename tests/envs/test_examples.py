"""Every example of this floor runs from the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "examples").is_dir(), reason="examples are not installed")


def run(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300).stdout


def test_follow_random() -> None:
    output = run("examples/follow_random.py", "--history", "synthetic:linear?seed=7")
    assert "random:" in output and "static:" in output and output.count("C021") == 4


def test_train_ppo() -> None:
    output = run("examples/train_ppo.py", "--steps", "2048", "--family", "cyclic")
    assert "held-out cyclic histories: gain" in output
