"""`submission.json`: who submits what, made how. Strict and closed: unknown keys, coerced types and NaN are errors.

Scores are not part of it. A cell may claim its utility, and a claim that differs from what is recomputed refuses the
submission; nothing that a submitter says ever becomes a score.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from progressgym.leaderboard.names import name_problem, text_problem
from progressgym.leaderboard.problems import Problem, Refused, plain, pointer, problem
from progressgym.leaderboard.strict_json import parse_json
from progressgym.scores.records import SCHEMA_VERSION, Finite, SchemaVersion, Sha256

SUBMISSION = "submission.json"
CLOCK_SKEW = datetime.timedelta(days=1)
"""How far ahead a submitter's clock may be."""
EARLIEST = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
_LOCAL = ("localhost", ".local", ".internal", ".lan", ".home.arpa", ".onion")
Model = TypeVar("Model", bound=BaseModel)


def _named(value: str) -> str:
    if (reason := name_problem(value)) is not None:
        raise ValueError(reason)
    return value


def _short(value: str) -> str:
    if (reason := text_problem(value, 200)) is not None:
        raise ValueError(reason)
    return value


def _long(value: str) -> str:
    if (reason := text_problem(value, 2000)) is not None:
        raise ValueError(reason)
    return value


def _link(value: str) -> str:
    host = re.fullmatch(r"https://([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)(?:/[A-Za-z0-9._~/@%+-]*)?", value)
    if host is None or len(value) > 300:
        raise ValueError("must be an https:// address of a named host, without port, user, query or fragment")
    name = host[1].lower()
    if name.endswith(_LOCAL) or re.fullmatch(r"[0-9.]+", name) or name.rpartition(".")[2].isdigit():
        raise ValueError("must be an address that everyone can reach, not one inside of a network")
    return value


def _moment(value: str) -> str:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00)", value):
        raise ValueError("must be a time in UTC such as 2026-01-31T12:00:00+00:00")
    moment = datetime.datetime.fromisoformat(value)
    if moment < EARLIEST or moment > datetime.datetime.now(datetime.UTC) + CLOCK_SKEW:
        raise ValueError("lies in the future or before this project; check the clock")
    return value


Name = Annotated[str, AfterValidator(_named)]
Short = Annotated[str, AfterValidator(_short)]
Long = Annotated[str, AfterValidator(_long)]
Link = Annotated[str, AfterValidator(_link)]
Moment = Annotated[str, AfterValidator(_moment)]
Version = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,31}$")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")]
Licence = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 .()+-]{0,79}$")]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class AgentInfo(_Record):
    """What is ranked."""

    name: Name
    """How the board calls it. The first who uses a name keeps it."""
    version: Version
    """Goes up with every change: one name and version is one content."""
    id: Name
    """What the cells call it: a shipped agent's id or `module:Class`."""
    summary: Short
    """One line for the page."""


class CodeInfo(_Record):
    """Where the agent's code is, so that anybody can run it."""

    url: Link | None = None
    """None for an agent that comes with progressgym."""
    commit: Commit
    entry: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]{0,120}(?::[A-Za-z_]\w{0,60})?$")] | None = None
    """`module:Class`; None for an agent that comes with progressgym."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.entry is not None and self.url is None:
            raise ValueError("an agent of one's own needs the address of its code: url")
        return self


class ModelInfo(_Record):
    """A model that the agent is built on."""

    name: Short
    revision: Short


class BoardInfo(_Record):
    """Which board, and the content of its grid, histories and instrument."""

    name: Annotated[str, Field(pattern=r"^board-v[0-9]{1,4}$")]
    sha256: Sha256


class CellInfo(_Record):
    """One run cell; its files lie in `cells/<history>/<challenge>/<seed>/`."""

    history: Annotated[str, Field(max_length=100)]
    challenge: Annotated[str, Field(max_length=100)]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)]
    comparisons: Sha256
    """Of what the seed decided: history, asked pairs, labels; must equal the board's replay."""
    utility: Finite | None = None
    """What the submitter's own scoring said; compared, never used."""


class SubmissionRecord(_Record):
    """The whole of `submission.json`."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    board: BoardInfo
    agent: AgentInfo
    authors: Annotated[list[Short], Field(min_length=1, max_length=50)]
    licence: Licence
    """SPDX expression of the code."""
    code: CodeInfo
    training_data: Long
    """What the agent was trained on, histories included; `none` when nothing."""
    base_model: ModelInfo | None = None
    hardware: Short
    packages: Annotated[dict[Short, Short], Field(max_length=200)]
    command: Annotated[list[Short], Field(max_length=100)]
    created: Moment
    compute_seconds: Seconds | None = None
    """Wall time of the runs, as the submitter measured it."""
    cells: Annotated[list[CellInfo], Field(max_length=5000)]


class SignatureRecord(_Record):
    """`SIGNATURE.json`: who vouches for the manifest. It says who, not whether it is true."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    algorithm: Literal["ed25519"]
    public_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    manifest: Sha256
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]


def parse_model(data: bytes, kind: type[Model], where: str) -> Model:
    """Read a stranger's JSON into a schema.

    Raises:
        Refused: with every error, each with a JSON pointer.
    """
    value: Any = parse_json(data, where)
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise Refused(_problems(error, where)) from None
    except RecursionError:
        raise Refused([problem("schema", where, "nested too deeply")]) from None


def _problems(error: ValidationError, where: str) -> Iterable[Problem]:
    for one in error.errors(include_url=False, include_input=False, include_context=False)[:50]:
        place = pointer(*(plain(str(part), 80) for part in one["loc"]))
        yield problem("schema", f"{where}#{place}", one["msg"].removeprefix("Value error, "))
