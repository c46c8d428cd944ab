"""The scripts of `research/` as modules; the folder is no package and not part of the wheel."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parents[2] / "research"


def script(name: str) -> ModuleType:
    """Load `research/NAME.py`."""
    spec = importlib.util.spec_from_file_location(f"research_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
