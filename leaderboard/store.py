"""The store: entries, their scores and evidence, and a log of every decision that only grows.

Accepting is one transaction: the evidence is written first (atomically, under the hash of its content), then all rows,
then the commit. A process that is killed anywhere leaves an entry that is not there or wholly there; evidence without
an entry is invisible and `sweep` removes it.
"""

from __future__ import annotations

import datetime
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, sha256_bytes
from progressgym.leaderboard import rows
from progressgym.leaderboard.database import DATABASE, EVIDENCE, LOCK, PRIVATE, Database
from progressgym.leaderboard.database_tables import DECISIONS, ENTRIES, NAMES, SCORES, SUBMITTERS
from progressgym.leaderboard.evidence_folder import EvidenceFolder
from progressgym.leaderboard.names import name_problem, skeleton
from progressgym.leaderboard.problems import Problem, plain, problem
from progressgym.leaderboard.records import CellScore, GroupScore, Reproduction, Rung, Verdict
from progressgym.leaderboard.reserved import BOARD, account_problem
from progressgym.leaderboard.rows import Entry, Floats
from progressgym.leaderboard.schema import SUBMISSION
from progressgym.leaderboard.sql import sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

GENESIS = "0" * 64


@dataclass(kw_only=True, frozen=True)
class Receipt:
    """What became of a submission."""

    id: str | None
    """First 16 digits of the digest; None when it could not be read."""
    rung: Rung | None
    """None: refused."""
    created: bool
    """False for a refusal, and for a submission that was there already."""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(kw_only=True, frozen=True)
class Decision:
    """One line of the log."""

    sequence: int
    at: str
    action: str
    """`accepted`, `recomputed`, `refused`, `withdrawn`, `reproduced`, `not-reproduced`, `attempted`, `not-attempted`,
    `enrolled`."""
    actor: str
    digest: str | None
    reasons: list[str] = field(default_factory=list)
    sha256: str = ""


