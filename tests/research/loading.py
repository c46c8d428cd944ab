"""The studies of `research/`, which are no part of the wheel."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "research"


def script(name: str) -> ModuleType:
    """The study `research/NAME.py`."""
    if not FOLDER.is_dir():
        pytest.skip("needs the repository, not an installed package", allow_module_level=True)
    return importlib.import_module(f"research.{name}")
