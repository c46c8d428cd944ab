"""Entries as rows of the database, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, sha256_bytes
from progressgym.leaderboard.board import GroupKey
from progressgym.leaderboard.database_tables import ENTRIES, NAMES, SCORES
from progressgym.leaderboard.names import skeleton
from progressgym.leaderboard.records import RUNGS, CellScore, GroupScore, Reproduction, Rung, Verdict
from progressgym.leaderboard.reserved import is_shipped
from progressgym.leaderboard.schema import SubmissionRecord

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

Floats = NDArray[np.float64]
SHORTEST = 8
"""Digits of a digest that name an entry at least."""


@dataclass(kw_only=True, frozen=True)
class Entry:
    """One row of the board, or its tombstone."""

    digest: str
    agent: str
    version: str
    submitter: str
    signer: str | None
    board: str
    rung: Rung
    received: str
    """When, ISO 8601 in UTC."""
    record: SubmissionRecord
    """`submission.json` without its cells."""
    warnings: list[str]
    private_split: str | None
    """Version of the private split that it was reproduced on."""
    reproduced: str | None
    """When it was."""
    reproduction: Reproduction | None
    """The last attempt, without its scores."""
    withdrawn: str | None
    withdrawn_because: str | None

    @property
    def id(self) -> str:
        """Short name of the content."""
        return self.digest[:16]


def find(connection: Connection, digest: str) -> Entry | None:
    """The entry with exactly this digest."""
    row = connection.execute(ENTRIES.select().where(ENTRIES.c.digest == digest)).mappings().first()
    return None if row is None else _entry(row)


def get(connection: Connection, digest: str) -> Entry:
    """The entry whose digest begins so.

    Raises:
        UserError: none or several.
    """
    if len(digest) < SHORTEST or not set(digest) <= set("0123456789abcdef"):
        raise UserError(f"an entry is named by {SHORTEST} or more hexadecimal digits of its digest")
    query = ENTRIES.select().where(ENTRIES.c.digest.startswith(digest)).limit(2)
    matches = connection.execute(query).mappings().all()
    if len(matches) != 1:
        raise UserError(f"{'no entry' if not matches else 'more than one entry'} begins with {digest}")
    return _entry(matches[0])


def select(connection: Connection) -> list[Entry]:
    """All entries and tombstones, oldest first."""
    query = ENTRIES.select().order_by(ENTRIES.c.received, ENTRIES.c.digest)
    return [_entry(row) for row in connection.execute(query).mappings()]


def select_cells(connection: Connection, digest: str) -> list[CellScore]:
    """Recomputed cells of an entry."""
    query = ENTRIES.select().with_only_columns(ENTRIES.c.cells).where(ENTRIES.c.digest == digest)
    return [CellScore.model_validate(cell) for cell in json.loads(connection.execute(query).scalar_one())]


def answers_of(connection: Connection, digest: str) -> str:
    """sha256 of all answers of an entry, see `answers_digest`."""
    query = ENTRIES.select().with_only_columns(ENTRIES.c.answers).where(ENTRIES.c.digest == digest)
    return str(connection.execute(query).scalar_one())


def proven_original(
    connection: Connection, answers: str, agent: str, who: str, received: str | None = None
) -> Entry | None:
    """The entry that another one copies: of another submitter, earlier, proven by the board, with the same answers.

    What nobody has proven blocks nobody, nor does a tombstone. The code of a shipped agent is the board's own, so that
    an honest run of it is no copy of somebody's code that answers alike.

    Args:
        connection: to the database.
        answers: sha256 of all answers.
        agent: id of the agent that may be a copy.
        who: its submitter.
        received: when it came; None for one that comes now.
    """
    alike = (
        (ENTRIES.c.answers == answers)
        & (ENTRIES.c.submitter != who)
        & (ENTRIES.c.rung == "reproduced")
        & ENTRIES.c.withdrawn.is_(None)
    )
    query = ENTRIES.select().where(alike if received is None else alike & (ENTRIES.c.received < received))
    entries = map(_entry, connection.execute(query.order_by(ENTRIES.c.received, ENTRIES.c.digest)).mappings())
    return next((entry for entry in entries if not is_shipped(agent) or is_shipped(entry.record.agent.id)), None)


def is_proven(connection: Connection, shape: str, submitter: str) -> bool:
    """Whether a submitter has proven an agent of a name that looks so, withdrawn or not."""
    mine = (ENTRIES.c.skeleton == shape) & (ENTRIES.c.submitter == submitter)
    query = ENTRIES.select().with_only_columns(ENTRIES.c.digest).where(mine, ENTRIES.c.rung == "reproduced")
    return connection.execute(query).first() is not None


def keeps_name(connection: Connection, shape: str, submitter: str) -> bool:
    """Whether a submitter keeps a name that looks so: as one who has proven it, or whom the board has not tried yet."""
    mine = (ENTRIES.c.skeleton == shape) & (ENTRIES.c.submitter == submitter)
    untried = ENTRIES.c.reproduction.is_(None) & ENTRIES.c.withdrawn.is_(None)
    query = ENTRIES.select().with_only_columns(ENTRIES.c.digest).where(mine, untried)
    return connection.execute(query).first() is not None or is_proven(connection, shape, submitter)


def give_name(connection: Connection, shape: str, name: str, submitter: str, signer: str | None) -> None:
    """The name goes over to another."""
    connection.execute(
        NAMES.update().where(NAMES.c.skeleton == shape).values(name=name, submitter=submitter, signer=signer)
    )


def insert(connection: Connection, verdict: Verdict, submitter: str, now: str) -> None:
    """A new entry with its public scores; claims its name, which nobody else keeps."""
    assert verdict.record is not None and verdict.digest is not None and verdict.rung is not None
    agent, shape = verdict.record.agent, skeleton(verdict.record.agent.name)
    held = connection.execute(NAMES.select().where(NAMES.c.skeleton == shape)).mappings().first()
    if held is None:
        connection.execute(
            NAMES.insert().values(skeleton=shape, name=agent.name, submitter=submitter, signer=verdict.signer)
        )
    elif held["submitter"] != submitter:
        give_name(connection, shape, agent.name, submitter, verdict.signer)
    elif verdict.signer is not None:
        connection.execute(NAMES.update().where(NAMES.c.skeleton == shape).values(signer=verdict.signer))
    connection.execute(
        ENTRIES.insert().values(
            digest=verdict.digest,
            skeleton=shape,
            agent=agent.name,
            version=agent.version,
            submitter=submitter,
            signer=verdict.signer,
            board=verdict.record.board.name,
            rung=verdict.rung,
            received=now,
            answers=answers_digest(verdict.cells),
            record=verdict.record.model_copy(update={"cells": []}).model_dump_json(),
            cells=json.dumps([cell.model_dump(mode="json") for cell in verdict.cells]),
            warnings=json.dumps(verdict.warnings),
        )
    )
    insert_scores(connection, verdict.digest, "public", verdict.groups)


def promote(connection: Connection, verdict: Verdict) -> None:
    """An entry that was only validated gets its recomputed scores."""
    assert verdict.digest is not None and verdict.rung is not None
    connection.execute(
        ENTRIES.update()
        .where(ENTRIES.c.digest == verdict.digest)
        .values(
            rung=verdict.rung,
            answers=answers_digest(verdict.cells),
            cells=json.dumps([cell.model_dump(mode="json") for cell in verdict.cells]),
            warnings=json.dumps(verdict.warnings),
        )
    )
    insert_scores(connection, verdict.digest, "public", verdict.groups)


def insert_scores(connection: Connection, digest: str, split: str, groups: Iterable[GroupScore]) -> None:
    """Scores of an entry on one split."""
    for group in groups:
        connection.execute(
            SCORES.insert().values(
                digest=digest,
                split=split,
                history=group.history,
                challenge=group.challenge,
                score=group.model_dump_json(exclude={"samples"}),
                samples=np.asarray(group.samples, dtype="<f8").tobytes(),
            )
        )


def select_scores(connection: Connection, split: str) -> dict[str, list[GroupScore]]:
    """Scores of all entries on one split, without samples: digest -> groups, in the order of their names."""
    query = SCORES.select().with_only_columns(SCORES.c.digest, SCORES.c.score).where(SCORES.c.split == split)
    scores_of: dict[str, list[GroupScore]] = {}
    for digest, score in connection.execute(query.order_by(SCORES.c.digest, SCORES.c.history, SCORES.c.challenge)):
        scores_of.setdefault(digest, []).append(GroupScore.model_validate_json(score))
    return scores_of


def select_samples(connection: Connection, split: str) -> dict[str, dict[str, Floats]]:
    """Bootstrap samples of all entries on one split: digest -> group's id -> (B,)."""
    columns = (SCORES.c.digest, SCORES.c.challenge, SCORES.c.history, SCORES.c.samples)
    query = SCORES.select().with_only_columns(*columns).where(SCORES.c.split == split)
    samples_of: dict[str, dict[str, Floats]] = {}
    for digest, challenge, history, samples in connection.execute(query):
        samples_of.setdefault(digest, {})[GroupKey(history, challenge).id] = np.frombuffer(samples, dtype="<f8")
    return samples_of


def answers_digest(cells: Sequence[CellScore]) -> str:
    """sha256 of all fingerprints: equal for entries that answered alike in every cell."""
    rows = sorted((cell.history, cell.challenge, cell.seed, cell.fingerprint) for cell in cells)
    return sha256_bytes(canonical_json([list(row) for row in rows]).encode())


def _entry(row: Any) -> Entry:
    rung = row["rung"]
    assert rung in RUNGS
    return Entry(
        digest=row["digest"],
        agent=row["agent"],
        version=row["version"],
        submitter=row["submitter"],
        signer=row["signer"],
        board=row["board"],
        rung=cast(Rung, rung),
        received=row["received"],
        record=SubmissionRecord.model_validate_json(row["record"]),
        warnings=json.loads(row["warnings"]),
        private_split=row["private_split"],
        reproduced=row["reproduced"],
        reproduction=None
        if row["reproduction"] is None
        else Reproduction.model_validate({**json.loads(row["reproduction"]), "groups": []}),
        withdrawn=row["withdrawn"],
        withdrawn_because=row["withdrawn_because"],
    )
