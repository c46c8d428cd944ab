"""Making kernels: compiled when first called, kept on disk where there is a place for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from progressgym.core.errors import UserError

try:
    import numba
except ImportError:
    raise UserError("array_backend='numba' needs numba: pip install 'progress-gym[numba]'") from None

Function = TypeVar("Function", bound=Callable[..., Any])
SOURCES = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
VERSION = hashlib.sha256(SOURCES).hexdigest()[:16]
"""Of all kernels. What is kept on disk bears it: numba looks at a kernel's own file alone, and not at those of the kernels that it calls."""
OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
}


def kernel(function: Function) -> Function:
    """A function of numbers and numpy arrays as machine code that lets go of the interpreter, so that threads work side by side.

    Floating-point sums may be reordered and products fused (vector instructions need it); NaN and infinities keep their meaning.
    """
    return _kept(function, OPTIONS)


def lean(function: Function) -> Function:
    """A kernel that makes no arrays of its own: references to those of others are then not counted, which otherwise takes
    a third of the time where functions pass many of them on row by row."""
    return _kept(function, {**OPTIONS, "_nrt": False})


def inlined(function: Function) -> Function:
    """A formula for kernels to use in loops: put in their place, it becomes vector instructions; a call would not."""
    return numba.njit(**OPTIONS, forceinline=True)(function)  # type: ignore[no-any-return]


def _kept(function: Function, options: dict[str, Any]) -> Function:
    """Kept on disk."""
    function.__qualname__ += f"_{VERSION}"
    try:
        return numba.njit(**options, cache=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # neither beside the source nor in the user's cache may anything be written
        return numba.njit(**options)(function)  # type: ignore[no-any-return]
