"""The board: which cells a submission must hold, and the truth that they are scored against."""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import gymnasium as gym

import progressgym.envs  # noqa: F401  (registers the environments)
from progressgym.core.errors import UserError, unknown
from progressgym.core.files import canonical_json, sha256_bytes
from progressgym.core.ids import Scalar, safe_name
from progressgym.envs.challenge import Challenge, parse_challenge
from progressgym.histories.history import SYNTHETIC, History
from progressgym.histories.source import HistorySpec, resolve_history
from progressgym.histories.splits import split_id, with_split
from progressgym.histories.synthetic import SyntheticSpec, usual_instrument
from progressgym.instruments.questionnaire import Questionnaire

if TYPE_CHECKING:
    from progressgym.envs.base import ProgressEnv

DEFAULT_BOARD = "board-v2"
SPLITS = 2**31
"""Splits that a secret seed chooses from."""
Headline = Literal["skill", "explained"]
"""What ranks a group: skill, or drift explained."""


class CellKey(NamedTuple):
    """Which cell."""

    history: str
    challenge: str
    seed: int

    @property
    def group(self) -> GroupKey:
        """Which group it belongs to."""
        return GroupKey(self.history, self.challenge)

    @property
    def folder(self) -> str:
        """Where its files lie in a submission."""
        return f"cells/{safe_name(self.history)}/{safe_name(self.challenge)}/{self.seed}"


class GroupKey(NamedTuple):
    """All seeds of a history and challenge: one score of an entry."""

    history: str
    challenge: str

    @property
    def id(self) -> str:
        """How pages and files call it."""
        return f"{self.challenge} on {self.history}"


def group_key(group: str) -> GroupKey:
    """The group of an id.

    >>> group_key("follow on gss-v1")
    GroupKey(history='gss-v1', challenge='follow')
    """
    challenge, _, history = group.partition(" on ")
    return GroupKey(history, challenge)


@lru_cache(maxsize=256)
def challenge_in(group: str) -> Challenge:
    """The challenge of a group, by the group's id.

    >>> challenge_in("predict?horizon=2 on histsmol-v1").horizon
    2
    """
    return parse_challenge(group_key(group).challenge)


@dataclass(kw_only=True, frozen=True)
class BoardChallenge:
    """One challenge of the grid."""

    id: str
    environment: str
    arguments: tuple[tuple[str, Scalar], ...]


@dataclass(kw_only=True, frozen=True)
class StandIn:
    """What the private split plays in place of a public history: a family over items that the public one does not ask."""

    history: str
    """Of the public grid; private scores are told under its name."""
    family: str
    """A synthetic id without a seed."""
    questionnaire: str
    """Shipped questionnaire that the items are taken from."""
    without: str
    """Shipped questionnaire whose items are left out."""

    @cached_property
    def instrument(self) -> Questionnaire:
        """The items that are held back."""
        asked = {item.id for item in Questionnaire.load(self.without).items}
        items = tuple(item for item in Questionnaire.load(self.questionnaire).items if item.id not in asked)
        return Questionnaire.from_items(items, name=f"{self.questionnaire} without {self.without}")


