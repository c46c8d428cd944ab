"""What environments need of a batch of drawn histories: values of the scored items, preferences, century 0's answers.

Legend of shapes: R rows, T centuries, N items, K options, J items with two options, I wider ones, P all pairs, D = 19.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from progressgym.core.threads import scratch
from progressgym.histories.source import HistorySource
from progressgym.histories.synthetic import SyntheticSpec
from progressgym.histories.synthetic_batch import Answers, Half, SyntheticBatch, batches
from progressgym.instruments.loadings import value_weights
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import CLIP

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class BatchPaths:
    """Makes the histories of some rows together and reads them."""

    def __init__(self, batch: SyntheticBatch, instrument: Questionnaire, pairs: Ints) -> None:
        """Find the places of items and pairs in the batch's layout; see `of`."""
        self.batch, self._shape = batch, instrument.mask.shape
        two, many = batch.evaluation_items
        self.weights = weights = np.zeros_like(instrument.loadings)
        """(N, K, D) what answers add to the values."""
        weights[instrument.evaluation] = value_weights(instrument.loadings[instrument.evaluation])
        self._two = weights[two, 0] - weights[two, 1]
        self._constant = weights[two, 1].sum(0)
        self._many = np.swapaxes(weights[many], 0, 1).reshape(-1, weights.shape[-1])
        self._find_pairs(pairs)

    @classmethod
    def of(cls, source: HistorySource, pairs: Ints, scored: Ints) -> BatchPaths | None:
        """For a source that is one distribution of which batches can be made, else None.

        Args:
            source: of the histories.
            pairs: (P, 3) all pairs.
            scored: items that values are on; None is made when they are not the evaluation items.
        """
        spec, instrument = source.entries[0], source.instrument
        if not np.array_equal(scored, instrument.evaluation):
            return None
        if len(source.entries) > 1 or not isinstance(spec, SyntheticSpec) or not batches(spec, instrument):
            return None
        return cls(SyntheticBatch(spec, instrument), instrument, pairs)

    def read(self, uniforms: Floats, centuries: int) -> tuple[Floats, Floats, Floats]:
        """Century 0's answers (R, N, K), values (R, T, D), and preferences (R, centuries, P) in the first centuries.

        The next call in this thread overwrites the preferences.
        """
        answers = self.batch.make(uniforms)
        return self._first(answers), self._values(answers.evaluation), self._preferred(answers.others, centuries)

    def _values(self, half: Half) -> Floats:
        """As `Questionnaire.values`: first options of pairs, and what the second would have said without them."""
        rows, centuries = half.two.shape[:2]
        values = half.two.reshape(rows * centuries, -1) @ self._two + self._constant
        values += half.many.reshape(rows * centuries, -1) @ self._many
        by_century: Floats = values.reshape(rows, centuries, -1)
        return by_century

    def _find_pairs(self, pairs: Ints) -> None:
        """Where pairs are found among the first options of two and every two options of wider items."""
        two, many = self.batch.other_items
        compared = list(combinations(range(self._shape[1]), 2))
        self._compared = np.array(compared, dtype=np.int64).reshape(-1, 2).T
        place = np.zeros(self._shape[0], dtype=np.int64)
        place[two], place[many] = np.arange(len(two)), np.arange(len(many))
        self._order = place[pairs[:, 0]].copy()
        for n, (item, a, b) in enumerate(pairs.tolist()):
            if item in many:  # options before items, as in `Half`
                self._order[n] += len(two) + compared.index((a, b)) * len(many)

    def _preferred(self, half: Half, centuries: int) -> Floats:
        """As `progressgym.preferences.comparisons.probabilities`; two options add up to 1."""
        two, many = half.two[:, :centuries], half.many[:, :centuries]
        shape = (*many.shape[:2], len(self._compared[0]), many.shape[-1])
        first, total = (
            np.take(many, options, axis=2, mode="clip", out=scratch(name, shape))
            for name, options in zip(("first", "total"), self._compared, strict=True)
        )
        # `first` and `total` begin as the chances of a and of b; only their sum is needed, so it is made in place.
        total += first
        nobody = total <= 0
        # Both options can have the chance 0 after rounding to the grid of stored answers: then neither is preferred.
        if nobody.any():
            first[nobody], total[nobody] = 0.5, 1.0
        first /= total
        count = two.shape[-1]
        both = scratch("both", (*two.shape[:2], count + shape[2] * shape[3]))
        np.clip(two, CLIP, 1.0 - CLIP, out=both[..., :count])
        np.clip(first.reshape(*two.shape[:2], -1), CLIP, 1.0 - CLIP, out=both[..., count:])
        out = scratch("preferred", (*two.shape[:2], len(self._order)))
        return np.take(both, self._order, axis=-1, mode="clip", out=out)

    def _first(self, answers: Answers) -> Floats:
        """Century 0's answers, spread out."""
        first = np.zeros((len(answers.evaluation.two), *self._shape))
        for (two, many), half in zip((self.batch.evaluation_items, self.batch.other_items), answers, strict=True):
            first[:, two, 0], first[:, two, 1] = half.two[:, 0], 1.0 - half.two[:, 0]
            first[:, many] = np.swapaxes(half.many[:, 0], 1, 2)
        return first


def paths_of(source: HistorySource, pairs: Ints, scored: Ints, *, compiled: bool) -> BatchPaths | None:
    """`BatchPaths.of` of a back end."""
    if not compiled:
        return BatchPaths.of(source, pairs, scored)
    from progressgym.envs.vector.compiled.paths import CompiledPaths

    return CompiledPaths.of(source, pairs, scored)
