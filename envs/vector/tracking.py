"""Follow and Predict, many at once. Legend of shapes as in `progressgym.envs.vector.base`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from progressgym.envs.arrays import Array
from progressgym.envs.follow import FollowEnv, FollowStanceEnv
from progressgym.envs.predict import PredictEnv, PredictStanceEnv
from progressgym.envs.vector.draws import Draws
from progressgym.envs.vector.flavours import AnswersVector, Flavour, StanceVector, covered_columns
from progressgym.envs.vector.scoring import Targets, describe, gain, length, similarity
from progressgym.envs.vector.tables import Index, Tables, pick

Floats = NDArray[np.float64]


class TrackingVector(Flavour):
    """The human goes its own way; see `progressgym.envs.tracking`."""

    def _prepare(self) -> None:
        self._readout = self._readout_of(whole=False)
        self._covered = covered_columns(self._settings.covered, self._arrays)
        self._all_move = True
        super()._prepare()

    def _truth(self, answers: Floats) -> Tables:
        settings, arrays = self._settings, self._arrays
        human = settings.instrument.values(answers, settings.instrument.evaluation, check=False)
        tables = self._base_tables(answers[:, 0])
        static = arrays.host(self._readout.score(self._static(answers[:, 0], tables))).astype(np.float64)
        target, start = human[:, 1 + settings.horizon :], human[:, :1]
        drift = target - start
        lengths, drifts = np.linalg.norm(target, axis=-1), np.linalg.norm(drift, axis=-1)
        norms = np.linalg.norm(static, axis=-1)[:, None] * lengths
        close = np.einsum("hd,hsd->hs", static, target) / np.where(norms > 0, norms, np.inf)
        for key, table in (
            ("target", target),
            ("target_length", lengths),
            ("target_covered", target[..., settings.covered]),
            ("start", start[:, 0]),
            ("drift", drift),
            ("drift_length", drifts),
            ("static", np.clip(close, -1.0, 1.0)),
        ):
            tables[key] = arrays.floats(table)
        tables["moved"] = arrays.flags(drifts > arrays.still)
        self._all_move &= bool((drifts > arrays.still).all())
        tables["_preferred"] = self._preferred(answers[:, : 1 + settings.steps])
        return tables

    def _questions(self, truth: Tables, draws: Draws) -> Tables:
        count = 1 + self._settings.steps
        uniforms = None if draws.uniforms is None else draws.uniforms[:, :count]
        labels = self._drawn_labels(self._asked(truth["_preferred"], draws), uniforms)
        return self._label_tables(labels, draws)

    def _advance(self, actions: Array, index: Index) -> tuple[Array, Array, dict[str, Array]]:
        arrays, tables = self._arrays, self._tables
        values = self._scored(actions)
        names = ("target", "target_length", "drift", "drift_length", "static")
        target = Targets(*(pick(arrays, tables[name], index) for name in names))
        utility = similarity(arrays, values, length(arrays, values), target.values, target.length)
        scores = describe(arrays, values, tables["start"], target, len(self._settings.covered))
        total, human = self.num_envs, pick(arrays, tables["target_covered"], index)
        if not self._all_move:
            scores["_drift_cosine"] = arrays.xp.broadcast_to(pick(arrays, tables["moved"], index), (total,))
        scores["agent_values"] = values[:, self._covered]
        scores["human_values"] = arrays.copy(arrays.xp.broadcast_to(human, (total, human.shape[-1])))
        return utility, target.static, scores

    def _gain_of(self, utility: Array, static: Array) -> Array:
        return gain(self._arrays, utility, static)


class FollowVectorEnv(TrackingVector, AnswersVector):
    """`ProgressGym/Follow-v0`, many at once."""

    single = FollowEnv


class FollowStanceVectorEnv(TrackingVector, StanceVector):
    """`ProgressGym/FollowStance-v0`, many at once."""

    single = FollowStanceEnv


class PredictVectorEnv(TrackingVector, AnswersVector):
    """`ProgressGym/Predict-v0`, many at once."""

    single = PredictEnv


class PredictStanceVectorEnv(TrackingVector, StanceVector):
    """`ProgressGym/PredictStance-v0`, many at once."""

    single = PredictStanceEnv
