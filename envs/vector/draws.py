"""The draws behind new episodes of some rows, each from its own stream, in the order of `RNG_SCHEME`.

Legend of shapes: R new rows, T centuries, Q asked comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.episode import Questions
from progressgym.envs.settings import Settings
from progressgym.envs.vector.streams import Streams, forward
from progressgym.histories.history import History
from progressgym.histories.source import HistorySource

Floats = NDArray[np.float64]


@dataclass(kw_only=True, frozen=True, eq=False)
class Draws:
    """What was drawn."""

    histories: tuple[History, ...]
    """One that all rows share, or one a row."""
    asked: NDArray[np.int64] | None
    """(R, Q) indices into the list of all pairs; None when all are asked."""
    uniforms: Floats | None
    """(R, T, Q) behind sampled labels: century 0's as the task tells them, then those shown; None when labels are
    probabilities."""

    @classmethod
    def of(cls, settings: Settings, source: HistorySource, streams: Streams, rows: NDArray[np.int64]) -> Draws:
        """Draw for these rows.

        Args:
            settings: of the environment.
            source: of the histories.
            streams: of all rows.
            rows: which rows begin.
        """
        chooser, centuries, fixed = settings.chooser, settings.centuries, source.fixed
        numbers = Questions.numbers(chooser, centuries)
        if fixed is not None and settings.every and not settings.sampled:
            streams.skip(rows, numbers)
            return cls(histories=(fixed,), asked=None, uniforms=None)
        histories: list[History] = []
        asked = None if settings.every else np.empty((len(rows), chooser.queries), dtype=np.int64)
        uniforms = np.empty((len(rows), centuries, chooser.queries)) if settings.sampled else None
        for r, row in enumerate(rows.tolist()):
            rng = streams[row]
            if fixed is None:
                histories.append(source.sample(rng))
            if asked is None and uniforms is None:
                forward(rng, numbers)
                continue
            questions = Questions.draw(chooser, centuries, rng)
            if asked is not None:
                asked[r] = questions.asked
            if uniforms is not None:
                uniforms[r, 0], uniforms[r, 1:] = questions.initial_uniforms, questions.uniforms
                if settings.label_kind == "annotators":
                    uniforms[r, 1:] = questions.initial_uniforms
        return cls(histories=tuple(histories) or (fixed,), asked=asked, uniforms=uniforms)  # type: ignore[arg-type]

    def part(self, rows: slice) -> Draws:
        """The draws of some of the rows."""
        return Draws(
            histories=self.histories if len(self.histories) == 1 else self.histories[rows],
            asked=None if self.asked is None else self.asked[rows],
            uniforms=None if self.uniforms is None else self.uniforms[rows],
        )
