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
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": {"reassoc", "contract", "nsz", "arcp"},
    }
    try:
        return numba.njit(**options, cache=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # neither beside the source nor in the user's cache may anything be written
        return numba.njit(**options)(function)  # type: ignore[no-any-return]