class Store:
    """All entries of a leaderboard."""

    def __init__(self, database: Database, evidence: EvidenceFolder, private: Path) -> None:
        """Use a database and two folders; see `open`."""
        self._database = database
        self.evidence = evidence
        self.private = private
        """Where private histories lie, see `progressgym.leaderboard.hidden`; it need not exist."""

    @classmethod
    def open(cls, where: Path | str, evidence: Path | str | None = None, *, create: bool = True) -> Store:
        """Open a store, and make it when it is not there.

        Args:
            where: a folder (SQLite and evidence lie in it), or an SQLAlchemy URL such as
                `postgresql+psycopg://user@host/name`.
            evidence: folder of the evidence; needed with a URL.
            create: False only opens what is there.

        Raises:
            UserError: it cannot be used, or is not there and shall not be made.
        """
        text = str(where)
        try:
            if "://" in text:
                if evidence is None:
                    raise UserError("a store by URL needs a folder for its evidence; give evidence=FOLDER")
                folder = Path(evidence)
                return cls(Database(text, folder / LOCK, create=create), EvidenceFolder(folder), folder / PRIVATE)
            root = Path(where)
            folder = Path(evidence) if evidence is not None else root / EVIDENCE
            if create:
                root.mkdir(parents=True, exist_ok=True)
            database = Database(root / DATABASE, root / LOCK, create=create)
            return cls(database, EvidenceFolder(folder), root / PRIVATE)
        except OSError as error:
            raise UserError(f"cannot use {text} as a store: {error.strerror or error}") from None

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    # Decisions.

    def submit(self, verdict: Verdict, evidence: bytes | None, submitter: str) -> Receipt:
        """Take a verdict into the store: a new entry, the entry that is there already, or a refusal in the log.

        Args:
            verdict: of `verify`.
            evidence: the zip that belongs to it.
            submitter: who submits; the name of an account.

        Raises:
            UserError: the disk is full or not writable; nothing has changed then.
        """
        who = submitter_name(submitter)
        with self._database.writing() as connection:
            if not verdict.accepted or verdict.record is None or verdict.digest is None or evidence is None:
                return self._refuse(connection, verdict, verdict.problems, who)
            there = rows.find(connection, verdict.digest)
            if there is not None and there.withdrawn is None:
                return self._again(connection, verdict, there, who)
            problems = _clashes(connection, verdict, who)
            if problems:
                return self._refuse(connection, verdict, problems, who)
            try:
                self.evidence.sweep_staged()
                self.evidence.keep(verdict.digest, evidence)
            except OSError as error:
                raise UserError(f"the evidence cannot be written: {error.strerror or error}") from error
            rows.insert(connection, verdict, who, _now())
            _log(connection, "accepted", who, verdict.digest, verdict.warnings)
        return Receipt(id=verdict.digest[:16], rung=verdict.rung, created=True, warnings=tuple(verdict.warnings))

    def withdraw(self, digest: str, actor: str, reason: str) -> None:
        """Take an entry off the board; a tombstone stays, and its name and version are never used again.

        Raises:
            UserError: no such entry, or it belongs to somebody else.
        """
        who = submitter_name(actor)
        with self._database.writing() as connection:
            entry = rows.get(connection, digest)
            if entry.withdrawn is not None:
                return
            if who not in (entry.submitter, BOARD):
                raise UserError(f"{entry.id} belongs to {entry.submitter}; only they or the board can withdraw it")
            _update(connection, entry.digest, withdrawn=_now(), withdrawn_because=plain(reason))
            _log(connection, "withdrawn", who, entry.digest, [plain(reason)])

    def record_reproduction(self, digest: str, reproduction: Reproduction, actor: str = BOARD) -> Reproduction:
        """Write down what running the agent on the private split gave; the entry climbs if the public run matched.

        Private scores of an older split are replaced. An entry that answers as an earlier one of somebody else, which
        was proven meanwhile, does not climb, nor does one whose name somebody else has proven meanwhile.

        Returns:
            What was written down.

        Raises:
            UserError: no such entry, or it was withdrawn.
        """
        with self._database.writing() as connection:
            entry = rows.get(connection, digest)
            if entry.withdrawn is not None:
                raise UserError(f"{entry.id} was withdrawn on {entry.withdrawn}")
            if reproduction.matches and entry.rung != "reproduced":
                reproduction = _settle_name(connection, entry, _unless_copy(connection, entry, reproduction))
            text = reproduction.model_dump_json(exclude={"groups"})
            _update(connection, entry.digest, reproduction=text)
            if reproduction.matches:
                connection.execute(SCORES.delete().where(SCORES.c.digest == entry.digest, SCORES.c.split == "private"))
                rows.insert_scores(connection, entry.digest, "private", reproduction.groups)
                _update(
                    connection, entry.digest, rung="reproduced", private_split=reproduction.split, reproduced=_now()
                )
            action = "reproduced" if reproduction.matches else "not-reproduced"
            _log(
                connection,
                action,
                submitter_name(actor),
                entry.digest,
                [plain(reproduction.note)] if reproduction.note else [],
            )
        return reproduction

    def note(self, action: str, actor: str, digest: str | None = None, reasons: Sequence[str] = ()) -> None:
        """Write a line of the log that changes no entry, such as a private attempt."""
        with self._database.writing() as connection:
            _log(connection, action, submitter_name(actor), digest, [plain(reason) for reason in reasons])

    def attempt(self, actor: str, digest: str, *, most: int, per: datetime.timedelta) -> None:
        """Take one of an actor's attempts at the private split; counted before it is made, whatever comes of it.

        Raises:
            UserError: there are none left in this span of time.
        """
        who = submitter_name(actor)
        with self._database.writing() as connection:
            used = _count(connection, who, "attempted", datetime.datetime.now(datetime.UTC) - per)
            if used >= most:
                raise UserError(
                    f"{who} has used {used} of {most} attempts in {per.days} days; the private split stays private"
                )
            _log(connection, "attempted", who, rows.get(connection, digest).digest, [])

    def sweep(self) -> int:
        """Remove evidence without an entry; returns how many files. Nobody else can submit meanwhile."""
        with self._database.writing() as connection:
            return self.evidence.sweep({entry.digest for entry in rows.select(connection)})

    def tidy(self) -> int:
        """Remove evidence that a killed process left half written; returns how many files. For the start of a process."""
        with self._database.writing():
            return self.evidence.sweep_staged()

    # Questions.

    def entry(self, digest: str) -> Entry:
        """An entry by digest, or by the beginning of one that only it has.

        Raises:
            UserError: no such entry.
        """
        with self._database.reading() as connection:
            return rows.get(connection, digest)

    def entries(self, *, withdrawn: bool = False) -> list[Entry]:
        """All entries, oldest first; tombstones only if asked for."""
        with self._database.reading() as connection:
            return [one for one in rows.select(connection) if withdrawn or one.withdrawn is None]

    def scores(self, split: str) -> dict[str, list[GroupScore]]:
        """Scores of all entries, without samples: digest -> groups.

        Args:
            split: `public` or `private`.
        """
        with self._database.reading() as connection:
            return rows.select_scores(connection, split)

    def samples(self, split: str) -> dict[str, dict[str, Floats]]:
        """Bootstrap samples of all skills: digest -> group's id -> (B,)."""
        with self._database.reading() as connection:
            return rows.select_samples(connection, split)

    def cells(self, digest: str) -> list[CellScore]:
        """Recomputed cells of an entry."""
        with self._database.reading() as connection:
            return rows.select_cells(connection, rows.get(connection, digest).digest)

    def read_evidence(self, digest: str) -> bytes:
        """The zip of an entry that is not withdrawn."""
        entry = self.entry(digest)
        if entry.withdrawn is not None:
            raise UserError(f"{entry.id} was withdrawn on {entry.withdrawn}")
        return self.evidence.read(entry.digest)

    def revision(self) -> int:
        """Number of the last decision: unchanged means that the standings are unchanged."""
        with self._database.reading() as connection:
            return _last(connection)[0]

    def log(self, after: int = 0, limit: int = 1000) -> list[Decision]:
        """Decisions after a sequence number, oldest first."""
        query = DECISIONS.select().where(DECISIONS.c.sequence > after).order_by(DECISIONS.c.sequence).limit(limit)
        with self._database.reading() as connection:
            return [_decision(row) for row in connection.execute(query).mappings()]

    def check_log(self) -> None:
        """Follow the chain of hashes through the whole log.

        Raises:
            UserError: a line was changed, removed or put in.
        """
        previous, expected = GENESIS, 1
        with self._database.reading() as connection:
            for row in connection.execute(DECISIONS.select().order_by(DECISIONS.c.sequence)).mappings():
                if row["sequence"] != expected or row["previous"] != previous or row["sha256"] != _chained(dict(row)):
                    raise UserError(f"the log of decisions was tampered with at line {expected}")
                previous, expected = row["sha256"], expected + 1

    def count(self, actor: str, action: str, since: datetime.datetime) -> int:
        """How many decisions of a kind an actor has caused since a moment: for limits."""
        with self._database.reading() as connection:
            return _count(connection, actor, action, since)

    # Accounts.

    def enrol(self, name: str) -> str:
        """Add a submitter; returns the token, which is not kept and cannot be shown again.

        Raises:
            UserError: no name, a reserved one, or one that is taken or looks like one that is.
        """
        who = submitter_name(name)
        if (reason := account_problem(who)) is not None:
            raise UserError(f"submitter {who!r} {reason}")
        token = secrets.token_urlsafe(32)
        with self._database.writing() as connection:
            there = set(connection.execute(SUBMITTERS.select().with_only_columns(SUBMITTERS.c.name)).scalars())
            if who in there:
                raise UserError(f"there is a submitter {who!r} already")
            there |= set(connection.execute(sa.select(ENTRIES.c.submitter).distinct()).scalars())
            alike = sorted(other for other in there if other != who and skeleton(other) == skeleton(who))
            if alike:
                raise UserError(f"submitter {who!r} looks like {alike[0]!r}, who is there already; choose another name")
            connection.execute(SUBMITTERS.insert().values(name=who, token_sha256=_hashed(token), added=_now()))
            _log(connection, "enrolled", who, None, [])
        return token

    def submitter_of(self, token: str) -> str | None:
        """Whose token this is, or None."""
        digest = _hashed(token)
        query = SUBMITTERS.select().where(SUBMITTERS.c.token_sha256 == digest)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return str(row["name"]) if row is not None and hmac.compare_digest(row["token_sha256"], digest) else None

    def _again(self, connection: Connection, verdict: Verdict, there: Entry, who: str) -> Receipt:
        """The same content once more: nothing changes, unless it was only validated and is recomputed now."""
        rung = there.rung
        if (rung, verdict.rung) == ("validated", "recomputed"):
            if copies := _copies(connection, verdict, there.submitter, there.received):
                return self._refuse(connection, verdict, copies, who)
            rows.promote(connection, verdict)
            _log(connection, "recomputed", who, there.digest, verdict.warnings)
            rung = "recomputed"
        return Receipt(id=there.id, rung=rung, created=False, warnings=tuple(there.warnings))

    def _refuse(self, connection: Connection, verdict: Verdict, problems: Sequence[Problem], who: str) -> Receipt:
        _log(connection, "refused", who, verdict.digest, [str(one) for one in problems])
        return Receipt(
            id=None if verdict.digest is None else verdict.digest[:16],
            rung=None,
            created=False,
            problems=tuple(problems),
        )


