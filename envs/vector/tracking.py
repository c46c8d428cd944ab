"""Follow and Predict, many at once. Legend of shapes as in `progressgym.envs.vector.base`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from progressgym.core.threads import cores, each
from progressgym.envs.arrays import Array
from progressgym.envs.comparison_evidence import differences
from progressgym.envs.episode import Questions
from progressgym.envs.follow import FollowEnv, FollowStanceEnv
from progressgym.envs.predict import PredictEnv, PredictStanceEnv
from progressgym.envs.predict_last import PredictLastEnv, PredictLastStanceEnv
from progressgym.envs.vector.base import ROWS, lookups_of
from progressgym.envs.vector.batch_scores import Targets, compare, targets
from progressgym.envs.vector.draws import Draws
from progressgym.envs.vector.flavours import AnswersVector, Flavour, StanceVector
from progressgym.envs.vector.lookups import Index, Tables
from progressgym.histories.source import HistorySource
from progressgym.scores import cosine

if TYPE_CHECKING:
    from progressgym.envs.vector.compiled.paths import CompiledPaths
    from progressgym.envs.vector.compiled.votes import Votes

Floats = NDArray[np.float64]
FEW = 32
"""Rows with drawn histories that are worked on at a time."""


class TrackingVector(Flavour):
    """The human goes its own way; see `progressgym.envs.tracking`."""

    def _prepare(self) -> None:
        self._readout = self._readout_of(whole=False)
        self._votes = self._packed_votes()
        super()._prepare()

    def _packed_votes(self) -> Votes | None:
        """How votes on all comparisons are drawn by kernels, where there are any."""
        config = self._config
        if not (self._arrays.compiled and config.every and config.label_kind == "sample"):
            return None
        from progressgym.envs.vector.compiled.votes import Votes

        leaning = differences(config.instrument.loadings, config.chooser.pairs)
        ranks = Questions.ranks(config.chooser, config.rng_scheme)
        return Votes(leaning, config.centuries, 1 + config.steps, config.rng_scheme, ranks)

    def _tables_of(self, source: HistorySource, rows: NDArray[np.int64]) -> Tables:
        votes = self._votes
        if votes is None or source.fixed is None:
            return super()._tables_of(source, rows)
        truth = self._truth_of(source.fixed)
        if "_bounds" not in truth:
            truth["_bounds"] = votes.bounds(truth["_preferred"])
        states = self._streams.states(rows)
        # A first block of one row would pass for what all rows share.
        blocks = list(self._arrays.blocks(len(rows), max(ROWS, -(-len(rows) // cores()))))
        parts = each(lambda block: self._vote_tables(votes, votes.draw(states[block], truth["_bounds"])), blocks)
        self._streams.moved(rows, states)
        return {**lookups_of(truth), **self._joined(parts)}

    def _truth(self, answers: Floats) -> Tables:
        config = self._config
        human = config.instrument.values(answers, config.rewarded, check=False)
        preferred = self._preferred(answers[:, : 1 + config.steps])
        return self._truth_from(answers[:, 0], human, preferred)

    def _own(self, source: HistorySource, rows: NDArray[np.int64]) -> Tables:
        """As everywhere, but from a batch of histories where one can be made: its answers are never spread out."""
        paths = self._paths_of(source)
        if paths is None:
            return super()._own(source, rows)
        draws = Draws.of(self._config, source, self._streams, rows, paths.batch)
        assert draws.paths is not None
        truth = self._truth_from(*paths.read(draws.paths, 1 + self._config.steps))
        return {**lookups_of(truth), **self._questions(truth, draws)}

    def _truth_from(self, first: Floats, human: Floats, preferred: Floats) -> Tables:
        """Tables that follow from histories.

        Args:
            first: (H, N, K) century 0's answers.
            human: (H, T, D) the human's values.
            preferred: (H, 1 + S, P) preference probabilities of all pairs.
        """
        config, arrays = self._config, self._arrays
        tables = self._base_tables(first)
        static = arrays.host(self._readout.score(self._static(first, tables))).astype(np.float64)
        goal = human[:, config.compared]
        goals = targets(arrays, goal, human[:, :1], cosine(static[:, None], goal))
        tables |= self._target_tables(goals, human)
        tables["_preferred"] = preferred
        return tables

    def _questions(self, truth: Tables, draws: Draws) -> Tables:
        count = 1 + self._config.steps
        uniforms = None if draws.uniforms is None else draws.uniforms[:, :count]
        labels = self._drawn_labels(self._asked(truth["_preferred"], draws), uniforms)
        return self._label_tables(labels, draws)

    def _advance(self, actions: Array, index: Index) -> tuple[Array, Targets, dict[str, Array]]:
        arrays, target = self._arrays, self._target(index)
        with arrays.unrecorded(actions):
            values = self._scored(actions)
            scores = values, *compare(arrays, values, target, len(self._config.covered))
        values, utility, drift_cosine, error = (arrays.recordable(score) for score in scores)
        return utility, target, self._told(values, drift_cosine, error, index)


class StanceTracking(TrackingVector, StanceVector):
    """Where actions are stances: kernels fill all tables of drawn histories, whose answers are never spread out."""

    def _tables_of(self, source: HistorySource, rows: NDArray[np.int64]) -> Tables:
        drawn = self._arrays.compiled and source.fixed is None
        paths: Any = self._paths_of(source) if drawn else None
        return super()._tables_of(source, rows) if paths is None else self._filled(paths, source, rows)

    def _filled(self, paths: CompiledPaths, source: HistorySource, rows: NDArray[np.int64]) -> Tables:
        from progressgym.envs.vector.compiled.drawn_tables import DrawnTables

        config, votes, count = self._config, self._votes, 1 + self._config.steps
        made = DrawnTables(config, self._arrays, paths, len(rows))
        exact = config.every and config.label_kind == "probability"
        skipped = Questions.numbers(config.chooser, config.centuries, config.rng_scheme) if exact else 0
        states = self._streams.states(rows) if exact or votes is not None else None

        def fill(block: slice) -> Tables:
            read = paths.room(len(rows[block]), **{"evidence" if exact else "preferred": count})
            asked: Tables = {}
            if states is not None:
                paths.read_drawn(states[block], skipped, read)
                if votes is not None:
                    asked = self._vote_tables(votes, votes.draw(states[block], votes.bounds(read.preferred)))
            else:
                draws = Draws.of(config, source, self._streams, rows[block], paths.batch)
                assert draws.paths is not None
                paths.read_from(draws.paths, read)
                asked = self._questions({"_preferred": read.preferred}, draws)
            made.fill(read, block)
            return asked

        parts = each(fill, list(self._arrays.blocks(len(rows), FEW)))
        if states is not None:
            self._streams.moved(rows, states)
        seen = {"observations": made.observations} if exact else self._joined(parts)
        return {**made.tables(), **seen}


class FollowVectorEnv(TrackingVector, AnswersVector):
    """`ProgressGym/Follow-v0`, many at once."""

    single = FollowEnv


class FollowStanceVectorEnv(StanceTracking):
    """`ProgressGym/FollowStance-v0` and `-v1`, many at once."""

    single = FollowStanceEnv


class PredictVectorEnv(TrackingVector, AnswersVector):
    """`ProgressGym/Predict-v0`, many at once."""

    single = PredictEnv


class PredictStanceVectorEnv(StanceTracking):
    """`ProgressGym/PredictStance-v0` and `-v1`, many at once."""

    single = PredictStanceEnv


class PredictLastVectorEnv(TrackingVector, AnswersVector):
    """`ProgressGym/PredictLast-v0`, many at once."""

    single = PredictLastEnv


class PredictLastStanceVectorEnv(StanceTracking):
    """`ProgressGym/PredictLastStance-v0`, many at once."""

    single = PredictLastStanceEnv
