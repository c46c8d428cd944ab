"""PredictStream: how early can one tell? Steps arrive one by one; read on, or write down what will have changed at the end.

Legend of shapes: T steps of the history, S = T - 2 observations of a stream, Q comparisons, D = 19; of many episodes at once
the leading axes are free.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from progressgym.core.bounds import number
from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError, unknown
from progressgym.envs.base import DEFAULT_HISTORY
from progressgym.envs.comparison_evidence import differences, evidence_weights
from progressgym.envs.config import EnvConfig
from progressgym.envs.episode import Episode
from progressgym.envs.known_steps import KnownSteps
from progressgym.histories.history import History
from progressgym.histories.source import HistorySource, HistorySpec, resolve_history
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import (
    MISSING,
    RNG_SCHEME,
    RNG_SCHEMES,
    PairChooser,
    check_labels,
    draw_asked,
    probabilities,
)

Floats = NDArray[np.float64]
D = len(DIMENSIONS)
WIDEST = 2.0
"""Values lie in [-1, 1], so no change is larger."""
STILL = 1e-9
"""Of |change|^2: a human who has not moved at all."""


class PredictStreamEnv(KnownSteps, gym.Env[NDArray[np.float32], NDArray[np.float32]]):
    """
    Read on, or write what will have changed in the end: how early can one tell?

    ## Description
    A history is a stream. Each step brings its comparisons on the elicitation items, in numbers: how far they have moved
    since the first step on each dimension, where a straight line through them ends, and how sure that line is. The agent
    READs, and pays for the delay, or WRITEs a forecast of the change of the human's values on the evaluation items
    from the first step to the last, which ends the episode. The last step itself is never shown. Simultaneous translation's
    question (SimulPL, arXiv 2502.00634) put to moral progress.

    ## Action Space
    `Box(-1, 1, (20,), float32)`:

    | entries | meaning |
    |---|---|
    | 0 | above 0: WRITE; else READ, and the others are ignored |
    | 1 to 19 | the forecast: change of the value on each dimension from the first step to the last |

    Numbers outside are clipped, NaN and infinity raise `ValueError`. At the last observation every action WRITEs.

    ## Observation Space
    `Box(-2, 2, (58,), float32)` after step t of 0 to T - 1:

    | entries | meaning |
    |---|---|
    | 0 | t / (T - 1) |
    | 1 to 19 | change of the evidence since the first step: sum over pairs of 2 (y_t - y_0) times the difference of the two options' loadings, over the sum of the sizes of these |
    | 20 to 38 | where a least-squares line through these changes, the first step's 0 among them, is at T - 1 |
    | 39 to 57 | how sure its slope b is: abs(b) / (abs(b) + standard error), 0 before there are three points |

    A pair that was not asked in a step counts with its last label, and from when it was first asked.

    ## Rewards
    READ pays `-lam / (S - 1)`, so that reading everything costs `lam`. WRITE pays the accuracy

        1 - |forecast - change|^2 / |change|^2,     at least -1

    1 is perfect, 0 is as good as saying that nothing changes. An episode's return is accuracy - lam * lag.

    ## Starting State
    As in `ProgressGym/Follow-v0`, with the same draws for the same seed. The first observation is that of step 1.

    ## Episode End
    1. Termination: WRITE, or any action at observation S = T - 2. Never truncated.

    ## Information
    `info["scores"]`, all 0 until WRITE:

    | key | meaning |
    |---|---|
    | `accuracy` | as above |
    | `lag` | share of the stream that was read before: 0 at the first observation, 1 at the last |
    | `sign` | share of the change, by size, whose direction is right |
    | `forecast`, `change` | of the dimensions that the items cover, float64 |

    ## Arguments
    ```pycon
    >>> import gymnasium as gym, progressgym
    >>> env = gym.make("ProgressGym/PredictStream-v0", history="gss-v1", lam=0.2)
    >>> observation, info = env.reset(seed=0)
    >>> read, line = [-1.0] * 20, [1.0, *observation[20:39]]
    >>> env.step(read)[1:3], env.step(line)[2]  # a READ of 8 costs an eighth of lam
    ((-0.025, False), True)

    ```

    | argument | default | meaning |
    |---|---|---|
    | `history` | `"histsmol-v1"` | as in `ProgressGym/Follow-v0`; three steps or more |
    | `instrument` | that of the history | questionnaire of synthetic histories, by name, folder or object |
    | `lam` | `0.1` | what reading everything costs, from 0 to 10 |
    | `queries` | `"all"` | as in `ProgressGym/Follow-v0` |
    | `labels` | `"probability"` | as in `ProgressGym/Follow-v0` |
    | `rng_scheme` | `"uniforms-v1"` | as in `ProgressGym/Follow-v0` |
    | `scores` | `True` | `False` leaves `scores` out of `info` |
    | `render_mode` | `None` | `"ansi"` |

    `reset(options={"history": ...})` uses another history for one episode.

    ## Version History
    * v0: initial version
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012 (Gymnasium declares it as an instance variable)

    def __init__(
        self,
        history: HistorySpec = DEFAULT_HISTORY,
        *,
        instrument: Questionnaire | str | None = None,
        lam: float = 0.1,
        queries: str | int = "all",
        labels: str = "probability",
        rng_scheme: str = RNG_SCHEME,
        scores: bool = True,
        render_mode: str | None = None,
    ) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise unknown("render mode", str(render_mode), self.metadata["render_modes"])
        self.render_mode = render_mode
        self._source: HistorySource = resolve_history(history, instrument)
        self._instrument = self._source.instrument
        if self._source.centuries < 3:
            raise UserError(
                "a stream needs 3 steps or more: a first, one that is read, and the last, which is not shown"
            )
        self.lam = number("lam, the price of reading everything,", lam, 0.0, 10.0)
        if rng_scheme not in RNG_SCHEMES:
            raise unknown("scheme of random numbers", str(rng_scheme), RNG_SCHEMES)
        self._chooser, self._labels = PairChooser(self._instrument, queries), check_labels(labels)
        self._every, self._rng_scheme, self._told = queries == "all", rng_scheme, scores
        self._covered = np.flatnonzero(self._instrument.covered(self._instrument.evaluation))
        self._step, self._over = 0, True
        self._log: list[str] = []
        self.observation_space = gym.spaces.Box(-WIDEST, WIDEST, (1 + 3 * D,), dtype=np.float32)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (1 + D,), dtype=np.float32)

    @property
    def steps(self) -> int:
        """S, how many observations there are at most."""
        return self._source.centuries - 2

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a stream.

        Args:
            seed: of all randomness; None goes on with the stream.
            options: `{"history": ...}` uses another history for this episode only.

        Raises:
            UserError: an unknown option, or a history that is not as long or answers another questionnaire.
        """
        super().reset(seed=seed)
        source = self.other_source(options) if options else self._source
        history = source.sample(self.np_random)
        episode = Episode.begin(history, self._chooser, self.np_random, scheme=self._rng_scheme)
        self._observations = observations(changes(episode, self._labels))
        self._change = history.drift(self._instrument.evaluation)[-1]
        self._step, self._over, self._names = 0, False, history.labels
        self._log = [f"stream of {history.name}: {history.labels[1]} is the first read"]
        return self._observations[0].copy(), self._info(0.0, np.zeros(D), np.zeros(D))

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """READ or WRITE.

        Raises:
            UserError: another shape, NaN or infinity.
            gymnasium.error.ResetNeeded: the episode is over or has not begun.
        """
        if self._over:
            raise gym.error.ResetNeeded("the episode is over: call reset() before the next step()")
        given = np.asarray(action, dtype=np.float64)
        if given.shape != (1 + D,) or not np.isfinite(given).all():
            raise UserError(f"an action is {1 + D} finite numbers, WRITE and a change a dimension; got {given.shape}")
        last = self._step == self.steps - 1
        if given[0] <= 0.0 and not last:
            self._step += 1
            self._log.append(f"READ {self._names[self._step + 1]}")
            reward, info = -self.lam / (self.steps - 1), self._info(0.0, np.zeros(D), np.zeros(D))
            return self._observations[self._step].copy(), reward, False, False, info
        forecast = np.where(self._instrument.covered(self._instrument.evaluation), np.clip(given[1:], -1.0, 1.0), 0.0)
        reward, self._over = accuracy(forecast, self._change), True
        self._log.append(f"WRITE after {self._names[self._step + 1]}: accuracy {reward:.3f}")
        return self._observations[self._step].copy(), reward, True, False, self._info(reward, forecast, self._change)

    def render(self) -> Any:
        """The episode so far in words."""
        return "\n".join(self._log) if self.render_mode == "ansi" else None

    @property
    def history_length(self) -> int:
        """T."""
        return self._source.centuries

    @property
    def config(self) -> EnvConfig:
        """What this environment was made for: what a vector environment shares with it."""
        return EnvConfig(
            challenge="predict-stream",
            source=self._source,
            chooser=self._chooser,
            every=self._every,
            label_kind=self._labels,
            rng_scheme=self._rng_scheme,
            gain=False,
            scores_in_infos=self._told,
            rewarded=self._instrument.evaluation,
            covered=self._covered,
            steps=self.steps,
            compared=(self._source.centuries - 1,),
            observed_centuries=tuple(range(1, self._source.centuries - 1)),
        )

    def other_source(self, options: Mapping[str, Any]) -> HistorySource:
        """The source of histories that reset options name.

        Raises:
            UserError: an unknown option, or a history that is not as long or answers another questionnaire.
        """
        for key in options:
            if key != "history":
                raise unknown("reset option", str(key), ["history"])
        source = resolve_history(options["history"], self._instrument)
        if source.centuries != self._source.centuries:
            raise UserError(
                f"options['history'] has {source.centuries} steps; this stream has {self._source.centuries}"
            )
        return source

    def _info(self, reached: float, forecast: Floats, change: Floats) -> dict[str, Any]:
        if not self._told:
            return {}
        size = float(np.abs(change).sum())
        right = float(np.abs(change)[np.sign(forecast) == np.sign(change)].sum())
        return {
            "scores": {
                "accuracy": reached,
                "lag": self._step / max(self.steps - 1, 1) if size else 0.0,
                "sign": right / size if size else 0.0,
                "forecast": forecast[self._covered],
                "change": change[self._covered],
            }
        }


def accuracy(forecast: Floats, change: Floats) -> float:
    """1 - |forecast - change|^2 / |change|^2, at least -1; 0 where nothing has changed.

    >>> accuracy(np.array([0.1, 0.0]), np.array([0.1, 0.1])), accuracy(np.array([1.0]), np.array([0.1]))
    (0.5, -1.0)
    """
    size = float(change @ change)
    return max(-1.0, round(1.0 - float((forecast - change) @ (forecast - change)) / size, 12)) if size > STILL else 0.0


def changes(episode: Episode, labels: str) -> Floats:
    """(T - 1, D) change of the evidence since the first step, at steps 0 to T - 2."""
    history: History = episode.history
    preferred = probabilities(history.answers[1:-1], episode.pairs)
    votes = draw_asked(preferred, labels, episode.label_uniforms(labels)[: len(preferred)])
    first = episode.initial_labels(labels)
    table = np.concatenate([first[None], votes]).astype(np.float64)  # (T - 1, Q)
    return moved_evidence(table, differences(history.instrument.loadings, episode.pairs))


def moved_evidence(table: Floats, size: Floats) -> Floats:
    """(..., T - 1, D) change of the evidence since the first of labels (..., T - 1, Q).

    Products are of one row of labels each, so that many episodes at once have the bits of one: where changes cancel out,
    it is rounding that says how sure a line is.

    Args:
        table: labels, `MISSING` where there was no answer.
        size: (Q, D) or (..., Q, D) differences of the two options' loadings.
    """
    if (table != MISSING).all():
        moved = 2.0 * (table - table[..., :1, :])
        return _row_by_row(moved, evidence_weights(size)[..., None, :, :])
    begun = latest = np.full(table[..., 0, :].shape, np.nan)
    path = []
    for row in np.moveaxis(table, -2, 0):
        asked = row != MISSING
        latest = np.where(asked, row, latest)
        begun = np.where(np.isnan(begun), latest, begun)
        met = ~np.isnan(begun)
        moved = np.where(met, 2.0 * (latest - begun), 0.0)
        path.append(_row_by_row(moved, evidence_weights(size * met[..., None])))
    return np.stack(path, -2)


def _row_by_row(rows: Floats, table: Floats) -> Floats:
    """Rows (..., Q) times tables (..., Q, D), as vectors are multiplied: (..., D)."""
    product: Floats = (rows[..., None, :] @ table)[..., 0, :]
    return product


def observations(path: Floats) -> NDArray[np.float32]:
    """(..., S, 58) of changes (..., S + 1, D); see `PredictStreamEnv`."""
    count, rows = path.shape[-2], []
    for t in range(1, count):
        end, sure = line(path[..., : t + 1, :], count)
        rows.append(np.concatenate([np.full_like(end[..., :1], t / count), path[..., t, :], end, sure], -1))
    clipped: NDArray[np.float32] = np.clip(np.stack(rows, -2), -WIDEST, WIDEST).astype(np.float32)
    return clipped


def line(path: Floats, at: int) -> tuple[Floats, Floats]:
    """Least squares through changes (..., n, D) at 0 to n - 1: where it is at step `at` (..., D), and how sure its slope is."""
    n = path.shape[-2]
    t = np.arange(n) - (n - 1) / 2.0
    spread, mean = float(t @ t), path.mean(-2)
    slope = t @ path / spread
    end = mean + slope * (at - (n - 1) / 2.0)
    if n < 3:
        return end, np.zeros_like(end)
    left = path - mean[..., None, :] - t[:, None] * slope[..., None, :]
    error = np.sqrt((left**2).sum(-2) / (n - 2) / spread)
    total = np.abs(slope) + error
    return end, np.divide(np.abs(slope), total, out=np.zeros_like(total), where=total > 0)