def _clashes(connection: Connection, verdict: Verdict, who: str) -> list[Problem]:
    """Why a valid submission cannot stand beside what is there."""
    assert verdict.record is not None and verdict.digest is not None
    agent, shape = verdict.record.agent, skeleton(verdict.record.agent.name)
    there = rows.find(connection, verdict.digest)
    if there is not None:
        return [problem("withdrawn", SUBMISSION, f"was withdrawn on {there.withdrawn}; submit a new version instead")]
    name = connection.execute(NAMES.select().where(NAMES.c.skeleton == shape)).mappings().first()
    if name is not None and name["submitter"] != who and not rows.keeps_name(connection, shape, name["submitter"]):
        name = None  # tried and not proven: it goes over
    if name is not None and name["name"] != agent.name:
        return [_at_name(f"looks like {name['name']!r}, which is taken", "name-alike")]
    if name is not None and name["submitter"] != who:
        return [_at_name(f"belongs to {name['submitter']!r}, who used it first", "name-taken")]
    if name is not None and name["signer"] is not None and name["signer"] != verdict.signer:
        return [problem("signer", SUBMISSION, "earlier versions were signed by another key; sign with the same one")]
    same = ENTRIES.select().where(ENTRIES.c.skeleton == shape, ENTRIES.c.version == agent.version)
    if connection.execute(same).first() is not None:
        where = f"{SUBMISSION}#/agent/version"
        return [problem("version-taken", where, f"{agent.name} {agent.version} has other content; raise the version")]
    return _copies(connection, verdict, who)


