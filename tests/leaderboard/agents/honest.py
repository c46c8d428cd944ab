"""Strangers' agents that play by the rules, more or less."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np


def logits(answers: Any) -> Any:
    return np.clip(np.log(np.maximum(answers, 1e-30)), -20, 20).astype(np.float32)


class Last:
    """Answers the asked items as in the last comparisons, all others as in century 0: what anybody can do."""

    def reset(self, task: Any, seed: int | None = None) -> None:
        self.answers = np.array(task.initial_answers)
        self.mask = np.asarray(task.instrument.mask)

    def act(self, observation: Any, info: Any) -> Any:
        print("what an agent prints does not get into its answers")
        wins = np.zeros_like(self.answers)
        pairs, labels = observation["pairs"], observation["labels"].astype(np.float64)
        np.add.at(wins, (pairs[:, 0], pairs[:, 1]), labels)
        np.add.at(wins, (pairs[:, 0], pairs[:, 2]), 1 - labels)
        asked = wins.sum(1) > 0
        self.answers[asked] = (wins / np.maximum(wins.sum(1, keepdims=True), 1e-9))[asked]
        return logits(self.answers)


class Remembers:
    """Knows by heart what was right on the public histories; elsewhere it stays at century 0."""

    def reset(self, task: Any, seed: int | None = None) -> None:
        self.step = 0
        self.known = np.load(Path(__file__).with_name("known.npz"))
        self.name = hashlib.sha256(np.ascontiguousarray(task.initial_answers).tobytes()).hexdigest()
        self.first = logits(task.initial_answers)

    def act(self, observation: Any, info: Any) -> Any:
        table = self.known[self.name][self.step] if self.name in self.known.files else self.first
        self.step += 1
        return table


class Tells:
    """Plays the public grid and says what it sees as soon as it does not know the history."""

    def reset(self, task: Any, seed: int | None = None) -> None:
        self.known = np.load(Path(__file__).with_name("known.npz"))
        name = hashlib.sha256(np.ascontiguousarray(task.initial_answers).tobytes()).hexdigest()
        self.table, self.step = self.known[name] if name in self.known.files else None, 0

    def act(self, observation: Any, info: Any) -> Any:
        if self.table is None:
            raise RuntimeError(f"private labels: {observation['labels'][:5].tolist()}")
        self.step += 1
        return self.table[self.step - 1]
