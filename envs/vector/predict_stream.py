"""PredictStream, many at once. Legend of shapes as in `progressgym.envs.vector.base`.

An episode ends when its agent WRITEs, so rows are out of step from the beginning on. All observations of a stream are made when
it begins, by the single environment's formulas.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.envs.arrays import Array
from progressgym.envs.comparison_evidence import differences
from progressgym.envs.predict_stream import STILL, D, PredictStreamEnv, moved_evidence, observations
from progressgym.envs.vector.base import ProgressVectorEnv, lookups_of
from progressgym.envs.vector.batch_scores import Targets
from progressgym.envs.vector.draws import Draws
from progressgym.envs.vector.lookups import Index, Tables, agreed, pick
from progressgym.envs.vector.mask import Mask
from progressgym.histories.history import History
from progressgym.histories.source import HistorySource
from progressgym.preferences.comparisons import MISSING, probabilities

Floats = NDArray[np.float64]


class PredictStreamVectorEnv(ProgressVectorEnv):
    """`ProgressGym/PredictStream-v0`, many at once."""

    single: ClassVar[Any] = PredictStreamEnv
    needs_every_answer = False

    def _prepare(self) -> None:
        config, arrays = self._config, self._arrays
        covered = np.isin(np.arange(D), config.covered)
        self._covered, self._columns = arrays.flags(covered), arrays.index(config.covered)
        self._difference = differences(config.instrument.loadings, config.chooser.pairs)
        # What a READ costs; in a stream of one observation there is none.
        self._price: float = self._template.lam / max(config.steps - 1, 1)  # type: ignore[attr-defined]  # of PredictStreamEnv
        self._written = np.zeros(self.num_envs, dtype=np.bool_)

    # What is known when an episode begins.

    def _truth_of(self, history: History) -> Tables:
        if self._known is None or self._known[0] is not history:
            self._known = (history, self._truth_of_each([history]))
        return self._known[1]

    def _own(self, source: HistorySource, rows: NDArray[np.int64]) -> Tables:
        paths = self._paths_of(source)
        draws = Draws.of(self._config, source, self._streams, rows, None if paths is None else paths.batch)
        if paths is None or draws.paths is None:
            truth = self._truth_of_each(draws.histories)
        else:
            _, human, preferred = paths.read(draws.paths, 1 + self._config.steps)
            truth = self._truth_from(human[:, -1] - human[:, 0], preferred)
        return {**lookups_of(truth), **self._questions(truth, draws)}

    def _truth_of_each(self, histories: Sequence[History]) -> Tables:
        change = np.stack([history.drift(self._config.rewarded)[-1] for history in histories])
        answers = np.stack([history.answers[:-1] for history in histories])
        return self._truth_from(change, probabilities(answers, self._config.chooser.pairs))

    def _truth_from(self, change: Floats, preferred: Floats) -> Tables:
        """Tables that follow from histories.

        Args:
            change: (H, D) of the human's values from the first step to the last.
            preferred: (H, T - 1, P) preference probabilities of all pairs; NaN where nothing was asked.
        """
        floats = self._arrays.floats
        size, power = np.abs(change).sum(-1), (change * change).sum(-1)
        there = power > STILL
        return {
            "change": floats(change),
            # x / inf = 0: who did not move at all has no direction that could be right.
            "size": floats(np.where(size > 0, size, np.inf)),
            "moved": floats(size > 0),
            "power": floats(np.where(there, power, 1.0)),
            "there": floats(there),
            "_preferred": preferred,
        }

    def _questions(self, truth: Tables, draws: Draws) -> Tables:
        preferred = self._asked(truth["_preferred"], draws)
        uniforms = None if draws.uniforms is None else draws.uniforms[:, : preferred.shape[1]]
        missing = np.isnan(preferred)
        if missing.any():
            labels = np.where(missing, MISSING, self._drawn_labels(np.where(missing, 0.5, preferred), uniforms))
        else:
            labels = self._drawn_labels(preferred, uniforms)
        size = self._difference if draws.asked is None else self._difference[draws.asked]
        path = moved_evidence(labels.astype(np.float64), size)
        return {"observations": self._arrays.observation(observations(path))}

    # What a step does.

    def _checked(self, actions: Any, live: Mask) -> Array:
        arrays = self._arrays
        given = arrays.floats(actions)
        if tuple(given.shape) != (self.num_envs, 1 + D):
            raise UserError(f"the actions have shape {tuple(given.shape)}, expected ({self.num_envs}, {1 + D})")
        if not live.every:
            given = arrays.xp.where(arrays.flags(live.flags)[:, None], given, 0.0)
        # The sum is a first, cheap look; it may overflow with finite numbers, so only the second look decides.
        if not math.isfinite(given.sum().item()) and not bool(arrays.xp.isfinite(given).all()):
            raise UserError(
                "the actions hold NaN or infinite numbers; give WRITE and a change a dimension in every row"
            )
        return given

    def _advance(self, actions: Array, index: Index) -> tuple[Array, Targets, dict[str, Array]]:
        """READ or WRITE: rewards and the scores of those who write, zeros beside them."""
        arrays, xp, tables = self._arrays, self._arrays.xp, self._tables
        last = np.broadcast_to(np.asarray(index) == self._config.steps - 1, self.num_envs)
        write = (actions[:, 0] > 0.0) | arrays.flags(last)
        self._written = arrays.host(write)
        change = tables["change"]
        forecast = xp.where(self._covered, xp.clip(actions[:, 1:], -1.0, 1.0), 0.0)
        away = forecast - change
        # The upper bound changes nothing: a square is not below 0.
        reached = tables["there"] * xp.clip(1.0 - (away * away).sum(-1) / tables["power"], -1.0, 1.0)
        right = xp.where(xp.sign(forecast) == xp.sign(change), xp.abs(change), 0.0).sum(-1)
        read = np.full(self.num_envs, index / max(self._config.steps - 1, 1))
        scores = {
            "accuracy": reached,
            "lag": tables["moved"] * arrays.floats(read),
            "sign": right / tables["size"],
            "forecast": forecast[:, self._columns],
            "change": xp.broadcast_to(change, forecast.shape)[:, self._columns],
        }
        for key, value in scores.items():
            scores[key] = xp.where(write[:, None] if value.ndim > 1 else write, value, 0.0)
        nothing: Any = None  # there is no gain
        return xp.where(write, reached, -self._price), nothing, scores

    def _move(self, live: Mask) -> None:
        self._over = live.flags & self._written
        self._steps += live.flags & ~self._written
        self._agreed = agreed(self._steps)

    def _opening(self) -> dict[str, Array]:
        nothing, many = (self.num_envs,), (self.num_envs, len(self._config.covered))
        shapes = {"accuracy": nothing, "lag": nothing, "sign": nothing, "forecast": many, "change": many}
        return {key: self._arrays.floats(np.zeros(shape)) for key, shape in shapes.items()}

    def _observe(self, index: Index) -> Array:
        arrays = self._arrays
        entries = pick(arrays, self._tables["observations"], index)
        return arrays.copy(arrays.xp.broadcast_to(entries, (self.num_envs, entries.shape[-1])))

    def _infos(self, scores: Mapping[str, Array], live: Mask) -> dict[str, Any]:
        # The reward is no score of its own here: a READ's is the price, a WRITE's the accuracy.
        return super()._infos({key: value for key, value in scores.items() if key != "utility"}, live)