def _copies(connection: Connection, verdict: Verdict, who: str, received: str | None = None) -> list[Problem]:
    """Whether somebody else's entry, proven by the board, answered alike in every cell."""
    assert verdict.record is not None
    if not verdict.cells:
        return []
    answers, agent = rows.answers_digest(verdict.cells), verdict.record.agent.id
    original = rows.proven_original(connection, answers, agent, who, received)
    if original is None:
        return []
    return [problem("copy", SUBMISSION, f"every answer is the same as that of {_called(original)}: a copy")]


def _unless_copy(connection: Connection, entry: Entry, reproduction: Reproduction) -> Reproduction:
    """A reproduction that matches, or the same as a failure where the answers are an earlier proven entry's."""
    answers, agent = rows.answers_of(connection, entry.digest), entry.record.agent.id
    original = rows.proven_original(connection, answers, agent, entry.submitter, entry.received)
    if original is None:
        return reproduction
    note = f"{reproduction.note}; every answer is the same as that of {_called(original)}: a copy".removeprefix("; ")
    return reproduction.model_copy(update={"matches": False, "groups": [], "note": note})


def _settle_name(connection: Connection, entry: Entry, reproduction: Reproduction) -> Reproduction:
    """A reproduction that matches, or the same as a failure where another has proven an agent of this name before."""
    if not reproduction.matches:
        return reproduction
    shape = skeleton(entry.agent)
    holder = connection.execute(NAMES.select().where(NAMES.c.skeleton == shape)).mappings().one()["submitter"]
    if holder == entry.submitter:
        return reproduction
    if not rows.is_proven(connection, shape, holder):
        rows.give_name(connection, shape, entry.agent, entry.submitter, entry.signer)
        return reproduction
    note = f"{reproduction.note}; its name belongs to {holder!r}, who proved it first".removeprefix("; ")
    return reproduction.model_copy(update={"matches": False, "groups": [], "note": note})


