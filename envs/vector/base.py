"""What all vector environments share: making, reset, step, the three autoreset modes, infos.

Rows repeat the single environments with the same seeds: row i of `reset(seed=s)` is a single environment reset with
seed s + i, through as many episodes as you like. A challenge says what a step does (`_truth`, `_questions`, `_advance`),
a flavour what observations and actions look like (`_checked`, `_logits`, `_observe`). All arithmetic is on arrays of
all rows; the single environment that each class names gives arguments, spaces and formulas.

Legend of shapes: B environments (rows), R rows that begin an episode, T centuries, Q asked comparisons, S steps of an
episode, D = 19.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from progressgym.core.errors import UserError, unknown
from progressgym.core.threads import each, scratch
from progressgym.envs.actions import Bools
from progressgym.envs.arrays import Array, Arrays, NumpyArrays
from progressgym.envs.base import ProgressEnv
from progressgym.envs.vector.batch_scores import Targets, gain
from progressgym.envs.vector.draws import Draws
from progressgym.envs.vector.lookups import Index, Tables, agreed, install
from progressgym.envs.vector.mask import Mask
from progressgym.envs.vector.paths import BatchPaths, paths_of
from progressgym.envs.vector.streams import Seeds, Streams
from progressgym.histories.history import History
from progressgym.histories.source import HistorySource
from progressgym.preferences.comparisons import probabilities, short_bounds, stated

Rows = TypeVar("Rows", NDArray[np.int64], slice)
AUTORESET = {mode.name.lower(): mode for mode in AutoresetMode}
BACKENDS = ("numpy", "numba", "torch")
PRECISIONS = ("float32", "float64")
ROWS = 64
"""Rows whose tables are computed at a time: bounds the memory of a reset, and keeps it in a core's cache."""


