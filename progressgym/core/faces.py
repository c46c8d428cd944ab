"""Faces: a package lists its public names; the module behind one is imported when the name is first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """`__getattr__` of a package.

    >>> lazy("progressgym.core", {"errors": "UserError did_you_mean"})("UserError").__name__
    'UserError'

    Args:
        package: its name.
        modules: module of the package -> the names in it that are public, separated by spaces.
    """
    homes = {name: module for module, names in modules.items() for name in names.split()}

    def look_up(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    return look_up
