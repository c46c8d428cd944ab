"""exp and log of the compiled back end against numpy's, to the last places and at all edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("numba")
from progressgym.envs.vector.compiled.elementary import exp, log
from progressgym.envs.vector.compiled.kernel import kernel

Floats = NDArray[np.float64]
EDGES = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, -1e300, -1e9, 5e-309])
ULPS = 2.0


@kernel
def exps(numbers: NDArray[Any], out: NDArray[Any]) -> None:
    """Exponentials one after the other."""
    for n in range(len(numbers)):
        out[n] = exp(numbers[n])


@kernel
def logs(numbers: NDArray[Any], out: NDArray[Any]) -> None:
    """Logarithms one after the other."""
    for n in range(len(numbers)):
        out[n] = log(numbers[n])


def of(function: Callable[[NDArray[Any], NDArray[Any]], None], numbers: NDArray[Any]) -> NDArray[Any]:
    """What a kernel makes of numbers."""
    out = np.empty_like(numbers)
    function(numbers, out)
    return out


def near(values: Floats, true: Floats) -> bool:
    """Whether all are within so many units in the last place."""
    return bool((np.abs(values - true) <= ULPS * np.spacing(np.abs(true))).all())


@pytest.mark.parametrize("span", [(-1e-9, 1e-9), (-1.0, 1.0), (-50.0, 50.0), (-708.3, 709.78), (-745.13, -708.3)])
def test_exp_is_numpys(span: tuple[float, float]) -> None:
    numbers = np.random.default_rng(0).uniform(*span, 20_000)
    assert near(of(exps, numbers), np.exp(numbers))


@pytest.mark.parametrize("span", [(-1e-9, 1e-9), (-1.0, 1.0), (-708.3, 709.78)])
def test_log_is_numpys(span: tuple[float, float]) -> None:
    numbers = np.exp(np.random.default_rng(0).uniform(*span, 20_000))
    assert near(of(logs, numbers), np.log(numbers))


def test_near_one_log_has_its_digits() -> None:
    numbers = 1.0 + np.arange(-200, 201) * np.finfo(np.float64).eps
    assert near(of(logs, numbers), np.log(numbers))


def test_edges_are_numpys() -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(of(exps, EDGES), np.exp(EDGES))
        beyond = np.array([709.79, 710.0, -745.14, -746.0, -800.0])
        np.testing.assert_array_equal(of(exps, beyond), np.exp(beyond))
        whole = EDGES[EDGES != 5e-309]
        np.testing.assert_array_equal(of(logs, whole), np.log(whole))
    # Documented: what is positive and not normal counts as the smallest normal number.
    assert of(logs, np.array([5e-309]))[0] == np.log(np.finfo(np.float64).tiny)


def test_single_precision_is_rounded_once() -> None:
    numbers = np.random.default_rng(0).uniform(-80.0, 80.0, 5000).astype(np.float32)
    np.testing.assert_array_equal(of(exps, numbers), np.exp(numbers.astype(np.float64)).astype(np.float32))