class ProgressVectorEnv(gym.vector.VectorEnv[Any, Any, Any]):
    """Common part of the vector environments; not an environment itself."""

    single: ClassVar[type[ProgressEnv]]
    """The environment that every row repeats."""
    needs_every_answer: ClassVar[bool] = True
    """False where a history may leave items out in some steps."""

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        array_backend: str = "numpy",
        device: str | None = None,
        dtype: str | None = None,
        max_episode_steps: int | None = None,
        text: bool = False,
        render_mode: str | None = None,
        **arguments: Any,
    ) -> None:
        """Make B environments.

        Args:
            num_envs: B.
            autoreset_mode: `next_step`, `same_step` or `disabled`.
            array_backend: `numpy`; `numba` for the same with compiled loops; or `torch`: then actions, observations, rewards
                and infos are tensors on `device`.
            device: of the torch back end, `cpu` by default.
            dtype: working precision, `float64` (default of numpy and numba) or `float32` (default of torch).
            max_episode_steps: that of a single environment's `spec`, which knows it; nothing else is possible.
            text: not here: texts are made one by one; use `vectorization_mode="sync"`.
            render_mode: not here; draw a single environment.
            arguments: those of the single environment, by name.

        Raises:
            UserError: an argument that does not exist or cannot be met.
        """
        if text or render_mode is not None:
            raise UserError(
                'text and render_mode are for single environments; use vectorization_mode="sync" to have them in many'
            )
        if isinstance(num_envs, bool) or not isinstance(num_envs, int) or num_envs < 1:
            raise UserError(f"num_envs is {num_envs!r}; use a whole number, 1 or more")
        self._arrays = _back_end(array_backend, device, dtype)
        template = self.single(**arguments)
        self._template, self._config = template, template.config
        if max_episode_steps not in (None, template.steps):
            raise UserError(
                f"episodes have {template.steps} steps and are never cut off; leave max_episode_steps={max_episode_steps} "
                'out, or use vectorization_mode="sync"'
            )
        if self.needs_every_answer and not self._config.source.complete:
            raise UserError(
                "this history does not ask every item in every step, which the vector environments need; use "
                'vectorization_mode="sync"'
            )
        self.autoreset_mode = _mode(autoreset_mode)
        self.metadata = {**template.metadata, "render_modes": [], "autoreset_mode": self.autoreset_mode}
        self.num_envs = num_envs
        self.single_observation_space, self.single_action_space = template.observation_space, template.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._streams = Streams(num_envs)
        self._rows = np.arange(num_envs)
        self._everyone = Mask.of(np.ones(num_envs, dtype=np.bool_))
        self._tables: Tables = {}
        self._known: tuple[History, Tables] | None = None
        self._batch_paths: tuple[HistorySource, BatchPaths | None] | None = None
        self._steps = np.zeros(num_envs, dtype=np.int64)
        self._agreed: int | None = 0
        self._over = np.ones(num_envs, dtype=np.bool_)
        self._begun = False
        self._episodes = 0
        self._prepare()

    # What a challenge and a flavour define.

    def _prepare(self) -> None:
        """Compute what does not depend on any episode."""
        raise NotImplementedError

    def _truth(self, answers: NDArray[np.float64]) -> Tables:
        """Tables that follow from histories alone, from their answers (H, T, N, K)."""
        raise NotImplementedError

    def _questions(self, truth: Tables, draws: Draws) -> Tables:
        """Tables that depend on what is asked and drawn."""
        raise NotImplementedError

    def _started(self, rows: NDArray[np.int64]) -> None:
        """Bring the state of these rows to the beginning of their episode."""

    def _checked(self, actions: Any, live: Mask) -> Array:
        """Actions as numbers; rows that are not live hold anything."""
        raise NotImplementedError

    def _advance(self, actions: Array, index: Index) -> tuple[Array, Targets, dict[str, Array]]:
        """Take actions: utilities (B,), what they are compared with, further scores (B, ...)."""
        raise NotImplementedError

    def _gain(self, utility: Array, target: Targets) -> Array:
        """The reward `gain` of a step."""
        return gain(self._arrays, utility, target)

    def _opening(self) -> dict[str, Array]:
        """Scores (B, ...) before the first step, without `utility`: those of `ProgressEnv`, many at once."""
        raise NotImplementedError

    def _observe(self, index: Index) -> Any:
        """Fresh observations of all rows."""
        raise NotImplementedError

    # Gymnasium's interface.

    def reset(self, *, seed: Seeds = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin episodes.

        Args:
            seed: s for s, s + 1, ... row by row; a list with one seed (or None) a row; None goes on with the streams.
            options: `{"reset_mask": (B,) bool}` resets only these rows; `{"history": ...}` uses another history for
                this episode only.

        Raises:
            UserError: an unknown option, or a mask that does not fit.
            gymnasium.error.ResetNeeded: the first reset leaves rows out.
        """
        others = dict(options or {})
        rows = self._masked(others.pop("reset_mask", None))
        if len(rows) < self.num_envs and not self._begun:
            raise gym.error.ResetNeeded("the first reset() must begin all rows")
        source = self._template.other_source(others) if others else self._config.source
        # Only streams of rows that begin: the others' next episodes must not depend on who was reset when.
        self._streams.seed(seed, rows)
        self._begin(rows, source)
        begun = np.zeros(self.num_envs, dtype=np.bool_)
        begun[rows] = True
        return self._observe(self._shown()), self._infos(self._with_opening({}, Mask.of(begun)), Mask.of(begun))

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Answer in all rows.

        With `next_step`, a row whose episode is over ignores its action and begins the next episode: reward 0.

        Raises:
            UserError: NaN in an action.
            gymnasium.error.ResetNeeded: the episode of a row is over (only with `disabled`), or none has begun.
        """
        if not self._begun:
            raise gym.error.ResetNeeded("call reset() before step()")
        resting = Mask.of(self._over)
        if resting.some and self.autoreset_mode is not AutoresetMode.NEXT_STEP:
            raise gym.error.ResetNeeded("episodes are over: call reset(options={'reset_mask': terminations}) first")
        live = resting.others()
        reward, scores = self._play(actions, self._shown(), live)
        self._move(live)
        terminations = self._over.copy()
        infos: dict[str, Any] = {}
        fresh = resting
        # Before the restart, which overwrites the tables that the final observation is read from.
        if self.autoreset_mode is AutoresetMode.SAME_STEP and terminations.any():
            infos |= self._final(scores, terminations)
            fresh = Mask.of(terminations)
        if fresh.some:
            self._restart(np.flatnonzero(fresh.flags))
            scores = self._with_opening(scores, fresh)
        infos |= self._infos(scores, self._everyone)
        arrays = self._arrays
        observations = self._observe(self._shown())
        return observations, reward, arrays.flags(terminations), arrays.flags(np.zeros_like(terminations)), infos

    @property  # type: ignore[misc]  # as SyncVectorEnv
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The generators of the rows."""
        return tuple(self._streams[row] for row in range(self.num_envs))

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]  # as SyncVectorEnv
        """The seeds of the rows."""
        return self._streams.seeds()

    def on(self, back_end: type[Arrays]) -> bool:
        """Whether it computes with this back end."""
        return isinstance(self._arrays, back_end)

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """An attribute that all rows share, such as `steps` or `horizon`, once a row."""
        return (getattr(self._template, name),) * self.num_envs

    # Inside.

    def _move(self, live: Mask) -> None:
        """Count the step that live rows took, and say whose episode is over."""
        self._steps += live.flags
        # A plain number while all rows are at the same step: looking tables up by one index is far cheaper than by B.
        self._agreed = self._agreed + 1 if self._agreed is not None and live.every else agreed(self._steps)
        # A row that rested in this step has begun anew, so it cannot be over.
        self._over = live.flags & (self._steps >= self._config.steps)

    def _masked(self, mask: Any) -> NDArray[np.int64]:
        """The rows that a reset mask names."""
        if mask is None:
            return self._rows
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise UserError(f"options['reset_mask'] must be a bool array of shape ({self.num_envs},), got {mask!r}")
        if not mask.any():
            raise UserError("options['reset_mask'] names no row; set at least one to True")
        return np.flatnonzero(mask)

    def _restart(self, rows: NDArray[np.int64]) -> None:
        """Autoreset of these rows."""
        self._begin(rows, self._config.source)

    def _begin(self, rows: NDArray[np.int64], source: HistorySource) -> None:
        """Put new episodes into these rows."""
        install(self._arrays, self._tables, self._tables_of(source, rows), rows, self.num_envs)
        self._episodes += 1
        self._steps[rows], self._over[rows], self._begun = 0, False, True
        self._agreed = 0 if len(rows) == self.num_envs else agreed(self._steps)
        self._started(rows)

    def _tables_of(self, source: HistorySource, rows: NDArray[np.int64]) -> Tables:
        """Tables of the rows that begin; those of a history that all share are computed once and kept.

        Every row has a stream of its own, so blocks of rows are drawn and computed on several cores, in any order; a
        block's uniform numbers are used while they are in the core's cache.
        """
        config, fixed = self._config, source.fixed
        if fixed is None:
            return self._joined(self._on_cores(lambda block: self._own(source, block), _blocks(rows)))
        truth = self._truth_of(fixed)
        if config.every and not config.sampled:
            draws = self._drawn(source, rows)
            if "questions" not in truth:
                truth["questions"] = self._questions(truth, draws)
            return {**lookups_of(truth), **truth["questions"]}
        parts = self._on_cores(lambda block: self._questions(truth, self._drawn(source, block)), _blocks(rows))
        return {**lookups_of(truth), **self._joined(parts)}

    def _drawn(self, source: HistorySource, rows: NDArray[np.int64]) -> Draws:
        return Draws.of(self._config, source, self._streams, rows)

    def _truth_of(self, history: History) -> Tables:
        """What follows from the one history that all rows share, kept until there is another."""
        if self._known is None or self._known[0] is not history:
            self._known = (history, self._truth(history.answers[None].astype(np.float64)))
        return self._known[1]

    def _own(self, source: HistorySource, rows: NDArray[np.int64]) -> Tables:
        """Tables of rows that have a history each."""
        draws = self._drawn(source, rows)
        truth = self._truth(np.stack([history.answers for history in draws.histories]).astype(np.float64))
        return {**lookups_of(truth), **self._questions(truth, draws)}

    def _paths_of(self, source: HistorySource) -> BatchPaths | None:
        """What makes and reads histories of this source together, kept for the last one."""
        if self._batch_paths is None or self._batch_paths[0] is not source:
            pairs, compiled = self._config.chooser.pairs, self._arrays.compiled
            self._batch_paths = (source, paths_of(source, pairs, self._config.rewarded, compiled=compiled))
        return self._batch_paths[1]

    def _on_cores(self, work: Callable[[Rows], Tables], blocks: list[Rows]) -> list[Tables]:
        """Tables of every block of rows; torch has its own threads."""
        return each(work, blocks) if isinstance(self._arrays, NumpyArrays) else [work(block) for block in blocks]

    def _joined(self, parts: list[Tables]) -> Tables:
        """Tables of blocks of rows, one after the other; the first block has several rows, so one entry is all rows'."""
        return {key: self._stacked([part[key] for part in parts]) for key in parts[0]}

    def _stacked(self, parts: list[Array]) -> Array:
        return parts[0] if len(parts) == 1 or len(parts[0]) == 1 else self._arrays.xp.concatenate(parts)

    def _asked(self, preferred: NDArray[np.float64], draws: Draws) -> NDArray[np.float64]:
        """Preference probabilities (H, S, P) of all pairs -> (1 or R, S, Q) of those asked."""
        if draws.asked is None:
            return preferred
        chosen = np.broadcast_to(draws.asked[:, None, :], (len(draws.asked), preferred.shape[1], draws.asked.shape[1]))
        # A view: one history's preferences stand for all rows without being copied.
        shared = np.broadcast_to(preferred, (len(draws.asked), *preferred.shape[1:]))
        return np.take_along_axis(shared, chosen, -1)

    def _preferred(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Preference probabilities (H, T, P) of all pairs, from answers (H, T, N, K)."""
        return probabilities(answers, self._config.chooser.pairs)

    def _drawn_labels(self, preferred: NDArray[np.float64], uniforms: NDArray[Any] | None) -> Array:
        """Labels (1 or R, S, Q) float32 on the host, as `draw_labels` makes them: the next call overwrites them."""
        shape = np.broadcast_shapes(preferred.shape, () if uniforms is None else uniforms.shape)
        labels: NDArray[np.float32] = scratch("labels", shape, np.float32)
        if uniforms is not None:
            bounds = short_bounds(preferred) if uniforms.dtype == np.uint16 else preferred
            np.less(uniforms, bounds, out=labels, casting="unsafe")
        else:
            labels[...] = stated(preferred, self._config.label_kind)
        return labels

    def _shown(self) -> Index:
        """Which observation every row shows: the last one twice."""
        last = self._config.steps - 1
        return np.minimum(self._steps, last) if self._agreed is None else min(self._agreed, last)

    def _play(self, actions: Any, index: Index, live: Mask) -> tuple[Array, dict[str, Array]]:
        """Rewards (B,) and scores of live rows; when no row is live, zeros and nothing."""
        arrays = self._arrays
        if not live.some:
            return arrays.floats(np.zeros(self.num_envs)), {}
        utility, target, scores = self._advance(self._checked(actions, live), index)
        reward = self._gain(utility, target) if self._config.gain else arrays.copy(utility)
        if not live.every:
            reward = arrays.xp.where(arrays.flags(live.flags), reward, 0.0)
        return reward, {"utility": utility, **scores}

    def _with_opening(self, scores: dict[str, Array], fresh: Mask) -> dict[str, Array]:
        """Scores in which rows that have just begun have those of an episode's beginning."""
        arrays = self._arrays
        start = {"utility": arrays.floats(np.zeros(self.num_envs)), **self._opening()}
        if fresh.every or not scores:
            return start
        mask = arrays.flags(fresh.flags)
        return {key: arrays.xp.where(_beside(mask, value), start[key], value) for key, value in scores.items()}

    def _infos(self, scores: Mapping[str, Array], live: Mask) -> dict[str, Any]:
        """Infos as Gymnasium's vector environments give them: beside every key a mask of the rows that have it."""
        if not self._config.scores_in_infos:
            return {}
        arrays, mask = self._arrays, self._arrays.flags(live.flags.copy())
        inner: dict[str, Any] = {}
        for key, value in scores.items():
            inner[key] = value if live.every else arrays.xp.where(_beside(mask, value), value, 0.0)
            inner[f"_{key}"] = mask
        return {"scores": inner, "_scores": mask}

    def _final(self, scores: Mapping[str, Array], terminations: Bools) -> dict[str, Any]:
        """`final_obs` and `final_info` of the rows whose episode ends in this step."""
        last, mask = self._observe(self._shown()), self._arrays.flags(terminations)
        final = self._rows_of(last, terminations) if isinstance(self._arrays, NumpyArrays) else last
        return {
            "final_obs": final,
            "_final_obs": mask,
            "final_info": self._infos(scores, Mask.of(terminations)),
            "_final_info": mask,
        }

    def _rows_of(self, observations: Any, rows: Bools) -> NDArray[Any]:
        """Observations one by one, as Gymnasium's vector environments give the final ones: None where there is none."""
        rows_out = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(rows).tolist():
            whole = isinstance(observations, dict)
            rows_out[row] = {k: v[row] for k, v in observations.items()} if whole else observations[row]
        return rows_out


def _beside(mask: Array, value: Array) -> Array:
    """A mask (B,) in the shape of an array (B, ...)."""
    return mask.reshape(-1, *(1,) * (value.ndim - 1))


def lookups_of(truth: Tables) -> Tables:
    """The tables that steps look up; those with a leading underscore serve only to make others."""
    return {key: value for key, value in truth.items() if not key.startswith("_") and key != "questions"}


def _blocks(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]


def _mode(mode: str | AutoresetMode) -> AutoresetMode:
    if isinstance(mode, AutoresetMode):
        return mode
    for name, member in AUTORESET.items():
        if mode in (name, member.value):
            return member
    raise unknown("autoreset mode", str(mode), list(AUTORESET))


def _back_end(name: str, device: str | None, dtype: str | None) -> Arrays:
    """The arrays that a vector environment computes with."""
    if name not in BACKENDS:
        raise unknown("array back end", str(name), BACKENDS)
    if dtype is not None and dtype not in PRECISIONS:
        raise unknown("precision", str(dtype), PRECISIONS)
    if name == "torch":
        from progressgym.envs.vector.torch import TorchArrays

        return TorchArrays(device or "cpu", dtype or "float32")
    if device not in (None, "cpu"):
        raise UserError(f'{name} computes on the cpu; use array_backend="torch" for device={device!r}')
    if name == "numba":
        from progressgym.envs.vector.compiled import NumbaArrays

        return NumbaArrays(dtype or "float64")
    return NumpyArrays(dtype or "float64")
