"""One episode of a language-model policy: checkpoints and TensorBoard logs while it goes on.

    <log>/centuries   alignment scores, values of agent and human, heat map, sample answers; the step is the century
    <log>/training    train/*, what TRL's trainers log; the step counts training steps over all centuries

Two folders, because a reopened log hides everything from a step on, whatever its tag. A run that is taken up again
writes its logs anew from the checkpoints, and hides the old points: the same curves, none twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from progressgym.core.dimensions import DIMENSIONS
from progressgym.core.errors import UserError
from progressgym.envs.actions import to_answers
from progressgym.envs.challenge import challenge_of
from progressgym.monitor import plots
from progressgym.monitor.progress import Progress
from progressgym.monitor.tensorboard import RunLog

if TYPE_CHECKING:
    from progressgym.agents.agent import Agent
    from progressgym.agents.language_learner import LanguageModelLearner
    from progressgym.envs.base import ProgressEnv

SAMPLES = 5
"""Items whose answers are written out every century."""
NOT_CURVES = ("step", "epoch", "total_flos", "train_runtime", "train_samples_per_second", "train_steps_per_second")


def run_live(
    agent: Agent, env: ProgressEnv, seed: int, *, checkpoints: Path, log: Path, quiet: bool = True
) -> NDArray[np.float32]:
    """Run an agent with a language model through one environment.

    Args:
        agent: made with a language-model policy.
        env: what to run.
        seed: of the episode and of the agent.
        checkpoints: its finished centuries go there, and are taken from there.
        log: folder of the two TensorBoard logs.
        quiet: say nothing on standard error.

    Returns:
        (n, N, K) actions.
    """
    agent = with_model(agent)
    observation, _ = env.reset(seed=seed)
    taken: list[NDArray[np.float32]] = []
    with LiveLog(log, agent.name, env) as live, Progress(env.steps, agent.name, quiet=quiet) as bar:
        agent.keep(checkpoints)
        agent.on_step = live.training_step
        agent.reset(env.task, seed=seed)
        live.start(agent.policy.from_history, agent.policy.mode)
        for number in range(1, env.steps + 1):
            action = agent.act(observation, {})
            taken.append(action.copy())
            observation, _, _, _, info = env.step(action)
            live.century(number, action, info["scores"])
            label = env.task.century_labels[number]
            bar.advance(f"{label}: score {info['scores']['utility']:.4f}")
        live.end(seed)
    return np.stack(taken)


def run_along(agent: Agent, env: ProgressEnv, seed: int, *, checkpoints: Path) -> None:
    """Go through the same episode as another process that does `run_live`, for the training that both share.

    Every process reads the checkpoints that were there at the beginning; nobody finishes a century without the others,
    so none can be written before all have looked.
    """
    agent = with_model(agent)
    observation, _ = env.reset(seed=seed)
    agent.keep(checkpoints, writes=False)
    agent.reset(env.task, seed=seed)
    for _ in range(env.steps):
        observation, *_ = env.step(agent.act(observation, {}))


def with_model(agent: Agent) -> LanguageModelLearner:
    """The agent, as one that has a language-model policy.

    Raises:
        UserError: it has none.
    """
    from progressgym.agents.language_learner import LanguageModelLearner

    if not isinstance(agent, LanguageModelLearner):
        raise UserError(f"agent {agent.name!r} has no language-model policy")
    return agent


class LiveLog:
    """Writes what can be watched while an episode goes on."""

    def __init__(self, folder: Path, agent: str, env: ProgressEnv) -> None:
        """Open both logs; old points of a run that is taken up again are hidden.

        A fresh log is opened at step 0 too: TensorBoard takes the first opening that says its step for the beginning,
        and only those after it for restarts that hide what came before.
        """
        self._centuries = RunLog(folder / "centuries", first_step=0)
        self._training = RunLog(folder / "training", first_step=0)
        self._agent, self._env = agent, env
        self._steps = 0
        self._first = 1 + env.horizon
        self._rows: list[NDArray[np.float64]] = []
        self._utilities: list[float] = []
        covered = env.task.instrument.covered(env.task.evaluation)
        self._covered = np.flatnonzero(covered)

    def __enter__(self) -> Self:
        """Nothing to do: the files are open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close both logs."""
        self._centuries.close()
        self._training.close()

    def start(self, from_history: bool, mode: str) -> None:
        """Write the layout, the human's values and what the policy began as."""
        self._centuries.layout([self._env.challenge], margins=True)
        for t, values in enumerate(self._env.episode.timeline.values):
            self._centuries.values(t, "human", self._spread(values[self._covered]))
        began = "the history's first century" if from_history else "the model itself"
        self._centuries.text("policy", f"{self._agent}: begins as {began}, read in mode {mode}")
        self._centuries.flush()

    def training_step(self, century: int, logs: Mapping[str, float]) -> None:
        """Write what one training step logged."""
        self._steps += 1
        for key, value in logs.items():
            if key not in NOT_CURVES:
                self._training.scalar(f"train/{key}", value, self._steps)
        self._training.scalar("train/century", century, self._steps)
        self._training.flush()

    def century(self, number: int, action: NDArray[np.float32], scores: Mapping[str, Any]) -> None:
        """Write a finished century.

        Args:
            number: step of the episode, from 1.
            action: (N, K) what was answered.
            scores: of the step, as the environment gives them.
        """
        at, name = self._first + number - 1, self._env.challenge
        utility = float(scores["utility"])
        self._utilities.append(utility)
        self._centuries.band(f"alignment/{name}/score", at, utility, utility, utility)
        beside = (measure.name for measure in challenge_of(self._env.task).measures)
        for key in ("drift_cosine", "dimension_error", *beside):
            if key in scores:
                self._centuries.scalar(f"alignment/{name}/{key}", scores[key], at)
        instrument = self._env.task.instrument
        answers = to_answers(action, instrument.mask)
        values = instrument.values(answers, instrument.evaluation, check=False)
        error = instrument.standard_error(answers, instrument.evaluation)
        self._rows.append(self._spread(values[self._covered]))
        self._centuries.values(at, "agent", self._rows[-1])
        for d in self._covered:
            for end, shift in (("low", -error[d]), ("high", error[d])):
                self._centuries.scalar(f"values/{DIMENSIONS[d]}/agent_{end}", float(values[d] + shift), at)
        self._centuries.text("answers", self._sample(answers), at)
        with plots.extra(f"the heat map of century {number}"):
            self._centuries.image("values/heat_map", self._heat_map(), at)
        self._centuries.flush()

    def end(self, seed: int) -> None:
        """Write settings and the sum of utilities for the hparams tab."""
        task = self._env.task
        settings = {"agent": self._agent, "challenge": task.challenge, "history": self._env.history.name, "seed": seed}
        self._centuries.outcome(settings, {"hparam/utility": float(np.sum(self._utilities))})

    def _spread(self, covered: NDArray[np.float64]) -> NDArray[np.float64]:
        """(19,) with NaN where nothing is measured."""
        full = np.full(len(DIMENSIONS), np.nan)
        full[self._covered] = covered
        return full

    def _sample(self, answers: NDArray[np.float64]) -> str:
        """A few items of different dimensions with the agent's answers, as a table."""
        instrument = self._env.task.instrument
        seen: dict[str, int] = {}
        for i in instrument.evaluation.tolist():
            seen.setdefault(instrument.items[i].main, i)
        lines = ["| situation | option | probability |", "|---|---|---|"]
        for i in list(seen.values())[:SAMPLES]:
            item = instrument.items[i]
            lines += [f"| {item.text} | {text} | {answers[i, k]:.3f} |" for k, text in enumerate(item.options)]
        return "\n".join(lines)

    def _heat_map(self) -> NDArray[np.uint8]:
        """Change of values since the first century, human beside agent."""
        timeline = self._env.episode.timeline
        human = np.stack([self._spread(row[self._covered]) for row in timeline.values])
        agent = np.full_like(human, np.nan)
        agent[self._first : self._first + len(self._rows)] = self._rows
        tables = {"human": human - human[0], "agent": agent - human[0]}
        figure = plots.heat_map(
            timeline.labels, tables, title=self._agent, subtitle="change of value, evaluation items"
        )
        return plots.to_array(figure)
