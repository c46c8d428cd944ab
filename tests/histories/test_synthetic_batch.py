"""Histories that are made together are, bit for bit, those that are made one by one from the same generators."""

from __future__ import annotations

import numpy as np
import pytest

from progressgym.histories.families import FAMILIES
from progressgym.histories.synthetic import SyntheticSpec, synthetic_history
from progressgym.histories.synthetic_batch import SyntheticBatch, batches
from progressgym.instruments.questionnaire import Questionnaire

INSTRUMENT = Questionnaire.load("moral19-v1")
MADE = [name for name in FAMILIES if name != "plural"]


@pytest.mark.parametrize("amplitude", [0.0, 1.0, 8.0])
@pytest.mark.parametrize("family", MADE)
def test_a_batch_is_its_histories(family: str, amplitude: float) -> None:
    spec = SyntheticSpec(family=family, coherence=0.4, amplitude=amplitude, centuries=6)
    assert batches(spec, INSTRUMENT)
    batch, seeds = SyntheticBatch(spec, INSTRUMENT), range(3)
    uniforms = np.stack([np.random.default_rng(seed).random(batch.numbers) for seed in seeds])
    rngs = [np.random.default_rng(seed) for seed in seeds]
    expected = np.stack([synthetic_history(spec, instrument=INSTRUMENT, rng=rng).answers for rng in rngs])
    after = np.random.default_rng(0)
    after.random(batch.numbers)
    assert rngs[0].random() == after.random(), "both take as many numbers"
    found = batch.make(uniforms)
    for half, (two, many) in zip(found, (batch.evaluation_items, batch.other_items), strict=True):
        np.testing.assert_array_equal(half.two, expected[:, :, two, 0])
        np.testing.assert_array_equal(np.swapaxes(half.many, 2, 3), expected[:, :, many])
    asked = np.concatenate([*batch.evaluation_items, *batch.other_items])
    np.testing.assert_array_equal(np.sort(asked), np.arange(len(INSTRUMENT)))


def test_what_is_made_one_by_one() -> None:
    assert not batches(SyntheticSpec(family="plural"), INSTRUMENT)
    assert not batches(SyntheticSpec(family="linear", noise=0.1), INSTRUMENT)
