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
from progressgym.preferences.comparisons import SHORT_SCHEME, short_draws

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
        """`uniforms` in [0, 1), whatever the scheme."""
        assert self.uniforms is not None
        short = self.uniforms.dtype == np.uint16
        numbers: Floats = (self.uniforms + 0.5) / 2.0**16 if short else self.uniforms
        return numbers

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
        shape = len(rows), centuries, chooser.queries
        short = config.rng_scheme == SHORT_SCHEME
        uniforms: NDArray[Any] | None = None
        if config.sampled:
            uniforms = scratch("shorts", shape, np.uint16) if short else scratch("uniforms", shape)
        paths = None if batch is None else scratch("paths", (len(rows), batch.numbers))
        ranks = np.empty(Questions.ranks(chooser, config.rng_scheme))
        for r, row in enumerate(rows.tolist()):
            rng = streams[row]
            if paths is not None:
                rng.random(out=paths[r])
            elif fixed is None:
                histories.append(source.sample(rng))
            if asked is None and uniforms is None:
                forward(rng, numbers)
                continue
            # As `Questions.draw`, into arrays that are there already: new memory costs as much as the draws.
            rng.random(out=ranks)
            if asked is not None:
                asked[r] = chooser.choose(ranks) if len(ranks) else np.arange(len(chooser.pairs))
            if uniforms is None:
                forward(rng, numbers - len(ranks))
            elif short:
                uniforms[r].reshape(-1)[:] = short_draws(rng, uniforms[r].size)
            else:
                rng.random(out=uniforms[r, 1:])
                rng.random(out=uniforms[r, 0])
        if uniforms is not None and config.label_kind == "annotators":
            uniforms[:, 1:] = uniforms[:, :1]
        if fixed is not None:
            histories = [fixed]
        return cls(histories=tuple(histories), asked=asked, uniforms=uniforms, paths=paths)