def _called(entry: Entry) -> str:
    return f"{entry.agent} {entry.version}"


def _at_name(message: str, code: str) -> Problem:
    return problem(code, f"{SUBMISSION}#/agent/name", message)


def _log(connection: Connection, action: str, actor: str, digest: str | None, reasons: Sequence[str]) -> None:
    sequence, previous = _last(connection)
    row: dict[str, Any] = {
        "sequence": sequence + 1,
        "at": _now(),
        "action": action,
        "actor": actor,
        "digest": digest,
        "reasons": json.dumps(list(reasons)),
        "previous": previous,
    }
    connection.execute(DECISIONS.insert().values(**row, sha256=_chained(row)))


def _count(connection: Connection, actor: str, action: str, since: datetime.datetime) -> int:
    after = since.astimezone(datetime.UTC).isoformat(timespec="seconds")
    mine = (DECISIONS.c.actor == actor) & (DECISIONS.c.action == action) & (DECISIONS.c.at >= after)
    query = DECISIONS.select().with_only_columns(DECISIONS.c.sequence).where(mine)
    return len(connection.execute(query).all())


def _last(connection: Connection) -> tuple[int, str]:
    query = DECISIONS.select().order_by(DECISIONS.c.sequence.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return (0, GENESIS) if row is None else (int(row["sequence"]), str(row["sha256"]))


def _chained(row: dict[str, Any]) -> str:
    content = {key: value for key, value in row.items() if key != "sha256"}
    return sha256_bytes(canonical_json(content).encode())


def _decision(row: Any) -> Decision:
    return Decision(
        sequence=row["sequence"],
        at=row["at"],
        action=row["action"],
        actor=row["actor"],
        digest=row["digest"],
        reasons=json.loads(row["reasons"]),
        sha256=row["sha256"],
    )


def _update(connection: Connection, digest: str, **values: str) -> None:
    connection.execute(ENTRIES.update().where(ENTRIES.c.digest == digest).values(**values))


def submitter_name(name: str) -> str:
    """The name of a submitter, as it is.

    Raises:
        UserError: it cannot be one.
    """
    if (reason := name_problem(name)) is not None:
        raise UserError(f"submitter {plain(name, 60)!r} {reason}")
    return name


def _hashed(token: str) -> str:
    return sha256_bytes(token.encode())


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
