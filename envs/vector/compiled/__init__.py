"""Compiled back end: numpy arrays outside, machine code inside the loops that take most of a step's time.

`array_backend="numba"` computes what `"numpy"` does, with the formulas of the single environments, but one row after the other
and number by number: what numpy writes to memory between two operations stays in registers here. Needs numba, which
compiles a kernel when it is first called (some seconds) and keeps it on disk.
"""

from __future__ import annotations

import progressgym.envs.vector.compiled.kernel  # noqa: F401  (says what to install where numba is missing)
from progressgym.envs.vector.compiled.arrays import NumbaArrays

__all__ = [
    "NumbaArrays",  # numpy's arrays, with kernels
]
