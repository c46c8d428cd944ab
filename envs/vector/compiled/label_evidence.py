"""Evidence of labels on all comparisons, row by row: a row is multiplied while its signs are in a core's cache.

Legend of shapes: B rows, Q comparisons, D = 19; A of these that comparisons speak of, filled up to a multiple of four.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.threads import each, scratch
from progressgym.envs.arrays import BLOCK, NUMPY, padded
from progressgym.envs.vector.compiled.kernel import lean

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Evidence:
    """Reads labels (B, Q)."""

    def __init__(self, weights: Floats) -> None:
        """Of evidence weights (Q, D)."""
        there = weights.T != 0
        # Comparisons of items with two options and of wider ones speak of different dimensions and stand one after the
        # other: four dimensions with the same beginning have most of their zeros outside of what is multiplied.
        dims = sorted(np.flatnonzero(there.any(1)), key=lambda d: int(there[d].argmax()))
        self._weights = padded(weights.T[dims])
        self._dims = np.pad(np.array(dims, dtype=np.int64), (0, len(self._weights) - len(dims)))
        spoken = (self._weights != 0).reshape(-1, 4, len(weights)).any(1)
        self._spans = np.stack([spoken.argmax(1), len(weights) - spoken[:, ::-1].argmax(1)], 1)
        self._all = weights.shape[1]

    def __call__(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        """As `progressgym.envs.comparison_evidence.evidence`, rounded as observations are (B, D)."""
        out = np.empty((len(labels), self._all), dtype=np.float32)

        def read(rows: slice) -> None:
            work = scratch("signs", (labels.shape[1],)), scratch("evidence", (self._all,))
            _read(labels[rows], self._dims, self._spans, self._weights, *work, out[rows])

        each(read, list(NUMPY.blocks(len(labels), BLOCK)))
        return out


@lean
def _read(
    labels: NDArray[Any], dims: Ints, spans: Ints, weights: Floats, signs: Floats, total: Floats, out: NDArray[Any]
) -> None:
    """Evidence out (b, D) of labels (b, Q), four dimensions at a time.

    Args:
        labels: probabilities or votes.
        dims: (A,) dimensions.
        spans: (A / 4, 2) from which to which comparison four of them have weights.
        weights: (A, Q) of these dimensions.
        signs: (Q,) any contents.
        total: (D,) any contents.
        out: written.
    """
    for r in range(len(labels)):
        for q in range(len(signs)):
            signs[q] = 2.0 * labels[r, q] - 1.0
        total[:] = 0.0
        for a in range(0, len(dims), 4):
            low, high = spans[a // 4]
            part = signs[low:high]
            w0, w1, w2, w3 = (
                weights[a][low:high],
                weights[a + 1][low:high],
                weights[a + 2][low:high],
                weights[a + 3][low:high],
            )
            e0 = e1 = e2 = e3 = 0.0
            for q in range(len(part)):
                e0 += part[q] * w0[q]
                e1 += part[q] * w1[q]
                e2 += part[q] * w2[q]
                e3 += part[q] * w3[q]
            total[dims[a]] += e0
            total[dims[a + 1]] += e1
            total[dims[a + 2]] += e2
            total[dims[a + 3]] += e3
        for d in range(len(total)):
            out[r, d] = total[d]
