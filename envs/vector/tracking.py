"""Follow and Predict, many at once. Legend of shapes as in `progressgym.envs.vector.base`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.arrays import Array
from progressgym.envs.follow import FollowEnv, FollowStanceEnv
from progressgym.envs.predict import PredictEnv, PredictStanceEnv
from progressgym.envs.vector.draws import Draws
from progressgym.envs.vector.flavours import AnswersVector, Flavour, StanceVector
from progressgym.envs.vector.scoring import Targets, compare, targets
from progressgym.envs.vector.tables import Index, Tables
from progressgym.scores import cosine

Floats = NDArray[np.float64]


class TrackingVector(Flavour):
    """The human goes its own way; see `progressgym.envs.tracking`."""

    def _prepare(self) -> None:
        self._readout = self._readout_of(whole=False)
        super()._prepare()

    def _truth(self, answers: Floats) -> Tables:
        settings, arrays = self._settings, self._arrays
        human = settings.instrument.values(answers, settings.rewarded, check=False)
        tables = self._base_tables(answers[:, 0])
        static = arrays.host(self._readout.score(self._static(answers[:, 0], tables))).astype(np.float64)
        goal = human[:, 1 + settings.horizon :]
        found = targets(arrays, human, cosine(static[:, None], goal), settings.horizon)
        tables |= self._target_tables(found, human)
        tables["_preferred"] = self._preferred(answers[:, : 1 + settings.steps])
        return tables

    def _questions(self, truth: Tables, draws: Draws) -> Tables:
        count = 1 + self._settings.steps
        uniforms = None if draws.uniforms is None else draws.uniforms[:, :count]
        labels = self._drawn_labels(self._asked(truth["_preferred"], draws), uniforms)
        return self._label_tables(labels, draws)

    def _advance(self, actions: Array, index: Index) -> tuple[Array, Targets, dict[str, Array]]:
        arrays, target = self._arrays, self._target(index)
        with arrays.unrecorded(actions):
            values = self._scored(actions)
            found = values, *compare(arrays, values, target, len(self._settings.covered))
        values, utility, drift_cosine, error = (arrays.recordable(score) for score in found)
        return utility, target, self._told(values, drift_cosine, error, index)


class FollowVectorEnv(TrackingVector, AnswersVector):
    """`ProgressGym/Follow-v0`, many at once."""

    single = FollowEnv


class FollowStanceVectorEnv(TrackingVector, StanceVector):
    """`ProgressGym/FollowStance-v0` and `-v1`, many at once."""

    single = FollowStanceEnv


class PredictVectorEnv(TrackingVector, AnswersVector):
    """`ProgressGym/Predict-v0`, many at once."""

    single = PredictEnv


class PredictStanceVectorEnv(TrackingVector, StanceVector):
    """`ProgressGym/PredictStance-v0` and `-v1`, many at once."""

    single = PredictStanceEnv
