"""Coevolve by kernels is Coevolve by numpy's formulas: any widths of items, any state of the humans, extreme answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")
from progressgym.envs.comparison_evidence import evidence, evidence_weights
from progressgym.envs.readout import Base
from progressgym.envs.vector.coevolve import COMPILED_BLOCK, EDGE
from progressgym.envs.vector.compiled.label_evidence import Evidence
from progressgym.instruments.questionnaire import Questionnaire
from tests.envs.vector.reference import DISTINCT, EXACT, assert_close, native

WHOLE = Questionnaire.load("moral19-v1")
TWO, WIDE = ([item for item in WHOLE.items if len(item.options) == n] for n in (2, 4))
# The last item has one option less than the others: its last place is padding.
NARROWER = [replace(item, options=item.options[:3], tags=item.tags[:3]) for item in WIDE[6:12]]
INSTRUMENTS = {"two options": TWO[:30], "four options": WIDE[:12], "padded": [*TWO[:25], *WIDE[:6], *NARROWER]}
COEVOLVE = [name for name in DISTINCT if "Coevolve" in name]
ROWS = COMPILED_BLOCK + 2


def shaken(env: Any) -> Any:
    """Humans with logits as far apart as answers allow, the same on every back end."""
    rng, inside = np.random.default_rng(1), env.unwrapped
    two = rng.uniform(-EDGE, EDGE, inside._human.two.shape)
    many = rng.uniform(-EDGE / 2, EDGE / 2, inside._human.many.shape) * inside._readout.many_mask.reshape(-1)
    inside._human = Base(two, many)
    return env


def actions_of(env: Any, rng: np.random.Generator) -> Any:
    """Stances at their bounds and within, and answers that are certain, impossible or anything between."""
    shape = env.action_space.shape
    if len(shape) == 2:
        return np.where(rng.random(shape) < 0.3, np.sign(rng.normal(size=shape)), rng.uniform(-1, 1, shape))
    return np.where(rng.random(shape) < 0.3, rng.choice([-np.inf, -60.0, 0.0], shape), rng.uniform(-3, 0, shape))


@pytest.mark.parametrize("kind", INSTRUMENTS)
@pytest.mark.parametrize("name", COEVOLVE)
def test_kernels_are_numpys_formulas(name: str, kind: str) -> None:
    """With one history of all rows and with one of each, in turn."""
    each = (COEVOLVE.index(name) + list(INSTRUMENTS).index(kind)) % 2
    history = "synthetic:linear" if each else "synthetic:linear?seed=0"
    arguments = {"instrument": Questionnaire.from_items(INSTRUMENTS[kind], name=kind)}
    ours, theirs = (
        native(name, ROWS, "next_step", history=history, array_backend=backend, **arguments)
        for backend in ("numba", "numpy")
    )
    assert_close(ours.reset(seed=3), theirs.reset(seed=3), EXACT)
    rng = np.random.default_rng(0)
    for n in range(3):
        actions = actions_of(theirs, rng)
        assert_close(shaken(ours).step(actions), shaken(theirs).step(actions), EXACT, f"step {n}")
        a, b = ours.unwrapped, theirs.unwrapped
        assert_close((*a._human, a._preferences), (*b._human, b._preferences), EXACT)
        if n == 0:  # from here on rows are out of step
            mask = {"reset_mask": np.arange(ROWS) % 3 == 0}
            assert_close(ours.reset(options=dict(mask)), theirs.reset(options=dict(mask)), EXACT)


@pytest.mark.parametrize("silent", [0, 1, 19])
def test_evidence_is_numpys(silent: int) -> None:
    """Also of comparisons that say nothing about some dimensions, or about any."""
    rng = np.random.default_rng(silent)
    differences = rng.integers(-1, 2, (40, 19)) * (np.arange(19) >= silent)
    differences[:25, 9:] = 0
    weights, labels = evidence_weights(differences.astype(np.float64)), rng.random((7, 40)).astype(np.float32)
    expected = evidence(labels.astype(np.float64), weights)
    np.testing.assert_allclose(Evidence(weights)(labels), expected, atol=1e-7)
