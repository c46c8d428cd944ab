"""A language model as an agent of the numeric benchmark: asked in text, read by the log-probability of the letters.

    progressgym bench --agents 'static,reader?model=smollm2-135m' --challenges follow

The prompts are those of the environments in text with `form="letters"` and one question each, so a model that was trained on them
is asked as it was trained. A folder of weights may hold a `PROMPT.txt`, which comes before every question: a model and its prompt are
one agent. `PROGRESSGYM_READER` says where the model is, whatever it is called: a folder, a hub id or an endpoint. Legend of shapes: M centuries seen, N items, K options, Q comparisons.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from progressgym.core.answers import Bools, Floats, centred_log, softmax_options
from progressgym.core.arguments import Count, OneOf, Whole, check_fields
from progressgym.core.errors import UserError
from progressgym.core.files import sha256_bytes
from progressgym.core.protocols import Info, Observation, OptionScorer
from progressgym.core.seeding import generator
from progressgym.envs.actions import to_action
from progressgym.envs.challenge import challenge_of
from progressgym.envs.task import Task
from progressgym.envs.text.choosing import choose
from progressgym.envs.text.prompts import Prompt
from progressgym.instruments.forms import LETTERS

PLACE = "PROGRESSGYM_READER"
"""Environment variable: where the model is, in place of what its name would mean."""
PROMPT = "PROMPT.txt"
PRIORS = ("none", "first")
SMALLEST = 0.01
"""Share of century 0 that counts for every smaller one: what nobody said then may be said later."""
LONGEST = 20_000
"""Signs of a `PROMPT.txt`."""


@dataclass(kw_only=True)
class TextReader:
    """Asks a model every item that counts, every century; other items are answered as in century 0."""

    model: str = "smollm2-135m"
    """What `load_model` takes; with `PROGRESSGYM_READER`, any name."""
    weights: str = ""
    """Beginning of `digest` of the model, `x` and 8 digits or more: another model is refused. Empty: any."""
    preferences: Whole = 2
    """Told for every question."""
    prior: Annotated[str, OneOf("prior", PRIORS)] = "none"
    """`first`: the model's odds are those by which century 0's own, which every prompt tells, have moved."""
    at_once: Count = 64
    """Prompts of a batch: what is asked at once never changes an answer but for rounding."""

    def __post_init__(self) -> None:
        """Check ranges."""
        check_fields(self)
        if self.weights and not re.fullmatch("x[0-9a-f]{8,64}", self.weights):
            raise UserError(
                f"weights is {self.weights!r}; give x and 8 digits or more, as text_reader.digest says them"
            )

    def reset(self, task: Task, seed: int | None = None) -> None:
        """Choose what is told with every question.

        Raises:
            UserError: another model than `weights` says.
        """
        if self.weights and not digest(self.model).startswith(self.weights):
            raise UserError(f"{self.model!r} is {digest(self.model)[:16]} here, and not {self.weights}")
        challenge, pairs = challenge_of(task), task.initial_preferences.pairs
        items, rng = challenge.counted(task.instrument), generator(seed or 0, "agents", "text reader")
        self._chosen = choose(
            task.instrument, items, len(items), pairs, self.preferences, rng, own=challenge.simulates_human
        )
        self._task, self._moves = task, challenge.simulates_human
        self._first, self._compared = challenge.first_shown, challenge.compared(task.steps, task.centuries)
        self._seen, self._labels = [0], [task.initial_preferences.labels]

    def act(self, observation: Observation, info: Info | None = None) -> NDArray[np.float32]:
        """Answer every item: (N, K) log-probabilities."""
        century = int(observation["century"])
        if century > self._seen[-1]:
            self._seen.append(century)
            self._labels.append(np.asarray(observation["labels"]))
        else:  # a simulated human may be asked in century 0 itself
            self._labels[-1] = np.asarray(observation["labels"])
        answers = self._task.initial_answers.copy()
        prompts = [self._prompt(position) for position in range(len(self._chosen.items))]
        letters = [
            [f" {letter}" for letter in LETTERS[: len(self._task.instrument.items[i].options)]]
            for i in self._chosen.items
        ]
        model, preface = _loaded(place_of(self.model)), preface_of(self.model)
        prompts = [preface + prompt for prompt in prompts]
        for start in range(0, len(prompts), self.at_once):
            part = slice(start, start + self.at_once)
            for item, scores in zip(
                self._chosen.items[part], model.option_logprobs(prompts[part], letters[part]), strict=True
            ):
                mask = np.ones((1, len(scores)), dtype=bool)
                first = self._task.initial_answers[item : item + 1, : len(scores)]
                answers[item, : len(scores)] = softmax_options(scores[None] + prior_of(self.prior, first, mask), mask)[
                    0
                ]
        return to_action(answers)

    def _prompt(self, position: int) -> str:
        """The question about one item."""
        task, item = self._task, int(self._chosen.items[position])
        asked, items = self._chosen.comparisons[position], task.instrument.items
        return Prompt(
            seen=[task.century_labels[century] for century in self._seen],
            target=task.century_labels[self._compared[self._seen[-1] - self._first]],
            comparisons=[(items[i], a, b) for i, a, b in task.initial_preferences.pairs[asked].tolist()],
            labels=np.array([labels[asked] for labels in self._labels]),
            kind=str(task.parameters["labels"]),
            asked=[items[item]],
            first=task.initial_answers[[item]],
            form="letters",
            moves=self._moves,
        ).text


def prior_of(name: str, first: ArrayLike, mask: Bools) -> Floats:
    """What a model's log-probabilities of letters are added to, (N, K).

    Args:
        name: one of `PRIORS`.
        first: (N, K) century 0's answers.
        mask: (N, K) which options there are.
    """
    return np.zeros(np.shape(first)) if name == "none" else centred_log(first, mask, floor=SMALLEST)


def digest(model: str) -> str:
    """`x` and the sha256 of all that decides what a model answers: weights, tokenizer, settings, and the prompt beside them.

    Raises:
        UserError: nothing of that name.
    """
    return "x" + sha256_bytes(f"{_loaded(place_of(model)).fingerprint}\n{preface_of(model)}".encode())


def place_of(model: str) -> str:
    """Where a model is."""
    return os.environ.get(PLACE) or model


def preface_of(model: str) -> str:
    """What a model's folder wants said before every question.

    Raises:
        UserError: it is no text, or too long.
    """
    path = Path(place_of(model)) / PROMPT
    if not path.is_file():
        return ""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text") from None
    if len(text) > LONGEST:
        raise UserError(f"{path} has {len(text)} signs; at most {LONGEST}")
    return f"{text}\n\n" if text else ""


@lru_cache(maxsize=1)
def _loaded(place: str) -> OptionScorer:
    """A model, kept for the next episode."""
    from progressgym.models.load import load_model

    return load_model(place)
