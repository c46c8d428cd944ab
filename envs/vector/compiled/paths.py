"""What environments need of a batch of drawn histories, by kernels: `progressgym.envs.vector.paths`, row by row."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from progressgym.core.threads import scratch
from progressgym.envs.comparison_evidence import differences, evidence_weights
from progressgym.envs.vector.compiled.histories import Drift, Layout, Read, Table, read_histories, work_of
from progressgym.envs.vector.compiled.pcg import Words
from progressgym.envs.vector.compiled.uniforms import Chosen, chosen, peek_chosen
from progressgym.envs.vector.paths import BatchPaths
from progressgym.histories.families import SHARED
from progressgym.histories.synthetic import DRIFT_SIZE
from progressgym.histories.synthetic_batch import SyntheticBatch
from progressgym.instruments.questionnaire import Questionnaire

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NOTHING = np.empty((0, 0, 0))
"""What need not be read."""
NO_STATES = np.empty((0, 4), dtype=np.uint64)


class CompiledPaths(BatchPaths):
    """Makes the histories of some rows one after the other and reads them."""

    def __init__(self, batch: SyntheticBatch, instrument: Questionnaire, pairs: Ints) -> None:
        """Bring all tables into the kernels' layout."""
        super().__init__(batch, instrument, pairs)
        spec = batch.spec
        size = DRIFT_SIZE * spec.amplitude
        self._drift = Drift(
            common=size * math.sqrt(spec.coherence),
            own=size * math.sqrt(1.0 - spec.coherence),
            options=float(instrument.mask.sum()),
            speed=math.nan if batch.speed is None else batch.speed,
        )
        self.layout = self._layout_of(instrument, pairs)
        dims = len(self.layout.square)
        before = dims + self._shape[0] * self._shape[1]
        self._shared = slice(before, before + SHARED)
        self._drawn: dict[int, Chosen] = {}
        ahead = chosen(np.arange(before, before + SHARED), before + SHARED)
        self._ahead = ahead._replace(places=np.arange(SHARED, dtype=np.uint64))

    def read(self, uniforms: Floats, centuries: int) -> tuple[Floats, Floats, Floats]:
        """As on all back ends."""
        room = self.room(len(uniforms), preferred=centuries)
        self.read_from(uniforms, room)
        return self._spread(room.start), room.values.copy(), room.preferred

    def room(self, rows: int, *, preferred: int = 0, evidence: int = 0) -> Read:
        """Memory of this thread for what is read of so many histories: of how many centuries which of both."""
        dims, count = self.layout.loadings.weights.shape
        pairs = len(self.layout.order)
        return Read(
            start=scratch("start", (rows, count)),
            values=scratch("values", (rows, self.batch.spec.centuries, dims)),
            preferred=scratch("preferred", (rows, preferred, pairs)) if preferred else NOTHING,
            evidence=scratch("evidence", (rows, evidence, dims)) if evidence else NOTHING,
        )

    def read_from(self, uniforms: Floats, read: Read) -> None:
        """Fill what is read of histories, from numbers (H, ...) that were drawn."""
        courses = self.batch.courses(uniforms[:, self._shared])
        self._read(uniforms, NO_STATES, self._used(0), courses, read)

    def read_drawn(self, states: Words, behind: int, read: Read) -> None:
        """Fill what is read of histories, from streams with these states (H, 4), which move on, and past so many more numbers."""
        uniforms = scratch("paths", (1, self.batch.numbers))
        shared = np.empty((len(states), SHARED))
        peek_chosen(states, self._ahead, shared)
        courses = self.batch.courses(shared)
        self._read(uniforms, states, self._used(behind), courses, read)

    def _read(self, uniforms: Floats, states: Words, some: Chosen, courses: Floats, read: Read) -> None:
        work = work_of(self.layout, courses, max(read.preferred.shape[1], read.evidence.shape[1]), some)
        read_histories(uniforms, states, some, courses, self.layout, self._drift, read, work)

    def _used(self, behind: int) -> Chosen:
        """Which of a history's numbers are used: not those of options that do not exist, nor the shared ones, nor some `behind`."""
        if behind not in self._drawn:
            columns, every = np.unique(self.layout.columns).astype(np.int64), np.arange(len(self.layout.square))
            size, draws, start = self._shape[0] * self._shape[1], self.batch.draws, self._shared.stop
            parts = [every, len(every) + columns]
            parts += [start + n * len(every) + every for n in range(draws)]
            parts += [start + draws * len(every) + n * size + columns for n in range(draws)]
            self._drawn[behind] = chosen(np.concatenate(parts), self.batch.numbers + behind)
        return self._drawn[behind]

    def _spread(self, start: Floats) -> Floats:
        """Century 0's answers (R, N, K)."""
        two, many = self.batch.two_items, self.batch.many_items
        first = np.zeros((len(start), *self._shape))
        first[:, two, 0] = start[:, : len(two)]
        first[:, two, 1] = 1.0 - first[:, two, 0]
        first[:, many] = np.swapaxes(start[:, len(two) :].reshape(len(start), -1, len(many)), 1, 2)
        return first

    def _layout_of(self, instrument: Questionnaire, pairs: Ints) -> Layout:
        two, many, compared = self.batch.two_items, self.batch.many_items, self.batch.evaluation_items
        shape, loadings, weights = self._shape, instrument.loadings, self.weights
        dims = loadings.shape[-1]
        place, real = (
            np.arange(shape[0] * shape[1]).reshape(shape),
            instrument.mask[many].T.astype(np.float64, order="C"),
        )
        wide = np.where(real > 0, place[many].T, 0).ravel()

        def joined(of_two: Floats, table: Floats) -> Table:
            """(J, D) and a table (N, K, D) -> (D, M)."""
            return _table(np.concatenate([of_two, np.swapaxes(table[many], 0, 1).reshape(-1, dims)]).T)

        asked = np.zeros((len(two) - len(compared[0]) + len(self._compared[0]) * (len(many) - len(compared[1])), dims))
        asked[self._order] = evidence_weights(differences(loadings, pairs))
        flat = loadings.reshape(-1, dims)
        return Layout(
            columns=np.concatenate([place[two, 1], place[two, 0], wide]).astype(np.uint64),
            real=real,
            counts=real.sum(0),
            loadings=joined(loadings[two, 1] - loadings[two, 0], loadings),
            square=flat.T @ flat,
            values=joined(weights[two, 0] - weights[two, 1], weights),
            constant=weights[two, 1].sum(0),
            nothing=np.zeros(dims),
            pairs=self._compared.T.astype(np.uint64, order="C"),
            compared=(len(compared[0]), len(compared[1])),
            evidence=_table(asked.T),
            order=self._order.astype(np.uint64),
        )


def _table(weights: Floats) -> Table:
    """With the places where each row begins and ends to be other than 0."""
    there = weights != 0
    first, behind = there.argmax(1), there.shape[1] - there[:, ::-1].argmax(1)
    return Table(np.ascontiguousarray(weights), np.stack([first, np.where(there.any(1), behind, first)], 1))
