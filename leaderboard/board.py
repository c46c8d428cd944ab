"""The board: which cells a submission must hold, and the truth that they are scored against."""

from __future__ import annotations

import tomllib
import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import gymnasium as gym

import progressgym.envs  # noqa: F401  (registers the environments)
from progressgym.core.errors import UserError, unknown
from progressgym.core.files import canonical_json, sha256_bytes
from progressgym.core.ids import Scalar, safe_name
from progressgym.envs.challenge import Challenge, parse_challenge
from progressgym.histories.history import SYNTHETIC, History
from progressgym.histories.source import HistorySpec, resolve_history
from progressgym.instruments.questionnaire import Questionnaire

if TYPE_CHECKING:
    from progressgym.envs.base import ProgressEnv

DEFAULT_BOARD = "board-v1"


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


@lru_cache(maxsize=256)
def challenge_in(group: str) -> Challenge:
    """The challenge of a group, by the group's id.

    >>> challenge_in("predict?horizon=2 on histsmol-v1").horizon
    2
    """
    return parse_challenge(group.partition(" on ")[0])


@dataclass(kw_only=True, frozen=True)
class BoardChallenge:
    """One challenge of the grid."""

    id: str
    environment: str
    arguments: tuple[tuple[str, Scalar], ...]


@dataclass(kw_only=True, frozen=True)
class Board:
    """One version of the required grid."""

    name: str
    instrument: str
    rng_scheme: str
    histories: tuple[str, ...]
    challenges: tuple[BoardChallenge, ...]
    seeds: tuple[int, ...]
    privileged: tuple[str, ...]
    """Names of agents that read the truth; refused."""
    hidden: tuple[tuple[str, History], ...] = ()
    """A private split's own histories, each under the name of the shipped one that it stands in for."""

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
            lists: dict[str, Any] = {key: tuple(table.pop(key)) for key in ("histories", "seeds", "privileged")}
            return cls(challenges=challenges, **lists, **table)
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
        """sha256 of the grid, the instrument and the fixed histories: what can move a score."""
        content = {
            "name": self.name,
            "instrument": Questionnaire.load(self.instrument).hash,
            "rng_scheme": self.rng_scheme,
            "histories": {
                name: "drawn" if name.startswith(SYNTHETIC) else History.load(name).hash for name in self.histories
            },
            "challenges": [[c.id, c.environment, dict(c.arguments)] for c in self.challenges],
            "seeds": list(self.seeds),
        }
        return sha256_bytes(canonical_json(content).encode())

    def challenge(self, name: str) -> BoardChallenge:
        """A challenge by id."""
        for one in self.challenges:
            if one.id == name:
                return one
        raise unknown("challenge of the board", name, [c.id for c in self.challenges])

    def make(self, group: GroupKey) -> ProgressEnv:
        """A fresh environment of a group, without wrappers."""
        return self.environments(group, 1)[0]

    def environments(self, group: GroupKey, count: int) -> list[ProgressEnv]:
        """Fresh environments of a group; a fixed history is loaded once for all."""
        challenge = self.challenge(group.challenge)
        history: HistorySpec = dict(self.hidden).get(group.history, group.history)
        source = resolve_history(history)
        if not source.complete:
            raise UserError(f"a board's histories ask every item in every step; {group.history!r} does not")
        history = source.fixed or history
        arguments: dict[str, Any] = {**dict(challenge.arguments), "history": history, "disable_env_checker": True}
        with warnings.catch_warnings():
            # A board names the version of its environments; a newer one is no reason to warn.
            warnings.filterwarnings("ignore", message=".*is out of date.*", category=DeprecationWarning)
            return [gym.make(challenge.environment, **arguments).unwrapped for _ in range(count)]  # type: ignore[misc]  # they are


@lru_cache(maxsize=8)
def load_board(name: str = DEFAULT_BOARD) -> Board:
    """A board by name.

    Raises:
        UserError: no such board.
    """
    folder = files("progressgym.leaderboard")
    names = sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.startswith("board-v"))
    if name not in names:
        raise unknown("board", name, names)
    return Board.parse(folder.joinpath(f"{name}.toml").read_text(encoding="utf-8"))
