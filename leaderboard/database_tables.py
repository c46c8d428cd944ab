"""The store's tables. A change here needs a migration; a test compares the two.

Times are ISO 8601 strings in UTC, records are JSON texts, so that SQLite and PostgreSQL hold the same thing.
"""

from __future__ import annotations

from progressgym.leaderboard.sql import sa

METADATA = sa.MetaData()

NAMES = sa.Table(
    "names",
    METADATA,
    sa.Column("skeleton", sa.String(80), primary_key=True, comment="what the name looks like"),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("submitter", sa.String(64), nullable=False, comment="who used it first and keeps it"),
    sa.Column("signer", sa.String(64), comment="public key of the first signed version"),
)
ENTRIES = sa.Table(
    "entries",
    METADATA,
    sa.Column("digest", sa.String(64), primary_key=True, comment="sha256 of the manifest"),
    sa.Column("skeleton", sa.String(80), sa.ForeignKey("names.skeleton"), nullable=False),
    sa.Column("agent", sa.String(64), nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("submitter", sa.String(64), nullable=False),
    sa.Column("signer", sa.String(64)),
    sa.Column("board", sa.String(32), nullable=False),
    sa.Column("rung", sa.String(16), nullable=False),
    sa.Column("received", sa.String(32), nullable=False),
    sa.Column("answers", sa.String(64), nullable=False, index=True, comment="sha256 of all rounded answers"),
    sa.Column("record", sa.Text, nullable=False, comment="submission.json without its cells"),
    sa.Column("cells", sa.Text, nullable=False, comment="recomputed utilities and fingerprints"),
    sa.Column("warnings", sa.Text, nullable=False),
    sa.Column("private_split", sa.String(64), comment="version of the private split it was reproduced on"),
    sa.Column("reproduced", sa.String(32), comment="when"),
    sa.Column("reproduction", sa.Text, comment="what the reproduction said, without scores"),
    sa.Column("withdrawn", sa.String(32), comment="when; the row stays as a tombstone"),
    sa.Column("withdrawn_because", sa.String(300)),
    sa.UniqueConstraint("skeleton", "version", name="one_content_a_version"),
)
SCORES = sa.Table(
    "scores",
    METADATA,
    sa.Column("digest", sa.String(64), sa.ForeignKey("entries.digest"), primary_key=True),
    sa.Column("split", sa.String(8), primary_key=True, comment="public or private"),
    sa.Column("history", sa.String(100), primary_key=True),
    sa.Column("challenge", sa.String(100), primary_key=True),
    sa.Column("score", sa.Text, nullable=False, comment="a GroupScore without its samples"),
    sa.Column(
        "samples", sa.LargeBinary, nullable=False, comment="little-endian float64 bootstrap samples of the skill"
    ),
)
DECISIONS = sa.Table(
    "decisions",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("actor", sa.String(64), nullable=False, index=True),
    sa.Column("digest", sa.String(64), comment="of the submission, where it could be read"),
    sa.Column("reasons", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False, comment="sha256 of the decision before"),
    sa.Column("sha256", sa.String(64), nullable=False, comment="of this decision and the one before"),
)
SUBMITTERS = sa.Table(
    "submitters",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("token_sha256", sa.String(64), nullable=False, unique=True, comment="the token itself is not kept"),
    sa.Column("added", sa.String(32), nullable=False),
)