@dataclass(kw_only=True, frozen=True)
class Board:
    """One version of the required grid, and how it is counted."""

    name: str
    rng_scheme: str
    histories: tuple[str, ...]
    challenges: tuple[BoardChallenge, ...]
    seeds: tuple[int, ...]
    privileged: tuple[str, ...]
    """Names of agents that read the truth; refused."""
    headline: Literal["skill", "own"]
    """What ranks: skill everywhere, or what each challenge says (`Challenge.headline`)."""
    instrument: str = ""
    """What all histories answer; empty where each has its own."""
    splits: bool = False
    """Whether seed s of a fixed history has split s of its items."""
    gate: bool = False
    """Whether a public score that is above the private one by more than chance costs the entry its score in a group."""
    stand_ins: tuple[StandIn, ...] = ()
    hidden: tuple[tuple[str, History | StandIn], ...] = ()
    """What a private split plays in place of public histories, by their names."""

    @classmethod
    def parse(cls, text: str) -> Board:
        """Read a board's TOML.

        Raises:
            UserError: keys missing or unknown.
        """
        try:
            table: dict[str, Any] = tomllib.loads(text)
            challenges = tuple(
                BoardChallenge(
                    id=row["id"], environment=row["environment"], arguments=tuple(sorted(row["arguments"].items()))
                )
                for row in table.pop("challenges")
            )
            stand_ins = tuple(StandIn(**row) for row in table.pop("stand_ins", ()))
            lists: dict[str, Any] = {key: tuple(table.pop(key)) for key in ("histories", "seeds", "privileged")}
            return cls(challenges=challenges, stand_ins=stand_ins, **lists, **table)
        except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise UserError(f"not a board: {error}") from None

    @cached_property
    def groups(self) -> tuple[GroupKey, ...]:
        """Every history x challenge."""
        return tuple(GroupKey(history, challenge.id) for history in self.histories for challenge in self.challenges)

    @cached_property
    def cells(self) -> tuple[CellKey, ...]:
        """Every required cell, in order."""
        return tuple(CellKey(*group, seed) for group in self.groups for seed in self.seeds)

    @cached_property
    def digest(self) -> str:
        """sha256 of the grid, the instruments and the fixed histories: what can move a score."""
        content: dict[str, Any] = {
            "name": self.name,
            "rng_scheme": self.rng_scheme,
            "histories": {name: self._content(name) for name in self.histories},
            "challenges": [[c.id, c.environment, dict(c.arguments)] for c in self.challenges],
            "seeds": list(self.seeds),
        }
        if self.instrument:
            content["instrument"] = Questionnaire.load(self.instrument).hash
        else:
            content |= {"headline": self.headline, "splits": self.splits, "gate": self.gate}
            content["stand_ins"] = [[one.history, one.family, one.instrument.hash] for one in self.stand_ins]
        return sha256_bytes(canonical_json(content).encode())

    def _content(self, history: str) -> str:
        """What decides the content of a history."""
        if not history.startswith(SYNTHETIC):
            return History.load(history).hash
        return "drawn" if self.instrument else f"drawn over {usual_instrument(SyntheticSpec.parse(history)).hash}"

    def history_of(self, key: CellKey) -> str:
        """The id of a cell's history: its split, where seeds have one."""
        drawn = key.history.startswith(SYNTHETIC) or isinstance(dict(self.hidden).get(key.history), StandIn)
        return split_id(key.history, 0 if drawn or not self.splits else key.seed)

    @property
    def bench_options(self) -> str:
        """Options of `progressgym bench` that run the required cells."""
        splits = "each" if self.splits else "shipped"
        return (
            f"--history '{','.join(self.histories)}' --challenges '{','.join(c.id for c in self.challenges)}' "
            f"--labels probability --seeds {len(self.seeds)} --splits {splits}"
        )

    def headline_of(self, group: GroupKey) -> Headline:
        """What ranks a group."""
        own = challenge_in(group.id).headline
        return "explained" if self.headline == "own" and own == "explained" else "skill"

    def challenge(self, name: str) -> BoardChallenge:
        """A challenge by id."""
        for one in self.challenges:
            if one.id == name:
                return one
        raise unknown("challenge of the board", name, [c.id for c in self.challenges])

    def make(self, key: CellKey) -> ProgressEnv:
        """A fresh environment of a cell, without wrappers."""
        return self.environments([key])[0]

    def environments(self, keys: Sequence[CellKey]) -> list[ProgressEnv]:
        """Fresh environments of cells of one group; a fixed history is loaded once for all."""
        challenge = self.challenge(keys[0].challenge)
        sources = {self.history_of(key): self._source(key) for key in reversed(keys)}
        with warnings.catch_warnings():
            # A board names the version of its environments; a newer one is no reason to warn.
            warnings.filterwarnings("ignore", message=".*is out of date.*", category=DeprecationWarning)
            return [
                gym.make(
                    challenge.environment,
                    **{**dict(challenge.arguments), **sources[self.history_of(key)]},
                    disable_env_checker=True,
                ).unwrapped  # type: ignore[misc]  # they are
                for key in keys
            ]

    def _source(self, key: CellKey) -> dict[str, Any]:
        """The arguments of an environment that say where its histories come from."""
        hidden = dict(self.hidden).get(key.history)
        if isinstance(hidden, StandIn):
            return {"history": hidden.family, "instrument": hidden.instrument}
        history: HistorySpec = self.history_of(key)
        if hidden is not None:
            history = with_split(hidden, key.seed % SPLITS) if self.splits else hidden
        source = resolve_history(history)
        if not source.complete:
            raise UserError(f"a board's histories ask every item in every step; {key.history!r} does not")
        return {"history": source.fixed or history}


def board_names() -> list[str]:
    """All boards, the current one first, then the newest."""
    there = files("progressgym.leaderboard").iterdir()
    names = sorted((entry.name[:-5] for entry in there if entry.name.startswith("board-v")), reverse=True)
    return sorted(names, key=lambda name: name != DEFAULT_BOARD)


@lru_cache(maxsize=8)
def load_board(name: str = DEFAULT_BOARD) -> Board:
    """A board by name.

    Raises:
        UserError: no such board.
    """
    names = board_names()
    if name not in names:
        raise unknown("board", name, names)
    return Board.parse(files("progressgym.leaderboard").joinpath(f"{name}.toml").read_text(encoding="utf-8"))
