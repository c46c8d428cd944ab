"""Challenges: what is asked of an agent, and how it counts.

A challenge is a frozen dataclass. Its fields are the arguments of its id (`follow`, `predict?horizon=2`,
`follow?labels=sample`); its class says everything that agents, tables, boards and pages have to know,
so that none of them knows a challenge by name. A new one is a class like `Follow` in `envs/follow.py`, beside its
environment, and a line in `envs/__init__.py`.

Legend of shapes: T centuries, n steps, N items, K options, D = 19.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from progressgym.core.arguments import as_typed, refuse_unknown
from progressgym.core.errors import UserError
from progressgym.core.ids import Scalar, format_id, parse_id
from progressgym.core.registry import Entry, Registry
from progressgym.preferences.comparisons import check_labels
from progressgym.scores.resampling import item_contributions, item_masses

if TYPE_CHECKING:
    from progressgym.envs.base import ProgressEnv
    from progressgym.envs.task import Task
    from progressgym.histories.history import History
    from progressgym.histories.source import HistorySpec
    from progressgym.instruments.questionnaire import Questionnaire
    from progressgym.scores.utilities import Utility

Floats = NDArray[np.float64]
COLUMNS = ("probability", "sample")
"""Kinds of labels that share a table."""
CHALLENGES = Registry("challenge", (), group="progressgym.challenges", row=Entry)
"""Every challenge, filled by `progressgym.envs`; a class says what it is in its `summary`."""


@dataclass(frozen=True)
class Measure:
    """A number that is shown beside the score."""

    name: str
    """In records."""
    title: str
    """On pages."""
    short: str
    """At the head of a narrow column."""


@dataclass(kw_only=True, frozen=True)
class Challenge:
    """What all challenges share: comparisons are asked, answers are given, and their values are compared with history.

    The episode's utility is the sum of those of its steps. Skill, which is shown and ranks, is the utility as a share of
    the reference's lead over an agent that stays at century 0; it stays the same when a utility is shifted or scaled.
    """

    queries: str | int = "all"
    """`all` pairs, or how many."""
    labels: str = "probability"
    """One of `preferences.comparisons.LABELS`."""

    name: ClassVar[str]
    """In ids, tables and paths; one without a version is v0 for ever: what was scored under it stays comparable."""
    kind: ClassVar[str]
    """What tasks call it: the name of a registered challenge that differs from it in nothing but defaults. A version that
    counts in another way, or whose human moves in another way, is a kind of its own."""
    title: ClassVar[str]
    """In headings."""
    summary: ClassVar[str]
    """One line."""
    environment: ClassVar[str]
    """Gymnasium id."""
    first_shown: ClassVar[int] = 1
    """Century of the first comparisons."""
    simulates_human: ClassVar[bool] = False
    """Whether the human is moved by the agent's answers. Then the human is what is scored, and all answers count."""
    by_agreement: ClassVar[bool] = False
    """Whether the utility is the mean of `agreement` over the scored items. Otherwise it compares values with history."""
    measures: ClassVar[tuple[Measure, ...]] = ()
    """What `measured` returns beside the score."""
    headline: ClassVar[str] = "skill"
    """What tables rank by: `explained` (drift explained, see `progressgym.scores.explained`) or `skill`."""
    cost: ClassVar[str | None] = None
    """How it is ranked. None: by the score alone. A measure's name: by the Pareto pair of the score and this measure,
    of which less is better."""
    scale: ClassVar[str] = "code_sum_of_maxes"
    """Which published scale tables show, see `progressgym.scores.published`."""
    legend: ClassVar[tuple[str, ...]] = ()
    """Lines below a table that shows it."""
    caution: ClassVar[str] = ""
    """What a reader must know before comparing scores, a sentence."""
    ranking_note: ClassVar[str] = ""
    """How a board ranks it where that is not by the score alone, a sentence."""

    # The id.

    @property
    def arguments(self) -> tuple[tuple[str, Scalar], ...]:
        """All arguments that belong to an id, sorted by name."""
        return tuple(sorted((field.name, getattr(self, field.name)) for field in dataclasses.fields(self)))

    @property
    def id(self) -> str:
        """Id without defaults."""
        plain = defaults(type(self))
        return format_id(self.name, **{key: value for key, value in self.arguments if value != plain[key]})

    @property
    def unlabelled(self) -> str:
        """Id without the kind of labels: what the two columns of a table share. Other kinds have tables of their own."""
        return self.replace(labels="probability").id if self.labels in COLUMNS else self.id

    def replace(self, **arguments: Any) -> Self:
        """The challenge with other arguments."""
        return dataclasses.replace(self, **arguments)

    def make(self, history: HistorySpec, instrument: Questionnaire | None = None) -> ProgressEnv:
        """The environment, without wrappers; `instrument` is what synthetic histories answer, `moral19-v1` by default."""
        own = {"history": history, "instrument": instrument, "disable_env_checker": True}
        arguments: dict[str, Any] = {**dict(self.arguments), **own}
        with warnings.catch_warnings():
            # An id names its version, so that its scores stay what they are; a newer one is no reason to warn.
            warnings.filterwarnings("ignore", message=".*is out of date.*", category=DeprecationWarning)
            env: ProgressEnv = gym.make(self.environment, **arguments).unwrapped  # type: ignore[assignment]  # it is one
        return env

    # When.

    @property
    def horizon(self) -> int:
        """Centuries between the last comparisons and the scored answers."""
        return 0

    @property
    def first(self) -> int:
        """Century that step 0 is compared with, and where pictures begin."""
        return 1 + self.horizon

    def compared(self, steps: int, centuries: int) -> NDArray[np.int64]:
        """(n,) centuries that the answers of the steps are compared with; from `first` on, one after the other."""
        return np.arange(self.first, self.first + steps, dtype=np.int64)

    def ahead(self, century: int, centuries: int) -> int:
        """Centuries between the comparisons of a century and the answers that are scored after them."""
        return self.horizon

    def reference(self, truth: NDArray[np.floating], steps: int) -> NDArray[np.floating]:
        """(n, N, K) what the reference answers, of the truth (T, N, K)."""
        return truth[self.compared(steps, len(truth))]

    # How it counts.

    @property
    def utility(self) -> Utility:
        """Utilities of steps, from values and the human's path: see `progressgym.scores.utilities.Utility`."""
        raise NotImplementedError

    def agreement(self, history: History, scored: Floats) -> Floats:
        """How well each item agrees with what the challenge wants, where it is `by_agreement`.

        Args:
            history: the truth.
            scored: (n, N, K) what `scored` returned.

        Returns:
            (n, N) from 0 to 1.
        """
        raise NotImplementedError

    def parts(self, history: History, scored: NDArray[np.floating], items: NDArray[np.int64]) -> Floats:
        """(n, E, D) what each of these items adds to what `utility` reads: values, or one mean agreement (D = 1)."""
        if self.by_agreement:
            return self.agreement(history, np.asarray(scored, dtype=np.float64))[:, items, None]
        return item_contributions(scored[:, items], history.instrument.loadings[items])

    def human_parts(self, history: History, answers: NDArray[np.floating], items: NDArray[np.int64]) -> Floats:
        """(T, E, D) the same of the human's answers (T, N, K); nothing where agreement has compared with them already."""
        if self.by_agreement:
            return np.zeros((len(answers), len(items), 1))
        return self.parts(history, answers, items)

    def masses(self, loadings: Floats) -> Floats:
        """(E, D) the most that each item can add, of the items' loadings (E, K, D)."""
        return np.ones((len(loadings), 1)) if self.by_agreement else item_masses(loadings)

    def read(self, history: History, scored: Floats) -> Floats | None:
        """(n, 1) mean agreement of the scored items, where `utility` reads that; None where it reads values."""
        if not self.by_agreement:
            return None
        agreed: Floats = self.agreement(history, scored)[:, history.instrument.evaluation].mean(1)[:, None]
        return agreed

    def counted(self, instrument: Questionnaire) -> NDArray[np.int64]:
        """Indices of the items whose answers make a difference."""
        if self.simulates_human:
            return np.arange(len(instrument.items), dtype=np.int64)
        return instrument.evaluation

    def scored(self, history: History, answers: Floats) -> Floats:
        """What is compared with history: the agent's answers, or those of the human whom they moved.

        Args:
            history: the truth.
            answers: (n, N, K) the agent's.

        Returns:
            (n, N, K).
        """
        return answers

    def measured(self, history: History, scored: Floats) -> Mapping[str, float]:
        """The `measures` of an episode.

        Args:
            history: the truth.
            scored: (n, N, K) what `scored` returned.
        """
        return {}


