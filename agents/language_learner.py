"""The learning agents with a language model as policy: the same rules as `learner`, another thing to adjust.

Legend of shapes: B episodes, Q comparisons, N items, K options.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from progressgym.agents.agent import Agent, Episodes
from progressgym.agents.config import LanguageModelConfig
from progressgym.agents.methods.stage import Method, ModelMethod, ModelStage, adjusts_models
from progressgym.agents.policies.language_model import LanguageModelPolicy, draw_comparisons
from progressgym.agents.series import LabelSeries
from progressgym.core.answers import centred_log
from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, sha256_bytes
from progressgym.core.protocols import Observation
from progressgym.core.seeding import child_seed
from progressgym.envs.challenge import challenge_of
from progressgym.envs.task import Task
from progressgym.preferences.pairs import Pairs
from progressgym.tuning.centuries import Century, CenturyStore, plain
from progressgym.tuning.processes import count
from progressgym.tuning.tunable import Weights

Step = Callable[[int, Mapping[str, float]], None]
"""Called as (century from 1, what a training step logged)."""


class LanguageModelLearner(Agent):
    """Aligns a language model with each century's comparisons.

    The rows of a batch share one model in memory and have weights of their own; they are trained one after the other.
    """

    def __init__(self, name: str, method: Method, model: LanguageModelConfig) -> None:
        """Name the agent, and say how it learns and what.

        Raises:
            UserError: a method that cannot adjust a language model.
        """
        super().__init__(name)
        if not adjusts_models(type(method)):
            raise UserError(f"{name}: {type(method).__name__} adjusts a stance only")
        self.method, self.model_config = method, model
        self.on_step: Step | None = None
        """Told of every training step, of finished centuries that were found in a store too."""
        self._store: CenturyStore | None = None
        self._policy: LanguageModelPolicy | None = None
        self._opened: tuple[str | None, str | None] = (None, None)

    def keep(self, folder: Path, *, writes: bool = True) -> None:
        """Write every century of the next episode to a folder, and take up what it holds. For a single episode.

        Args:
            folder: of the centuries.
            writes: False takes up what is there and writes nothing.
        """
        self._store = CenturyStore(folder, writes=writes)

    @property
    def policy(self) -> LanguageModelPolicy:
        """The model, with the weights of the last row of the batch."""
        if self._policy is None:
            raise UserError(f"{self.name}: call reset(task) first")
        return self._policy

    def rehearse(self, task: Task) -> None:
        """Do once, and throw away, what a century does: answer the longest item, and train on one comparison of it.

        Raises:
            UserError: the model cannot be read or trained.
        """
        try:
            policy = LanguageModelPolicy.open(self.model_config, task, self.method.device)
            lengths = [len(item.text) + max(map(len, item.options)) for item in task.instrument.items]
            longest = int(np.argmax(lengths))
            policy.logits(np.array([longest]))
            if count() > 1:  # a step of training waits for the other processes
                return
            method = cast(ModelMethod, self.method)
            pairs = Pairs.of_options(task.instrument, np.array([[longest, 0, 1]]), [0.6])
            stage = ModelStage(policy=policy, pairs=pairs, seed=0)
            policy.align(method, method.rows(stage), self.model_config, seed=0)
        except UserError as error:
            raise UserError(f"{self.name}: {error}") from None
        except Exception as error:  # noqa: BLE001  an unsuitable model may fail anywhere in transformers, peft and trl
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{self.name} cannot be trained: {type(error).__name__}: {reason}") from None

    def begin(self, episodes: Episodes, seeds: list[int | None]) -> None:
        """Load the model, or take up the one that is loaded; begin every series with century 0's labels."""
        if self._store is not None and len(episodes) > 1:
            raise UserError(f"{self.name}: checkpoints are kept for one episode at a time, not for {len(episodes)}")
        if self._policy is None or self._policy.instrument != episodes.instrument or self._opened != _origin(episodes):
            self._policy = LanguageModelPolicy.open(self.model_config, episodes.first, self.method.device)
            self._opened = _origin(episodes)
        self._seeds = [0 if seed is None else seed for seed in seeds]
        self._weights: list[Weights | None] = [None] * len(episodes)
        self._century = 0
        self._read = self._scored_items(episodes)
        self._base = [centred_log(answers, episodes.instrument.mask) for answers in episodes.initial_answers]
        self._series = LabelSeries(episodes, self.method)
        self._seen = sha256_bytes(
            canonical_json(
                {
                    "method": type(self.method).__name__,
                    "config": asdict(self.method) | {"device": ""},
                    "model": asdict(self.model_config),
                    "seeds": self._seeds,
                    "weights": self._policy.tunable.loaded.fingerprint,
                    "mode": self._policy.mode,
                    "challenge": episodes.first.challenge,
                    "threads": torch.get_num_threads(),
                }
            ).encode()
            + episodes.initial_answers.tobytes()
            + episodes.initial_labels.tobytes()
        )

    def answer(self, observation: Observation) -> NDArray[np.floating]:
        """Train on a century, then answer (B, N, K)."""
        if not np.array_equal(observation["pairs"], self.episodes.pairs):
            raise UserError(f"{self.name} needs the same comparisons every century; these pairs are not the task's")
        labels = np.asarray(observation["labels"])
        self._century += 1
        self._seen = sha256_bytes(self._seen.encode() + np.ascontiguousarray(labels).tobytes())
        self._series.append(labels)
        targets, weights = self._series.terms()
        rows = zip(targets.numpy(), weights.numpy(), strict=True)
        return np.stack([self._one(row, y, u) for row, (y, u) in enumerate(rows)])

    def _one(self, row: int, targets: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Train and ask one row of the batch: (N, K)."""
        stored = self._store.get(self._century, self._seen) if self._store is not None else None
        if stored is not None:
            self._weights[row] = None  # the store has them, should the next century not be there
            self._tell(stored.logs)
            return stored.logits
        policy, logs = self.policy, []

        def note(entry: dict[str, float]) -> None:
            logs.append(entry)
            self._tell([entry])

        policy.weights = None if self.method.independent else self._start(row)
        self._align(row, targets, weights, note)
        logits = self._base[row].copy()
        logits[self._read] = policy.logits(self._read)[self._read]
        self._weights[row] = policy.weights
        if self._store is not None:
            century = Century(logits=logits, logs=plain(logs))
            self._store.put(self._century, self._seen, century, policy.weights or {})
        return logits

    def _start(self, row: int) -> Weights | None:
        """The weights that the century begins with; those of a century from the store are loaded when first needed."""
        if self._weights[row] is None and self._store is not None and self._century > 1:
            stored = self._store.weights(self._century - 1)
            if stored is None:
                raise UserError(
                    f"the weights of century {self._century - 1} are gone from {self._store.folder}; "
                    "remove that folder to begin the run anew"
                )
            self._weights[row] = stored or None
        return self._weights[row]

    def _align(
        self,
        row: int,
        targets: NDArray[np.float64],
        weights: NDArray[np.float64],
        note: Callable[[dict[str, float]], None],
    ) -> None:
        policy, pairs = self.policy, self.episodes.pairs[row]
        method = cast(ModelMethod, self.method)
        seed = child_seed(self._seeds[row], "stage", str(self._century))
        chosen = draw_comparisons(weights, self.model_config.comparisons, self._seeds[row], self._century)
        if not len(chosen):
            return
        asked = Pairs.of_options(policy.instrument, pairs[chosen], targets[chosen], weights[chosen])
        stage = ModelStage(policy=policy, pairs=asked, seed=seed, past=self._series.said(row)[chosen])
        policy.align(method, method.rows(stage), self.model_config, seed=seed, report=note)

    def _tell(self, logs: Any) -> None:
        if self.on_step is not None:
            for entry in logs:
                self.on_step(self._century, entry)

    @staticmethod
    def _scored_items(episodes: Episodes) -> NDArray[np.int64]:
        """Items whose answers count."""
        return challenge_of(episodes.first).counted(episodes.instrument)


def _origin(episodes: Episodes) -> tuple[str | None, str | None]:
    first = episodes.first.first_model
    return (None, None) if first is None else (first.base, first.adapter)
