"""Sets of debates in text with splits: what a trainer draws from, and what it is judged on.

The splits share neither seeds nor what is debated: `train` has three fifths of a domain's states (of `dilemmas`: of its items),
`validation` and `test` a fifth each, those on which the debaters that compute are trained and measured
(`progressgym.envs.debate.split`).

    debates = DebateSet(domain="simulator", split="train")
    env, prompt = debates[0].begin()
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from progressgym.core.debate import Domain, Judge
from progressgym.core.errors import UserError
from progressgym.core.ids import parse_id
from progressgym.envs.debate.domains import DOMAINS
from progressgym.envs.debate.text_env import DebateTextEnv
from progressgym.envs.text.sets import Series, Task, split_index

PARTS = ("fit", "validation", "test")
"""Parts of a domain, one for each of `SPLITS`."""


@dataclass(kw_only=True, frozen=True)
class Debating:
    """What the debates of a set have in common."""

    domain: str = "simulator"
    """A domain's id; its `part` is the split's."""
    split: str = "train"
    opponent: str = "greedy"
    """Who debates against the model: `greedy` or `random`."""
    payoff: str = "shaped"
    """`shaped` or `sign`."""
    turns: int = 4
    """Pieces of evidence shown in all."""
    order: str = "alternating"
    opening: str = "random"
    see_other: bool = True

    def __post_init__(self) -> None:
        """Check what a file can get wrong; the environment checks the rest."""
        for name in ("domain", "opponent", "payoff", "order", "opening"):
            if not isinstance(getattr(self, name), str):
                raise UserError(f"{name} of a debate is {getattr(self, name)!r}; a name is expected")
        if not isinstance(self.see_other, bool):
            raise UserError(f"see_other of a debate is {self.see_other!r}; true or false is expected")
        split_index(self.split)

    @property
    def shared(self) -> dict[str, Any]:
        """The fields above."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(Debating)}

    def make(self) -> DebateTextEnv:
        """Their environment.

        Raises:
            UserError: a domain without parts, or what the environment refuses.
        """
        rules = {name: value for name, value in self.shared.items() if name not in ("domain", "split")}
        return DebateTextEnv(*_part(self.domain, self.split), **rules)


@dataclass(kw_only=True, frozen=True)
class DebateTask(Task[DebateTextEnv], Debating):
    """One debate, as plain JSON."""

    noun = "a debate"
    seed: int

    def named(self) -> DebateTask:
        """The debate, where everything in it is a shipped name: what a server plays for strangers.

        Raises:
            UserError: a path, the name of a module, or a judge that is a language model.
        """
        given = parse_id(self.domain)
        said = [given.name, *(str(value) for value in given.arguments.values())]
        if any(set(one) & set(":/\\") or Path(one).exists() for one in said) or "judge" in given.arguments:
            raise UserError(f"a server plays shipped domains before their own judges only, not {self.domain!r}")
        return self


@dataclass(kw_only=True, frozen=True)
class DebateSet(Series[DebateTask], Debating):
    """The debates of one split: `debates[0]` to `debates[size - 1]`."""

    noun = "a set of debates"
    size: int = 1000

    def task(self, seed: int) -> DebateTask:
        """The debate of a seed."""
        return DebateTask(seed=seed, **self.shared)

    @cached_property
    def env(self) -> DebateTextEnv:
        """One environment that plays them all, one after the other."""
        return self.make()

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every turn of the model in every debate as a row of its own, for trainers that draw groups of completions.

        What was shown before is what the greedy debater shows. A row has a `prompt`, a `row` that names it, the `task` and the
        `turn`, which is what `turn_reward` needs to pay a completion.
        """
        for task in self:
            prompt, _ = self.env.reset(seed=task.seed)
            for turn in range(self.env.steps):
                yield {"prompt": prompt, "row": f"{task.seed}/{turn}", "task": task.record, "turn": turn}
                prompt, *_ = self.env.step(self.env.greedy)


def turn_reward(env: DebateTextEnv, task: DebateTask, turn: int, completion: str) -> float:
    """What a completion of a row is worth: the rewards from it on, where the greedy debater plays the model's other turns.

    Args:
        env: of the task's set.
        task: the debate.
        turn: which of the model's turns the completion is for, from 0.
        completion: what was written, whatever it is.
    """
    env.reset(seed=task.seed)
    for _ in range(turn):
        env.step(env.greedy)
    _, total, done, *_ = env.step(completion)
    while not done:
        _, reward, done, *_ = env.step(env.greedy)
        total += reward
    return total


@lru_cache(maxsize=16)
def _part(spec: str, split: str) -> tuple[Domain, Judge]:
    """The part of a domain that a split debates, and its judge.

    Raises:
        UserError: a domain without parts, or one whose part is given.
    """
    options = DOMAINS.make(spec)
    if getattr(options, "part", None) != "all":
        raise UserError(f"domain {spec!r} cannot be split: give one that has parts, without saying which")
    made: tuple[Domain, Judge] = dataclasses.replace(options, part=PARTS[split_index(split)]).make()
    return made