def defaults(kind: type[Challenge]) -> dict[str, Scalar]:
    """Arguments of a class of challenges with their defaults."""
    return {field.name: getattr(kind, field.name) for field in dataclasses.fields(kind)}


def challenge_class(name: str) -> type[Challenge]:
    """The class of a challenge, by name.

    Raises:
        UserError: no such name, or one that stands for something else.
    """
    kind = CHALLENGES.load(name)
    if not (isinstance(kind, type) and issubclass(kind, Challenge)):
        raise UserError(f"{CHALLENGES[name].target}, registered as challenge {name!r}, is not a Challenge")
    return kind


@lru_cache(maxsize=256)
def parse_challenge(text: str) -> Challenge:
    """Read a challenge's id.

    Raises:
        UserError: unknown challenge or argument.

    >>> parse_challenge("follow?labels=probability").id, parse_challenge("follow?labels=sample").id
    ('follow', 'follow?labels=sample')
    """
    asked = parse_id(text)
    kind, fields = challenge_class(asked.name), CHALLENGES.arguments(asked.name)
    refuse_unknown(f"challenge {asked.name!r}", asked.arguments, sorted(fields))
    given: dict[str, Any] = {key: as_typed(value, fields[key]) for key, value in asked.arguments.items()}
    challenge = kind(**given)  # the environment checks its arguments when it is made
    check_labels(challenge.labels)
    return challenge


def challenge_of(task: Task) -> Challenge:
    """The challenge that a task belongs to, with the task's parameters, under the name of its kind."""
    return challenge_class(task.challenge)(**task.parameters)  # type: ignore[arg-type]  # checked by its environment
