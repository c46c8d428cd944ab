"""Arrays of the compiled back end: those of numpy, and the kernels that stand in for its slowest formulas."""

from __future__ import annotations

from progressgym.envs.arrays import NumpyArrays


class NumbaArrays(NumpyArrays):
    """numpy on one machine's memory, with compiled kernels; what has none is computed as `NumpyArrays` does."""

    compiled: bool = True
