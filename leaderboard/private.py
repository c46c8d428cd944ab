"""The private split: the board's challenges on histories that nobody but the owner has seen.

1. Every family of synthetic histories of the board, drawn by seeds that follow from a secret key. The families are
   public; only the paths are not. Every challenge gets paths of its own, so that one tells nothing about another.
2. Histories that the owner has built from text that was not published, see `progressgym.leaderboard.hidden`. Each
   stands in for a shipped history and is scored under its name.

The key is published as a commitment, sha256 of it and its rotation: once it is rotated out, the owner can publish it
and anybody can draw the same paths and check every private score.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, sha256_bytes, sync
from progressgym.histories.history import SYNTHETIC, History
from progressgym.leaderboard.board import Board, GroupKey
from progressgym.scores.records import Sha256

SCHEME: Literal["private-v1"] = "private-v1"
SEED_BYTES, AGENT_SEED_BYTES = 16, 3
"""The seed of a path cannot be guessed; the agent's own is short and says nothing about it."""
ROTATION = r"^[0-9a-z][0-9a-z.-]{0,30}$"


class Key(BaseModel):
    """The file that holds the secret."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    scheme: Literal["private-v1"] = SCHEME
    rotation: Annotated[str, Field(pattern=ROTATION)]
    """Which key this is, for people: `2026-1`."""
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", repr=False)]
    """32 random bytes."""

    @property
    def commitment(self) -> Sha256:
        """What may be published: sha256 of the canonical JSON of the file."""
        return sha256_bytes(canonical_json(self.model_dump(mode="json")).encode())


def new_key(path: Path, rotation: str) -> Key:
    """Draw a key and write it where only its owner can read it.

    Raises:
        UserError: the file exists or cannot be written, or a rotation that is no name.
    """
    try:
        key = Key(rotation=rotation, key=secrets.token_hex(32))
    except ValidationError:
        raise UserError(f"rotation {rotation!a} needs 1 to 31 small letters, digits, dots or hyphens") from None
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UserError(f"{path} exists; a key is never overwritten") from None
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(key.model_dump(mode="json"), indent=2) + "\n")
        stream.flush()
        sync(stream.fileno())
    return key


def read_key(path: Path) -> Key:
    """Read a key.

    Raises:
        UserError: no such file, no key, or others can read it.
    """
    try:
        with open(path, "rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(4096)
    except OSError as error:
        raise UserError(f"cannot read the key {path}: {error.strerror or error}") from None
    if os.name == "posix" and mode & 0o077:
        raise UserError(f"others can read the key {path}; run chmod 600 {path}, and think of a new one")
    with contextlib.suppress(ValidationError):
        return Key.model_validate_json(data)
    raise UserError(f"{path} is no key; make one with progressgym leaderboard key new {path}")


@dataclass(kw_only=True, frozen=True, eq=False)
class PrivateGroup:
    """One group of the split: a board of a single history and challenge with secret seeds."""

    group: GroupKey
    """Under its public name."""
    board: Board
    agent_seeds: tuple[int, ...]
    """Of the agent's own randomness."""


@dataclass(kw_only=True, frozen=True, eq=False)
class PrivateSplit:
    """All of it."""

    key: Key
    board: Board
    """The public one."""
    hidden: Mapping[str, History] = field(default_factory=dict)
    """Shipped name -> what stands in for it."""

    def __post_init__(self) -> None:
        """Check that there is a place for every hidden history."""
        for name in self.hidden:
            if name not in self.board.histories:
                raise UserError(f"{name!r} is not a history of {self.board.name}")

    @cached_property
    def commitments(self) -> dict[str, Sha256]:
        """What may be published: of the key, and hash of every hidden history."""
        return {"key": self.key.commitment, **{name: history.hash for name, history in sorted(self.hidden.items())}}

    @property
    def name(self) -> str:
        """Changes with anything that can move a private score."""
        record = {"board": self.board.digest, **self.commitments}
        return f"{self.key.rotation}-{sha256_bytes(canonical_json(record).encode())[:16]}"

    @cached_property
    def groups(self) -> tuple[PrivateGroup, ...]:
        """What an agent plays, in the board's order."""
        families = [history for history in self.board.histories if history.startswith(SYNTHETIC)]
        names = [*families, *self.hidden]
        return tuple(self._group(group) for group in self.board.groups if group.history in names)

    def _group(self, group: GroupKey) -> PrivateGroup:
        count = range(len(self.board.seeds))
        stand_in = self.hidden.get(group.history)
        board = replace(
            self.board,
            name=f"{self.board.name} private",
            histories=(group.history,),
            challenges=(self.board.challenge(group.challenge),),
            seeds=tuple(self._number("path", group, index, SEED_BYTES) for index in count),
            hidden=() if stand_in is None else ((group.history, stand_in),),
        )
        seeds = tuple(self._number("agent", group, index, AGENT_SEED_BYTES) for index in count)
        return PrivateGroup(group=group, board=board, agent_seeds=seeds)

    def _number(self, what: str, group: GroupKey, index: int, size: int) -> int:
        """A number that follows from the key and from nothing else that is secret."""
        message = canonical_json([SCHEME, what, self.board.name, *group, index]).encode()
        return int.from_bytes(
            hashlib.blake2b(message, key=bytes.fromhex(self.key.key), digest_size=size).digest(), "big"
        )
