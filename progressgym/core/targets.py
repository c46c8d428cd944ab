"""Names that stand for code: `module:Name`, imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import Any


def load_target(target: str) -> Any:
    """What a name in one of this package's own tables stands for.

    >>> load_target("progressgym.core.errors:UserError").__name__
    'UserError'
    """
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
