"""Making kernels: compiled when first called, kept on disk where there is a place for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from progressgym.core.errors import UserError

try:
    import numba
except ImportError:
    raise UserError("array_backend='numba' needs numba: pip install 'progress-gym[numba]'") from None

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """A function of numbers and numpy arrays as machine code that lets go of the interpreter, so that threads work side by side.

    Floating-point sums may be reordered and products fused (vector instructions need it); NaN and infinities keep their meaning.
    """
    return _compiled(function, {})


def lean(function: Function) -> Function:
    """A kernel that makes no arrays of its own: references to those of others are then not counted, which otherwise takes
    a third of the time where functions pass many of them on row by row."""
    return _compiled(function, {"_nrt": False})


def _compiled(function: Function, more: dict[str, Any]) -> Function:
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": {"reassoc", "contract", "nsz", "arcp"},
        **more,
    }
    try:
        return numba.njit(**options, cache=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # neither beside the source nor in the user's cache may anything be written
        return numba.njit(**options)(function)  # type: ignore[no-any-return]
