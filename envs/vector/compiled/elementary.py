"""exp and log that a compiler can turn into vector instructions: no branches, no tables, no calls.

A kernel that calls `math.exp` does so one number at a time; in a loop over these, four numbers go through one instruction.
Both compute in float64, whatever they are given, and are within two units in the last place of the true value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])

LOG2_E = 1.0 / math.log(2.0)
LN2_HIGH = float.fromhex("0x1.62e42feep-1")
"""The first 32 bits of log(2): times a whole number of up to 20 bits it is exact."""
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
"""What they leave of it."""
LEAST, MOST = -746.0, 710.0
"""Beyond these exp(x) is 0 or infinite."""
NEAR = 708.0
"""Up to this exp(x) and exp(-x) are normal numbers."""
WHOLE = 3.0 * 2.0**51
"""Added to a whole number, the last bits of the sum are those of the number."""
WHOLE_BITS = int(np.float64(WHOLE).view(np.int64))
ONE_BITS = int(np.float64(1.0).view(np.int64))
HALF_ROOT_BITS = int(np.float64(math.sqrt(0.5)).view(np.int64)) >> 32 << 32
TWO_52 = 2.0**52
TWO_52_BITS = int(np.float64(TWO_52).view(np.int64))
MANTISSA = 2**52 - 1
BIAS = 1023
SMALLEST = float(np.finfo(np.float64).tiny)
"""The smallest normal number."""


def _exact(function: Function) -> Function:
    """Compiled as written, but for fused products: the order of the sums below is what makes them exact."""
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": {"contract"},
        "forceinline": True,
    }
    return numba.njit(**options)(function)  # type: ignore[no-any-return]


@_exact
def _bits(x: float) -> Any:
    """The bits of a number, as a whole one."""
    return np.float64(x).view(np.int64)


@_exact
def _number(bits: int) -> float:
    """The number with these bits."""
    number: float = np.int64(bits).view(np.float64)
    return number


@_exact
def _power_of_two(n: float) -> float:
    """2 ** n of a whole number from -1022 to 1023."""
    return _number((_bits(n + WHOLE) - WHOLE_BITS + BIAS) << 52)


@_exact
def _reduced(x: float) -> Any:
    """The n and exp(r) of exp(x) = 2^n exp(r), |r| <= log(2) / 2, by the polynomial nearest to (exp(r) - 1 - r) / r^2."""
    n = np.rint(x * LOG2_E)
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    # Chebyshev's fit on |r| <= log(2) / 2: its error is 2e-17 of the result.
    q = 2.510038549551032e-08
    q = q * r + 2.7620088445409746e-07
    q = q * r + 2.7557268459997064e-06
    q = q * r + 2.4801521295954376e-05
    q = q * r + 0.00019841269863053618
    q = q * r + 0.0013888888917213717
    q = q * r + 0.008333333333330062
    q = q * r + 0.04166666666662413
    q = q * r + 0.16666666666666669
    q = q * r + 0.5000000000000001
    return n, 1.0 + (r + r * r * q)


@_exact
def exp(x: float) -> float:
    """exp(x): 0 below -746, infinite above 710, NaN of NaN; below the smallest normal number digits are lost as they must."""
    n, rest = _reduced(min(max(np.float64(x), LEAST), MOST))
    # Two factors: 2^n itself is no normal number at both ends.
    half = np.rint(0.5 * n)
    value: float = rest * _power_of_two(half) * _power_of_two(n - half)
    return value


@_exact
def exp_of_near(x: float) -> float:
    """exp(x) for |x| <= `NEAR`, in two thirds of the time; what is further away counts as that, so nothing overflows."""
    n, rest = _reduced(min(max(np.float64(x), -NEAR), NEAR))
    value: float = rest * _power_of_two(n)
    return value


@_exact
def log(x: float) -> float:
    """log(x) of a normal number, as in fdlibm: with x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), and s = f / (2 + f).

    Of 0 it is -infinity, of numbers below NaN, of infinity and NaN they themselves; what is positive and below the smallest
    normal number counts as that.
    """
    x = np.float64(x)
    bits = _bits(max(x, SMALLEST))
    # The exponent, rounded so that the rest is around 1: the mantissa's carry adds one to it above sqrt(2).
    shifted = bits + (ONE_BITS - HALF_ROOT_BITS)
    k = _number((shifted >> 52) | TWO_52_BITS) - (TWO_52 + BIAS)
    f = _number((shifted & MANTISSA) + HALF_ROOT_BITS) - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = 1.479819860511658591e-01
    p = p * z + 1.531383769920937332e-01
    p = p * z + 1.818357216161805012e-01
    p = p * z + 2.222219843214978396e-01
    p = p * z + 2.857142874366239149e-01
    p = p * z + 3.999999999940941908e-01
    p = p * z + 6.666666666666735130e-01
    square = 0.5 * f * f
    value: float = k * LN2_HIGH - ((square - (s * (square + z * p) + k * LN2_LOW)) - f)
    value = value if x < math.inf else x
    value = value if x > 0.0 else math.nan
    return -math.inf if x == 0.0 else value
