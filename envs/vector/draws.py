"""The draws behind new episodes of some rows, each from its own stream, in the order of its `rng_scheme`.

Legend of shapes: R new rows, T centuries, Q asked comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.threads import scratch
from progressgym.envs.config import EnvConfig
from progressgym.envs.episode import Questions
from progressgym.envs.vector.streams import Streams, forward
from progressgym.histories.history import History
from progressgym.histories.source import HistorySource
from progressgym.histories.synthetic_batch import SyntheticBatch
from progressgym.preferences.comparisons import SHORT_SCHEME, short_numbers, short_words

Floats = NDArray[np.float64]


@dataclass(kw_only=True, frozen=True, eq=False)
class Draws:
    """What was drawn."""

    histories: tuple[History, ...]
    """One that all rows share, or one a row; none where a batch is made of `paths`."""
    asked: NDArray[np.int64] | None
    """(R, Q) indices into the list of all pairs; None when all are asked."""
    uniforms: Floats | NDArray[np.uint16] | None
    """(R, T, Q) behind sampled labels: century 0's as the task tells them, then those shown, as numbers in [0, 1) or, where
    the scheme says so, those of `short_draws`; None when labels are probabilities. Overwritten by the next draws: copy
    what is kept."""
    paths: Floats | None = None
    """(R, ...) uniform numbers behind histories that are made together; overwritten as `uniforms` are."""

    def numbers(self) -> Floats:
        """A copy of `uniforms` in [0, 1), whatever the scheme."""
        assert self.uniforms is not None
        numbers = self.uniforms.astype(np.float64)
        return (numbers + 0.5) / 2.0**16 if self.uniforms.dtype == np.uint16 else numbers

    @classmethod
    def of(
        cls,
        config: EnvConfig,
        source: HistorySource,
        streams: Streams,
        rows: NDArray[np.int64],
        batch: SyntheticBatch | None = None,
    ) -> Draws:
        """Draw for these rows.

        Args:
            config: of the environment.
            source: of the histories.
            streams: of all rows.
            rows: which rows begin.
            batch: that makes the histories, where one does.
        """
        chooser, centuries, fixed = config.chooser, config.centuries, source.fixed
        numbers = Questions.numbers(chooser, centuries, config.rng_scheme)
        if fixed is not None and config.every and not config.sampled:
            streams.skip(rows, numbers)
            return cls(histories=(fixed,), asked=None, uniforms=None)
        histories: list[History] = []
        asked = None if config.every else np.empty((len(rows), chooser.queries), dtype=np.int64)
        votes = _Votes(config, len(rows)) if config.sampled else None
        paths = None if batch is None else scratch("paths", (len(rows), batch.numbers))
        ranks = np.empty(Questions.ranks(chooser, config.rng_scheme))
        for r, row in enumerate(rows.tolist()):
            rng = streams[row]
            if paths is not None:
                rng.random(out=paths[r])
            elif fixed is None:
                histories.append(source.sample(rng))
            if asked is None and votes is None:
                forward(rng, numbers)
                continue
            # As `Questions.draw`, into arrays that are there already: new memory costs as much as the draws.
            rng.random(out=ranks)
            if asked is not None:
                asked[r] = chooser.choose(ranks) if len(ranks) else np.arange(len(chooser.pairs))
            if votes is None:
                forward(rng, numbers - len(ranks))
            else:
                votes.draw(rng, r)
        if fixed is not None:
            histories = [fixed]
        uniforms = None if votes is None else votes.numbers()
        return cls(histories=tuple(histories), asked=asked, uniforms=uniforms, paths=paths)


class _Votes:
    """The numbers behind sampled labels of some rows, in scratch memory."""

    def __init__(self, config: EnvConfig, rows: int) -> None:
        """Make room."""
        self._shape = rows, config.centuries, config.chooser.queries
        self._repeated = config.label_kind == "annotators"
        self._count = config.centuries * config.chooser.queries
        self._words: NDArray[np.uint64] | None = None
        self._uniforms: NDArray[Any] = np.empty(0)
        if config.rng_scheme == SHORT_SCHEME:
            self._words = scratch("words", (rows, short_words(self._count)), np.uint64)
        else:
            self._uniforms = scratch("uniforms", self._shape)

    def draw(self, rng: np.random.Generator, r: int) -> None:
        """Draw the r-th row's."""
        if self._words is not None:
            self._words[r] = rng.bit_generator.random_raw(self._words.shape[1])
        else:
            rng.random(out=self._uniforms[r, 1:])
            rng.random(out=self._uniforms[r, 0])

    def numbers(self) -> NDArray[Any]:
        """(R, T, Q), century 0's first; those again in all centuries where annotators stay the same."""
        numbers = self._uniforms
        if self._words is not None:
            numbers = short_numbers(self._words, self._count).reshape(self._shape)
        if self._repeated:
            numbers[:, 1:] = numbers[:, :1]
        return numbers
