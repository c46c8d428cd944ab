"""What environments need of a batch of drawn histories, by kernels: `progressgym.envs.vector.paths`, row by row."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from progressgym.core.threads import scratch
from progressgym.envs.comparison_evidence import differences, evidence_weights
from progressgym.envs.vector.compiled.histories import Drift, Layout, Read, Table, read_histories
from progressgym.envs.vector.paths import BatchPaths
from progressgym.histories.families import SHARED
from progressgym.histories.synthetic import DRIFT_SIZE
from progressgym.histories.synthetic_batch import SyntheticBatch
from progressgym.instruments.questionnaire import Questionnaire

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class CompiledPaths(BatchPaths):
    """Makes the histories of some rows one after the other and reads them."""

    def __init__(self, batch: SyntheticBatch, instrument: Questionnaire, pairs: Ints) -> None:
        """Bring all tables into the kernel's layout."""
        super().__init__(batch, instrument, pairs)
        spec = batch.spec
        size = DRIFT_SIZE * spec.amplitude
        self._drift = Drift(
            common=size * math.sqrt(spec.coherence),
            own=size * math.sqrt(1.0 - spec.coherence),
            options=float(instrument.mask.sum()),
            speed=math.nan if batch.speed is None else batch.speed,
        )
        self._layout = self._layout_of(instrument, pairs)

    def read(self, uniforms: Floats, centuries: int) -> tuple[Floats, Floats, Floats]:
        """As for all backends."""
        rows, pairs = len(uniforms), len(self._layout.order)
        read = self.compiled(uniforms, scratch("preferred", (rows, centuries, pairs)), np.empty((0, 0, 0)))
        return self._spread(read.start), read.values, read.preferred

    def compiled(self, uniforms: Floats, preferred: Floats, evidence: Floats) -> Read:
        """What is read of the histories of these numbers; the next call in this thread overwrites it."""
        layout, batch = self._layout, self.batch
        dims, count = layout.loadings.weights.shape
        rows, centuries = len(uniforms), batch.spec.centuries
        before = dims + self._shape[0] * self._shape[1]
        courses = batch.courses(uniforms[:, before : before + SHARED])
        read = Read(
            start=scratch("start", (rows, count)),
            values=np.empty((rows, centuries, dims)),
            preferred=preferred,
            evidence=evidence,
        )
        read_histories(uniforms, courses, layout, self._drift, read)
        return read

    def _spread(self, start: Floats) -> Floats:
        """Century 0's answers (R, N, K)."""
        two, many = self.batch.two_items, self.batch.many_items
        first = np.zeros((len(start), *self._shape))
        first[:, two, 0] = start[:, : len(two)]
        first[:, two, 1] = 1.0 - first[:, two, 0]
        first[:, many] = np.swapaxes(start[:, len(two) :].reshape(len(start), -1, len(many)), 1, 2)
        return first

    def _layout_of(self, instrument: Questionnaire, pairs: Ints) -> Layout:
        two, many = self.batch.two_items, self.batch.many_items
        shape, loadings = self._shape, instrument.loadings
        place, real = np.arange(shape[0] * shape[1]).reshape(shape), instrument.mask[many].T.astype(np.float64, order="C")
        wide = np.where(real > 0, place[many].T, 0).ravel()

        def joined(of_two: Floats, table: Floats) -> Table:
            """(J, D) and a table (N, K, D) -> (D, M)."""
            return _table(np.concatenate([of_two, np.swapaxes(table[many], 0, 1).reshape(-1, table.shape[-1])]).T)

        weights = self.weights
        flat = loadings.reshape(-1, loadings.shape[-1])
        compared = [len(items) for items in self.batch.evaluation_items]
        asked = np.zeros((len(two) - compared[0] + len(self._compared[0]) * (len(many) - compared[1]), flat.shape[1]))
        asked[self._order] = evidence_weights(differences(loadings, pairs))
        return Layout(
            columns=np.concatenate([place[two, 1], place[two, 0], wide]).astype(np.uint64),
            real=real,
            counts=real.sum(0),
            loadings=joined(loadings[two, 1] - loadings[two, 0], loadings),
            square=flat.T @ flat,
            values=joined(weights[two, 0] - weights[two, 1], weights),
            constant=weights[two, 1].sum(0),
            pairs=self._compared.T.astype(np.uint64),
            compared=(compared[0], compared[1]),
            evidence=_table(asked.T),
            order=self._order.astype(np.uint64),
        )


def _table(weights: Floats) -> Table:
    """With the places where each row begins and ends to be other than 0."""
    there = weights != 0
    some = there.any(1)
    first, last = there.argmax(1), there.shape[1] - there[:, ::-1].argmax(1)
    return Table(np.ascontiguousarray(weights), np.stack([first, np.where(some, last, first)], 1))
