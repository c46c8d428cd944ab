"""Every example of this floor runs from the command line."""

from __future__ import annotations

import contextlib
import io
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "examples").is_dir(), reason="examples are not installed")


def run(example: str, *arguments: str) -> str:
    """What an example prints; in this process, which has the libraries loaded."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(sys, "argv", [example, *arguments])
        runpy.run_path(str(ROOT / example), run_name="__main__")
    return said.getvalue()


def test_follow_random() -> None:
    output = run("examples/follow_random.py", "--history", "synthetic:linear?seed=7")
    assert "random:" in output and "static:" in output and output.count("C021") == 4


def test_train_ppo() -> None:
    output = run("examples/train_ppo.py", "--steps", "2048", "--family", "cyclic")
    assert "held-out cyclic histories: gain" in output
