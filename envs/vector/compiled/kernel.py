"""Making kernels: compiled when first called, kept on disk where there is a place for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from progressgym.core.errors import UserError

try:
    import numba
except ImportError:
    raise UserError("array_backend='numba' needs numba: pip install 'progress-gym[numba]'") from None

Function = TypeVar("Function", bound=Callable[..., Any])
CONSTANTS = (
    "core/answers.py",
    "core/dimensions.py",
    "histories/families.py",
    "histories/synthetic.py",
    "preferences/comparisons.py",
    "scores/similarity.py",
    "envs/actions.py",
    "envs/arrays.py",
    "envs/readout.py",
)
"""Where numbers come from that kernels are compiled with, besides the vector environments."""
HERE = Path(__file__).parent
SOURCES = (
    *sorted(HERE.glob("*.py")),
    *sorted(HERE.parent.glob("*.py")),
    *(HERE.parents[2] / name for name in CONSTANTS),
)
VERSION = hashlib.sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest()[:16]
"""Of all kernels. What is kept on disk bears it: numba looks at a kernel's own file alone, neither at those of the kernels that it
calls nor at numbers from elsewhere."""
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
        made: Any = numba.njit(**options, cache=True)(function)
    except RuntimeError:  # neither beside the source nor in the user's cache may anything be written
        return numba.njit(**options)(function)  # type: ignore[no-any-return]
    if hasattr(made, "_cache"):  # not under NUMBA_DISABLE_JIT
        made._cache.save_overload = partial(_save, made._cache.save_overload)
    return made  # type: ignore[no-any-return]


def _save(save: Callable[..., None], *args: Any) -> None:
    """What cannot be written, to a full disk for one, is compiled again next time."""
    with suppress(OSError):
        save(*args)
