"""The text flavour: a prompt in, a completion out, and the numeric environment beneath.

Everything that is compared, drawn and scored is the challenge's own. A century is asked for in one completion or in several;
after the last one the environment steps with the answers that were read.

Legend of shapes: N items, K options of the widest item, n steps, B questions of a completion, D = 19.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from progressgym.core.answers import keep_items
from progressgym.core.bounds import whole
from progressgym.core.errors import UserError, unknown
from progressgym.envs.actions import to_action, to_answers
from progressgym.envs.base import DEFAULT_HISTORY, ProgressEnv
from progressgym.envs.episode import Episode
from progressgym.envs.text.choosing import Chosen, choose
from progressgym.envs.text.prompts import LONGEST, OVER, Prompt, check_form
from progressgym.envs.text.reading import Reply, longest, read_completion
from progressgym.envs.text.reward import brier, explained
from progressgym.envs.text.spaces import AnyText
from progressgym.histories.source import HistorySpec

Floats = NDArray[np.float64]
TEXT_REWARDS = ("brier", "explained", "utility", "gain")


class TextFlavour(ProgressEnv):
    """Mixed in before a challenge: prompts and completions."""

    def __init__(
        self,
        history: HistorySpec = DEFAULT_HISTORY,
        *,
        questions: int | str = 8,
        batch: int | str = "all",
        preferences: int = 2,
        form: str = "probabilities",
        items: Sequence[int] | None = None,
        reward: str = "brier",
        **arguments: Any,
    ) -> None:
        """Make one.

        Args:
            history: as of the challenge.
            questions: how many items are asked in an episode, the same every century; or `all`.
            batch: how many of them one completion answers; `all`: one completion a century.
            preferences: how many are told for every question.
            form: what is asked for, see `progressgym.envs.text.prompts.FORMS`.
            items: indices of the items that may be asked; by default those that count.
            reward: one of `TEXT_REWARDS`.
            arguments: the challenge's own.

        Raises:
            UserError: an argument out of range.
        """
        if reward not in TEXT_REWARDS:
            raise unknown("reward", str(reward), TEXT_REWARDS)
        self._reward, self._form = reward, check_form(form)
        self._per_question = whole("preferences", preferences, 0, 100)
        self._asked_for, self._batch_for, self._allowed = questions, batch, items
        self._own: Floats = np.zeros((0, 0))
        self._paid: list[float] = []
        self._unread = 0
        super().__init__(history, reward=reward if reward in ("utility", "gain") else "utility", **arguments)

    @property
    def calls(self) -> int:
        """Completions of an episode."""
        return self.steps * self.completions

    @property
    def completions(self) -> int:
        """Completions of a century."""
        return -(-self._questions // self._batch)

    @property
    def batch(self) -> Sequence[Sequence[str]]:
        """Texts of the options of the B questions that the next completion answers."""
        return [self._instrument.items[i].options for i in self._now()]

    @property
    def target_answers(self) -> Floats:
        """(B, K) the human's answers to the questions of the next completion: for judges, never for an agent."""
        return self._truth(self._step)[self._now()]

    @property
    def first_answers(self) -> Floats:
        """(B, K) century 0's answers to the same, which prompts tell."""
        answers: Floats = self.episode.initial_answers[self._now()]
        return answers

    @property
    def asked(self) -> NDArray[np.int64]:
        """(B,) indices of the items that the next completion answers."""
        return self._now().copy()

    @property
    def numeric(self) -> dict[str, Any]:
        """What an agent of the numeric environment would observe now."""
        observed: dict[str, Any] = ProgressEnv._observe(self, self._step)
        return observed

    @property
    def prompt(self) -> str:
        """What the next completion is asked for."""
        return OVER if self._step >= self.steps else self._text_of(self._step, self._turn)

    def prompt_of(self, step: int) -> str:
        """The prompt of any century, where one completion answers for it and no answer moves the human.

        Raises:
            UserError: what is asked depends on what was answered.
        """
        self._refuse_parts()
        return self._text_of(step, 0)

    def human_of(self, step: int) -> Floats:
        """(B, K) the human's answers to the questions of any such century: for judges."""
        self._refuse_parts()
        return self._truth(step)[self._now()]

    def _refuse_parts(self) -> None:
        if self.needs_every_answer or self.completions > 1:
            raise UserError(
                "a century can be asked by itself where the human goes its own way and one completion answers for a "
                "century (batch='all'); play whole episodes of this environment instead"
            )

    # Gymnasium's interface.

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; see `progressgym.envs.base.ProgressEnv.reset`."""
        observation, info = super().reset(seed=seed, options=options)
        if self._told:
            info["scores"] |= {"brier": 0.0, "explained": 0.0, "unread": 0.0}
        info["outcomes"] = []
        self._info = copy.deepcopy(info)
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Read a completion; after the last one of a century be scored, and see the next preferences.

        Raises:
            UserError: the action is no text. Whatever a text says has an outcome.
            gymnasium.error.ResetNeeded: the episode is over or has not begun.
        """
        if not isinstance(action, str):
            raise UserError(f"the action is a {type(action).__name__}; give the completion as text")
        if self._episode is None or self._step >= self.steps:
            raise gym.error.ResetNeeded("the episode is over: call reset() before the next step()")
        now, reply = self._now(), read_completion(action, self.batch, self._own.shape[1])
        paid = brier(reply.answers, reply.read, self.target_answers)
        self._take(now, reply, paid)
        if self._turn + 1 < self.completions:
            self._turn += 1
            info = {**copy.deepcopy(self._info), "outcomes": list(reply.outcomes)}
            return self.prompt, _mean(paid) if self._reward == "brier" else 0.0, False, False, info
        observation, value, done, truncated, info = self._finish()
        info["outcomes"] = list(reply.outcomes)
        if self._reward == "brier":
            value = _mean(paid)
        elif self._reward == "explained":
            value = self._explained() if done else 0.0
        self._info = copy.deepcopy(info)
        return observation, value, done, truncated, info

    def _take(self, now: NDArray[np.int64], reply: Reply, paid: Floats) -> None:
        """Note the answers of a completion; what was not read is answered uniformly."""
        uniform = self._instrument.uniform()[now]
        self._own[now] = np.where(reply.read[:, None], reply.answers, uniform)
        self._paid += paid[~np.isnan(paid)].tolist()
        self._unread += int((~reply.read).sum())

    def _finish(self) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step with the answers of a century."""
        self._errors.append(self._compared())
        own, self._own = self._own, self._still.copy()
        self._turn = 0
        observation, value, done, truncated, info = super().step(own)
        if self._told:
            unread = self._unread / self._questions
            info["scores"] |= {
                "brier": _mean(np.array(self._paid)),
                "explained": self._explained(),
                "unread": unread,
            }
        self._paid, self._unread = [], 0
        return OVER if done else observation, value, done, truncated, info

    def _compared(self) -> Floats:
        """(3, D) values of the agent, of static and of the human on the items asked in this century."""
        history, index = self.episode.history, 1 + self.horizon + self._step
        answers = np.stack([self._own, self._still, np.nan_to_num(self._truth(self._step))])
        if not history.complete:
            answers = keep_items(answers, history.scored[index], self._instrument.mask)
        values: Floats = self._instrument.values(answers, self._chosen.items, check=False)
        return values

    def _explained(self) -> float:
        return explained(*np.array(self._errors).transpose(1, 0, 2))

    # What a flavour defines.

    def _spaces(self) -> tuple[gym.Space[Any], gym.Space[Any]]:
        self._candidates = self._asked_items()
        most = len(self._candidates)
        self._questions = most if self._asked_for == "all" else whole("questions", self._asked_for, 1, most)
        self._batch = (
            self._questions if self._batch_for == "all" else whole("batch", self._batch_for, 1, self._questions)
        )
        return AnyText(LONGEST), AnyText(longest(self._batch))

    def _asked_items(self) -> NDArray[np.int64]:
        """Indices of the items that may be asked."""
        count = len(self._instrument.items)
        if self._allowed is None:
            return np.arange(count, dtype=np.int64) if self.needs_every_answer else self.rewarded
        indices = sorted({whole("an index in items", int(i), 0, count - 1) for i in self._allowed})
        if not indices:
            raise UserError("items names no item to ask")
        return np.array(indices, dtype=np.int64)

    def _begin(self, episode: Episode) -> None:
        super()._begin(episode)
        rng = np.random.default_rng(self.np_random.bit_generator.seed_seq.spawn(1)[0])  # type: ignore[attr-defined]  # leaves the numeric stream alone
        self._chosen: Chosen = choose(
            self._instrument,
            self._candidates,
            self._questions,
            episode.pairs,
            self._per_question,
            rng,
            own=self.needs_every_answer,
        )
        self._still = self._static_action(episode)
        self._own = self._still.copy()
        self._turn, self._unread, self._paid = 0, 0, []
        self._errors: list[Floats] = []

    def _observe(self, index: int) -> str:
        return self._text_of(index, self._turn)

    def _values(self, action: Any) -> Floats:
        return self._instrument.values(action, self.rewarded, check=False)

    def _full_answers(self, action: Any) -> Floats:
        answers: Floats = action
        return answers

    def _static_action(self, episode: Episode) -> Floats:
        """Century 0's answers to the bits of the numeric flavour's."""
        return to_answers(to_action(episode.initial_answers), self._instrument.mask)

    # What is asked.

    def _now(self) -> NDArray[np.int64]:
        """Indices of the items that the next completion answers."""
        return self._chosen.items[self._turn * self._batch : (self._turn + 1) * self._batch]

    def _truth(self, step: int) -> Floats:
        """(N, K) the human's answers in the target century of a step; NaN where they are not scored."""
        history, index = self.episode.history, 1 + self.horizon + step
        truth = history.answers[index].astype(np.float64)
        return truth if history.complete else np.where(history.scored[index][:, None], truth, np.nan)

    def _text_of(self, step: int, turn: int) -> str:
        episode, labels = self.episode, self.episode.history.labels
        items = self._chosen.items[turn * self._batch : (turn + 1) * self._batch]
        pairs = self._chosen.pairs_for(turn * self._batch, len(items))
        centuries = [self._century(index) for index in range(step + 1)]
        series = [self._labels(index)[pairs] for index in range(step + 1)]
        if centuries[0] > 0:
            centuries, series = [0, *centuries], [self._initial_labels()[pairs], *series]
        all_items = self._instrument.items
        return Prompt(
            seen=[labels[century] for century in centuries],
            target=labels[1 + self.horizon + step],
            comparisons=[(all_items[i], a, b) for i, a, b in episode.pairs[pairs].tolist()],
            labels=np.array(series),
            kind=self._label_kind,
            asked=[all_items[i] for i in items],
            first=episode.initial_answers[items],
            form=self._form,
            moves=self.needs_every_answer,
        ).text


def _mean(scores: Floats) -> float:
    """Mean of the scores that there are; 0 where nothing of a completion is scored."""
    defined = scores[~np.isnan(scores)]
    return float(defined.mean()) if len(defined) else 0.0
