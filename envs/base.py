"""What all environments share: arguments, histories, comparisons, the answers flavour, scores, rendering.

A challenge subclasses `ProgressEnv` and says what happens between two comparisons (`_begin`, `_advance`, `_labels`).
A flavour says what observations and actions look like (`_spaces`, `_observe`, `_values`, `_full_answers`); the one
here speaks in comparisons and answers, the numeric one is in `stance_flavour.py`.

Legend of shapes: T centuries, Q asked comparisons, N items, K options of the widest item, D = 19.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError, unknown
from progressgym.core.ids import Scalar
from progressgym.envs.actions import LIMIT, to_action, to_answers
from progressgym.envs.config import EnvConfig
from progressgym.envs.episode import Episode
from progressgym.envs.known_steps import KnownSteps
from progressgym.envs.rendering import Scene, Window, draw_array, draw_text
from progressgym.envs.step_scores import opening
from progressgym.envs.task import FirstModel, Task
from progressgym.histories.history import History
from progressgym.histories.source import HistorySource, HistorySpec, resolve_history
from progressgym.instruments.questionnaire import Questionnaire
from progressgym.preferences.comparisons import MISSING, RNG_SCHEME, RNG_SCHEMES, Comparisons, PairChooser, check_labels
from progressgym.preferences.export import preference_rows

Floats = NDArray[np.float64]
REWARDS = ("utility", "gain")
REWARD_ITEMS = ("evaluation", "elicitation")
"""Whose values rewards and scores are about: the items that agents are judged on, or those that are asked about."""
DEFAULT_HISTORY = "histsmol-v1"


OVERFITS = (
    'reward="gain" on one fixed history pays for its evaluation items, which a policy learns by heart in a few thousand '
    'episodes; train with reward_items="elicitation" or on a distribution of histories, and report on evaluation items '
    "(docs/environments/training.md)"
)


class EvaluationRewardWarning(UserWarning):
    """A training would be rewarded for what it is to be judged on."""


class ProgressEnv(KnownSteps, gym.Env[Any, Any]):
    """Common part of the environments; not an environment itself."""

    metadata: dict[str, Any] = {"render_modes": ["human", "rgb_array", "ansi"], "render_fps": 4}  # noqa: RUF012 (Gymnasium declares it as an instance variable)
    challenge: ClassVar[str]
    """Name of the challenge in tasks, tables and paths."""
    gain_is_asked_for: ClassVar[bool] = True
    """False where the reward is the gain unless another one is asked for: then it is no sign of a training."""
    needs_every_answer: ClassVar[bool] = False
    """True where a history must ask every item in every step."""

    def __init__(
        self,
        history: HistorySpec = DEFAULT_HISTORY,
        *,
        instrument: Questionnaire | str | None = None,
        queries: str | int = "all",
        labels: str = "probability",
        reward: str = "utility",
        reward_items: str = "evaluation",
        rng_scheme: str = RNG_SCHEME,
        text: bool = False,
        scores: bool = True,
        render_mode: str | None = None,
    ) -> None:
        if reward not in REWARDS:
            raise unknown("reward", str(reward), REWARDS)
        if reward_items not in REWARD_ITEMS:
            raise unknown("kind of reward items", str(reward_items), REWARD_ITEMS)
        if rng_scheme not in RNG_SCHEMES:
            raise unknown("scheme of random numbers", str(rng_scheme), RNG_SCHEMES)
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise unknown("render mode", str(render_mode), self.metadata["render_modes"])
        self.render_mode = render_mode
        self._source: HistorySource = resolve_history(history, instrument)
        self._instrument = self._source.instrument
        self._refuse_missing(self._source)
        if self.steps < 1:
            most = self._source.centuries - 2
            raise UserError(
                f"horizon {self.horizon} leaves no step in {self._source.centuries} centuries; use 0 to {most}"
            )
        self._chooser = PairChooser(self._instrument, queries)
        self._label_kind = check_labels(labels)
        self._queries = queries
        self._gain = reward == "gain"
        self._reward_items = reward_items
        self._rng_scheme = rng_scheme
        if self._gain and self.gain_is_asked_for and reward_items == "evaluation" and self._source.fixed is not None:
            warnings.warn(OVERFITS, EvaluationRewardWarning, stacklevel=2)
        self._text = text
        self._told = scores
        covered = self._instrument.covered(self.rewarded)
        self._covered = np.flatnonzero(covered)
        self._episode: Episode | None = None
        self._task: Task | None = None
        self._step = 0
        self._path: list[Floats] = []
        self._utilities: list[float] = []
        self._window = Window() if render_mode == "human" else None
        self.observation_space, self.action_space = self._spaces()

    @property
    def rewarded(self) -> NDArray[np.int64]:
        """Indices of the items that rewards and scores are about."""
        items: NDArray[np.int64] = getattr(self._instrument, self._reward_items)
        return items

    def _refuse_missing(self, source: HistorySource) -> None:
        """Refuse histories with items that were not asked in some step, where a challenge cannot do without."""
        if self.needs_every_answer and not source.complete:
            raise UserError(
                f"{self.challenge} moves a human toward the answers to every item in every step, and this history does "
                "not ask every item in every step; use follow or predict, or a history that does"
            )

    # What a challenge defines.

    @property
    def steps(self) -> int:
        """Steps of an episode."""
        return self._source.centuries - 1

    @property
    def horizon(self) -> int:
        """Centuries between the last comparisons and the scored answers."""
        return 0

    @property
    def compared(self) -> NDArray[np.int64]:
        """(S,) centuries that the steps' values are compared with."""
        return np.arange(self.steps, dtype=np.int64) + 1 + self.horizon

    def _learn(self, episode: Episode) -> None:
        """Prepare the tables that follow from a history alone: only when it is another than in the last episode."""
        raise NotImplementedError

    def _begin(self, episode: Episode) -> None:
        """Prepare an episode's own tables."""
        raise NotImplementedError

    def _labels(self, index: int) -> NDArray[np.float32]:
        """Fresh (Q,) labels of observation `index`, from 0."""
        raise NotImplementedError

    def _initial_labels(self) -> NDArray[np.float32]:
        """Fresh (Q,) labels of century 0, known to the agent from the start."""
        return self.episode.initial_labels(self._label_kind)

    def _century(self, index: int) -> int:
        """Century of observation `index`."""
        raise NotImplementedError

    def _advance(self, action: Any) -> tuple[float, float, dict[str, Any]]:
        """Take an action: (utility, gain, scores)."""
        raise NotImplementedError

    def _opening(self) -> dict[str, Any]:
        """The scores before the first step: of century 0 alone, in the form of those of a step."""
        first = self.episode.initial_answers
        return opening(self._instrument.values(first, self.rewarded, check=False), self._covered)

    def _parameters(self) -> dict[str, Scalar]:
        """Parameters of the challenge for the task."""
        return {"queries": self._queries, "labels": self._label_kind}

    # What a flavour defines.

    def _spaces(self) -> tuple[gym.Space[Any], gym.Space[Any]]:
        """Observation and action space."""
        items, options = self._instrument.mask.shape
        top = np.array([items - 1, options - 1, options - 1], dtype=np.int64)
        pairs = np.tile(top, (self._chooser.queries, 1))
        observation = gym.spaces.Dict(
            {
                "century": gym.spaces.Discrete(self._source.centuries),
                "pairs": gym.spaces.Box(np.zeros_like(pairs), pairs, dtype=np.int64),
                "labels": gym.spaces.Box(
                    0.0 if self._source.complete else MISSING, 1.0, (self._chooser.queries,), dtype=np.float32
                ),
            }
        )
        return observation, gym.spaces.Box(-LIMIT, LIMIT, (int(items), int(options)), dtype=np.float32)

    def _observe(self, index: int) -> Any:
        """A fresh observation."""
        return {
            "century": np.int64(self._century(index)),
            "pairs": self.episode.pairs.copy(),
            "labels": self._labels(index),
        }

    def _values(self, action: Any) -> Floats:
        """Values (D,) of the answers that an action stands for, on the scored items."""
        answers = to_answers(action, self._instrument.mask)
        return self._instrument.values(answers, self.rewarded, check=False)

    def _static_action(self, episode: Episode) -> Any:
        """The action of an agent that answers as in century 0."""
        return to_action(episode.initial_answers)

    def _full_answers(self, action: Any) -> Floats:
        """The answers (N, K) that an action stands for."""
        return to_answers(action, self._instrument.mask)

    # Gymnasium's interface.

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: of all randomness; None goes on with the stream.
            options: `{"history": ...}` uses another history for this episode only.

        Raises:
            UserError: an unknown option, or a history that does not fit the spaces.
        """
        super().reset(seed=seed)
        source = self._source if not options else self.other_source(options)
        history, last = source.sample(self.np_random), self._episode
        self._episode = Episode.begin(history, self._chooser, self.np_random, self._reward_items, self._rng_scheme)
        self._task = None
        self._step = 0
        self._path, self._utilities = [], []
        if last is None or last.history is not history:
            self._learn(self._episode)
        self._begin(self._episode)
        info = self._text_info(0)
        if self._told:
            info["scores"] = self._opening()
        if self._window is not None:
            self.render()
        return self._observe(0), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Answer, be scored, and see the next comparisons.

        Raises:
            UserError: NaN in the action.
            gymnasium.error.ResetNeeded: the episode is over or has not begun.
        """
        if self._episode is None or self._step >= self.steps:
            raise gym.error.ResetNeeded("the episode is over: call reset() before the next step()")
        utility, improvement, scores = self._advance(action)
        self._step += 1
        done = self._step >= self.steps
        seen = self._step - 1 if done else self._step
        info = self._text_info(seen)
        if self._told:
            info["scores"] = scores
        self._utilities.append(utility)
        if self._window is not None:
            self.render()
        return self._observe(seen), improvement if self._gain else utility, done, False, info

    def render(self) -> Any:
        """Draw the episode so far: text for `ansi`, an RGB array for `rgb_array`, a window for `human`."""
        if self.render_mode is None:
            gym.logger.warn(
                "render() does nothing without a render mode: "
                f'gym.make("{self.spec.id if self.spec else "..."}", render_mode="rgb_array")'
            )
            return None
        if self._episode is None:
            raise gym.error.ResetNeeded("call reset() before render()")
        scene = self._scene()
        if self._window is not None:
            self._window.show(scene)
            return None
        return draw_text(scene) if self.render_mode == "ansi" else draw_array(scene)

    def close(self) -> None:
        """Close the window, when there is one. May be called twice."""
        if self._window is not None:
            self._window.close()

    # For agents and for those who judge them.

    @property
    def task(self) -> Task:
        """What an agent may know about the current episode."""
        if self._task is None:
            self._task = self._make_task()
        return self._task

    @property
    def episode(self) -> Episode:
        """The current episode, truth included: for references and judges, never for an agent that is ranked."""
        if self._episode is None:
            raise gym.error.ResetNeeded("call reset() first")
        return self._episode

    @property
    def config(self) -> EnvConfig:
        """What this environment was made for: what a vector environment shares with it."""
        return EnvConfig(
            challenge=self.challenge,
            source=self._source,
            chooser=self._chooser,
            every=self._queries == "all",
            label_kind=self._label_kind,
            rng_scheme=self._rng_scheme,
            gain=self._gain,
            scores_in_infos=self._told,
            rewarded=self.rewarded,
            covered=self._covered,
            steps=self.steps,
            compared=tuple(self.compared.tolist()),
            observed_centuries=tuple(self._century(index) for index in range(self.steps)),
        )

    def other_source(self, options: Mapping[str, Any]) -> HistorySource:
        """The source of histories that reset options name.

        Raises:
            UserError: an unknown option, or a history that does not fit the spaces.
        """
        for key in options:
            if key != "history":
                raise unknown("reset option", str(key), ["history"])
        source = resolve_history(options["history"], self._instrument)
        if source.instrument != self._instrument or source.centuries != self._source.centuries:
            raise UserError(
                f"options['history'] has {source.centuries} centuries of {source.instrument.name!r}, but this "
                f"environment was made for {self._source.centuries} of {self._instrument.name!r}"
            )
        if self._source.complete and not source.complete:
            raise UserError(
                "options['history'] leaves items out in some steps; make the environment with such a history"
            )
        return source

    @property
    def history(self) -> History:
        """The history of the current episode: the truth."""
        return self.episode.history

    def _make_task(self) -> Task:
        episode = self.episode
        answers, pairs = episode.initial_answers.copy(), episode.pairs.copy()
        labels = self._initial_labels()
        for array in (answers, pairs, labels):
            array.setflags(write=False)
        return Task(
            challenge=self.challenge,
            instrument=self._instrument,
            century_labels=episode.history.labels,
            steps=self.steps,
            horizon=self.horizon,
            initial_answers=answers,
            initial_preferences=Comparisons(pairs=pairs, labels=labels),
            parameters=self._parameters(),
            rng_scheme=self._rng_scheme,
            reading=episode.history.reading,
            first_model=_first_model(episode.history),
            first_steps=None if episode.history.complete else episode.history.first_steps,
        )

    def _text_info(self, index: int) -> dict[str, Any]:
        if not self._text:
            return {}
        century = self.episode.history.labels[self._century(index)]
        comparisons = Comparisons(pairs=self.episode.pairs, labels=self._labels(index))
        return {"preferences": preference_rows(self._instrument, comparisons, century)}

    def _scene(self) -> Scene:
        timeline = self.episode.timeline
        return Scene(
            title=f"{self.challenge} on {self.episode.history.name}",
            labels=timeline.labels,
            human=timeline.values[:, self._covered],
            agent=np.array(self._path).reshape(-1, len(DIMENSIONS))[:, self._covered],
            first=1 + self.horizon,
            utilities=tuple(self._utilities),
            dimensions=tuple(DIMENSIONS[d] for d in self._covered),
        )


def _first_model(history: History) -> FirstModel | None:
    adapter = history.adapter(0)
    return None if adapter is None else FirstModel(base=str(history.card.get("base_model", "")), adapter=str(adapter))
