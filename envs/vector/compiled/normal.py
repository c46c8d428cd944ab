"""Standard normal numbers from uniform ones: the quantile function of Cephes, as scipy's `ndtri`, in vector instructions.

It has one formula for the middle, from exp(-2) to 1 - exp(-2), where three of four numbers are, and others for the tails. All
numbers take that of the middle; then those of the tails, brought together, take theirs.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.vector.compiled.elementary import log
from progressgym.envs.vector.compiled.kernel import inlined, lean

Floats = NDArray[np.float64]
Places = NDArray[np.uint64]
EDGE = math.exp(-2.0)
"""Below it, and as far from 1, begin the tails."""
FAR_EDGE = math.exp(-32.0)
"""Below it the tails' formula has other coefficients: one number of 4e13 is there."""
HALF_STEP = 2.0**-54
ROOT = math.sqrt(2.0 * math.pi)


@lean
def normals(uniforms: Floats, columns: Places, out: Floats, tails: Floats, where: Places) -> None:
    """The x of which the normal distribution has as much below as a uniform number says.

    Args:
        uniforms: (U,) in [0, 1); half a step of theirs is added, which keeps 0 away.
        columns: (n,) which of them, without a sign: a sign would have to be looked at.
        out: (n,) normal numbers; infinite for 0 and 1, NaN for what is no probability.
        tails: (n,) to work in.
        where: (n,) to work in, without a sign.
    """
    count = 0
    for n in range(len(columns)):
        p = uniforms[columns[n]] + HALF_STEP
        out[n] = p
        tails[count], where[count] = p, n
        count += (p <= EDGE) | (p > 1.0 - EDGE)
    for n in range(len(columns)):
        out[n] = _middle(out[n] - 0.5)
    far = 0
    for n in range(count):
        far += not FAR_EDGE < tails[n] < 1.0 - FAR_EDGE
    for n in range(count if far else 0):
        out[where[n]] = _tail(tails[n]) if FAR_EDGE < tails[n] < 1.0 - FAR_EDGE else _far_tail(tails[n])
    for n in range(0 if far else count):
        tails[n] = _tail(tails[n])
    for n in range(0 if far else count):
        out[where[n]] = tails[n]


@inlined
def _middle(y: float) -> float:
    """Of p - 1/2."""
    z = y * y
    top = -5.99633501014107895267e1
    top = top * z + 9.80010754185999661536e1
    top = top * z - 5.66762857469070293439e1
    top = top * z + 1.39312609387279679503e1
    top = top * z - 1.23916583867381258016e0
    bottom = z + 1.95448858338141759834e0
    bottom = bottom * z + 4.67627912898881538453e0
    bottom = bottom * z + 8.63602421390890590575e1
    bottom = bottom * z - 2.25462687854119370527e2
    bottom = bottom * z + 2.00260212380060660359e2
    bottom = bottom * z - 8.20372256168333339912e1
    bottom = bottom * z + 1.59056225126211695515e1
    bottom = bottom * z - 1.18331621121330003142e0
    return (y + y * (z * top / bottom)) * ROOT


@inlined
def _tail(p: float) -> float:
    """Of a p whose distance from 0 or 1 is above `FAR_EDGE`."""
    square = -2.0 * log(min(p, 1.0 - p))
    x = math.sqrt(square)
    z = 1.0 / x
    top = 4.05544892305962419923e0
    top = top * z + 3.15251094599893866154e1
    top = top * z + 5.71628192246421288162e1
    top = top * z + 4.40805073893200834700e1
    top = top * z + 1.46849561928858024014e1
    top = top * z + 2.18663306850790267539e0
    top = top * z - 1.40256079171354495875e-1
    top = top * z - 3.50424626827848203418e-2
    top = top * z - 8.57456785154685413611e-4
    bottom = z + 1.57799883256466749731e1
    bottom = bottom * z + 4.53907635128879210584e1
    bottom = bottom * z + 4.13172038254672030440e1
    bottom = bottom * z + 1.50425385692907503408e1
    bottom = bottom * z + 2.50464946208309415979e0
    bottom = bottom * z - 1.42182922854787788574e-1
    bottom = bottom * z - 3.80806407691578277194e-2
    bottom = bottom * z - 9.33259480895457427372e-4
    size = x - z * (0.5 * log(square) + top / bottom)
    return size if p > 0.5 else -size


@lean
def _far_tail(p: float) -> float:
    """Of any other."""
    if not 0.0 <= p <= 1.0:
        return math.nan
    if p == 0.0 or p == 1.0:
        return math.inf if p > 0.5 else -math.inf
    x = math.sqrt(-2.0 * math.log(min(p, 1.0 - p)))
    z = 1.0 / x
    top = 3.23774891776946035970e0
    top = top * z + 6.91522889068984211695e0
    top = top * z + 3.93881025292474443415e0
    top = top * z + 1.33303460815807542389e0
    top = top * z + 2.01485389549179081538e-1
    top = top * z + 1.23716634817820021358e-2
    top = top * z + 3.01581553508235416007e-4
    top = top * z + 2.65806974686737550832e-6
    top = top * z + 6.23974539184983293730e-9
    bottom = z + 6.02427039364742014255e0
    bottom = bottom * z + 3.67983563856160859403e0
    bottom = bottom * z + 1.37702099489081330271e0
    bottom = bottom * z + 2.16236993594496635890e-1
    bottom = bottom * z + 1.34204006088543189037e-2
    bottom = bottom * z + 3.28014464682127739104e-4
    bottom = bottom * z + 2.89247864745380683936e-6
    bottom = bottom * z + 6.79019408009981274425e-9
    size = x - z * (math.log(x) + top / bottom)
    return size if p > 0.5 else -size
