"""Values around one shared base, computed the short way, are the readout's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from progressgym.core.answers import centred_log
from progressgym.core.dimensions import DIMENSIONS
from progressgym.envs.arrays import BLOCK, Arrays, NumpyArrays
from progressgym.envs.readout import Readout
from progressgym.envs.vector.compiled import NumbaArrays
from progressgym.envs.vector.torch import WIDTH, TorchArrays
from progressgym.histories.history import History
from progressgym.instruments.questionnaire import Questionnaire
from tests.envs.rollout import LINEAR

BACK_ENDS: dict[str, tuple[Arrays, float]] = {
    "numpy-float64": (NumpyArrays("float64"), 1e-12),
    "numpy-float32": (NumpyArrays("float32"), 1e-5),
    "numba-float64": (NumbaArrays("float64"), 1e-12),
    "numba-float32": (NumbaArrays("float32"), 1e-5),
    "torch-float64": (TorchArrays("cpu", "float64"), 1e-12),
    "torch-float32": (TorchArrays("cpu", "float32"), 1e-5),
}


@pytest.mark.parametrize("rows", [BLOCK + 3, 4 * WIDTH])
@pytest.mark.parametrize("kinds", ["all items", "two options only", "wider only", "only the first item counts"])
@pytest.mark.parametrize("name", BACK_ENDS)
def test_folded_values_are_the_values_of_the_stance_model(name: str, kinds: str, rows: int) -> None:
    """Against `Questionnaire.values` of the softmax, in float64, with more rows than a block, a number that has parts and one that has none."""
    arrays, tolerance = BACK_ENDS[name]
    history = History.load(LINEAR)
    instrument = history.instrument
    counts = instrument.mask[instrument.evaluation].sum(1)
    chosen = {"two options only": counts == 2, "wider only": counts > 2}.get(kinds, counts > 0)
    items = instrument.evaluation[chosen]
    scored = items[:1] if kinds == "only the first item counts" else items
    readout = Readout(instrument, items, scored=scored, arrays=arrays)
    centred = centred_log(history.answers[0].astype(np.float64), instrument.mask)
    base = readout.base(centred[None])
    fold = readout.fold(base)
    assert fold is not None
    theta = np.random.default_rng(0).uniform(-2, 2, (rows, len(DIMENSIONS)))
    found = arrays.host(readout.folded_values(arrays.floats(theta), fold))
    np.testing.assert_allclose(found, expected(instrument, scored, centred, theta), atol=tolerance)
    found[:] = 0.0  # what is returned is the caller's own
    again = arrays.host(readout.folded_values(arrays.floats(theta), fold))
    np.testing.assert_allclose(again, expected(instrument, scored, centred, theta), atol=tolerance)


def test_loadings_that_all_differ_are_not_folded() -> None:
    class Differing:
        """An instrument whose wider items have loadings of their own each."""

        def __init__(self, instrument: Questionnaire) -> None:
            self.mask = instrument.mask
            noise = np.random.default_rng(0).normal(size=instrument.loadings.shape) * instrument.mask[..., None]
            self.loadings = instrument.loadings + noise

    history = History.load(LINEAR)
    instrument: Any = Differing(history.instrument)
    readout = Readout(instrument, history.instrument.evaluation)
    centred = centred_log(history.answers[0].astype(np.float64), instrument.mask)
    assert readout.fold(readout.base(centred[None])) is None


def expected(
    instrument: Questionnaire, scored: NDArray[np.int64], centred: NDArray[np.float64], theta: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Softmax over each item's options, then the instrument's values."""
    logits = centred + np.einsum("nkd,bd->bnk", instrument.loadings, theta)
    weights = np.where(instrument.mask, np.exp(logits), 0.0)
    return instrument.values(weights / weights.sum(-1, keepdims=True), scored, check=False)
