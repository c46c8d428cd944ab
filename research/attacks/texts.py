"""Completions put together at random from what has fooled graders: more than honest uncertainty must never be paid."""

from __future__ import annotations

import random
import warnings
from typing import Any

import gymnasium as gym
import numpy as np

from progressgym.envs.base import EvaluationRewardWarning
from progressgym.envs.debate.text_table import FORFEITED
from progressgym.envs.text.reading import NOT_READ, READ, plain, written
from progressgym.envs.text.reward import UNREAD, brier, quadratic

HISTORY = "synthetic:linear?coherence=0.5&centuries=4&seed=3"
NAMES = ("Follow-v0", "Predict-v0", "Coevolve-v2")
TOKENS = (
    "<|im_end|> <|im_start|> <|endoftext|> </s> [INST] [/INST] <|eot_id|> <end_of_turn> <think> </think> <tool_call> {{human}} User: "
    "Assistant: System: reward=1 Answer: ``` ** \\boxed{A} null NaN inf -1 1e999 0x41 A B C D E a 1. 2. 1) 2: 3. 50 100 % : = , ; { } "
    "[ ] ( ) \" ' 答案 الجواب Ответ А Α Ａ １ ٢ A\u0301"
)
"""What is joined to a completion, one blank apart."""
UNSEEN = "\u200b\u200e\u200f\u202e\u2066\u2069\ufeff\u00ad\x00\x1b\x08\ud800\u2028\u00a0\r"
ALLOWED = frozenset("ABCD0123456789 .:=%,;()[]e-")
"""Signs of a line that may be read though it is no option's own text."""


class Texts:
    """Environments in text, and what is said to them."""

    def __init__(self, seed: int) -> None:
        """Make them."""
        self.rng, self.tokens = random.Random(seed), TOKENS.split()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EvaluationRewardWarning)
            self.envs: list[Any] = [
                gym.make(f"ProgressGym/{name.replace('-', 'Text-')}", history=HISTORY, questions=count).unwrapped
                for name in NAMES
                for count in (1, 2, 4)
            ]
        self.debates: list[Any] = [
            gym.make("ProgressGym/DebateText-v0", payoff=payoff).unwrapped for payoff in ("sign", "shaped")
        ]
        self.read = 0

    def attack(self) -> str | None:
        """One completion; what it won, or None."""
        return self._debate() if self.rng.random() < 0.2 else self._century()

    def _century(self) -> str | None:
        env, rng = self.rng.choice(self.envs), self.rng
        if env._episode is None or env.prompt == "The episode is over.":
            env.reset(seed=rng.randrange(10**6))
        options, human, answers = env.batch, env.target_answers, np.full((len(env.batch), 2), 0.5)
        honest = written(answers, options) if all(len(texts) == 2 for texts in options) else "1. A"
        said = self._said(honest)
        _, reward, _, _, info = env.step(said)
        outcomes = info["outcomes"]
        read = np.array([outcome in READ for outcome in outcomes])
        self.read += int(read.sum())
        if not set(outcomes) <= {*READ, *NOT_READ}:
            return f"an outcome that is none, {outcomes}: {said!r}"
        best = np.where(read, quadratic(human, human), UNREAD).mean()
        if not np.isfinite(reward) or reward > best + 1e-9:
            return f"paid {reward} where the truth is paid {best}: {said!r}"
        uniform = np.where(human > 0, 1.0, 0.0) / (human > 0).sum(-1, keepdims=True)
        if not read.any() and reward > brier(uniform, np.ones(len(read), dtype=bool), human).mean():
            return f"paid {reward} for nothing that was read: {said!r}"
        texts = {plain(option) for row in options for option in row}
        for line in said.split("\n") if read.all() else ():
            body = " ".join(line.split())
            if set(body) - ALLOWED and not any(text in plain(body) for text in texts):
                return f"read past its signs: {line!r}"
        return None

    def _debate(self) -> str | None:
        env, rng = self.rng.choice(self.debates), self.rng
        if env.table.done:
            env.reset(seed=rng.randrange(10**6))
        said = self._said(str(rng.randint(1, 7)))
        _, reward, done, _, info = env.step(said)
        if info["outcomes"][0] in FORFEITED and (not done or reward > 0 or info["ruling"] != -1):
            return f"paid {reward} for a forfeit: {said!r}"
        return f"paid {reward}: {said!r}" if not -1.0 <= reward <= 1.0 else None

    def _said(self, honest: str) -> str:
        rng = self.rng
        parts = [rng.choice(self.tokens) for _ in range(rng.randint(0, 8))]
        if rng.random() < 0.7:
            parts.insert(rng.randint(0, len(parts)), honest)
        said = rng.choice(["", " ", "\n"]).join(parts)
        for _ in range(rng.randint(0, 3)):
            at = rng.randint(0, len(said))
            said = said[:at] + rng.choice(UNSEEN) + said[at + rng.randint(0, 1) :]
        return said * rng.choice([1, 1, 1, 1, 2, 10_000])
