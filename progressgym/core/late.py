"""Modules that are imported when something of them is used: a table of names needs no torch."""

from __future__ import annotations

import importlib
from typing import Any


class Late:
    """Stands for a module.

    >>> Late("math").sqrt(4.0)
    2.0
    """

    def __init__(self, name: str) -> None:
        """Say which."""
        self._name = name

    def __getattr__(self, name: str) -> Any:
        """Import it, and give what is asked for."""
        return getattr(importlib.import_module(self._name), name)
