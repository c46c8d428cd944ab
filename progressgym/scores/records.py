"""Schemas of the files that a run leaves behind: strict, closed, and without NaN or infinity.

`config.json` says what was run, `scores.json` what came out, `DONE.json` that everything before it was written whole,
`results.json` gathers the cells of one benchmark. A file that does not fit its schema is refused in one line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from progressgym.core.errors import UserError
from progressgym.core.files import canonical_json, read_json, sha256_bytes, write_text

SCHEMA_VERSION: Literal[1] = 1


def _whole(value: object) -> object:
    """Pydantic compares a literal by `==`, by which `true` and `1.0` are 1."""
    if type(value) is not int:
        raise ValueError("must be a whole number, and not true or 1.0")
    return value


SchemaVersion = Annotated[Literal[1], BeforeValidator(_whole)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Scalar = str | int | Finite | bool
Record = TypeVar("Record", bound="Sealed")


class Sealed(BaseModel):
    """Base of all schemas: unknown keys, wrong types and numbers that JSON does not have are errors."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Source(Sealed):
    """A named thing and the hash of its content: a history or an instrument."""

    name: str
    hash: Sha256


class RunConfig(Sealed):
    """`config.json`: everything that is needed to run a cell again."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    environment: str
    """Gymnasium id, for example `ProgressGym/Follow-v0`."""
    arguments: dict[str, Scalar | None]
    """Keyword arguments of the environment, defaults written out."""
    challenge: str
    """The challenge's variant id as in tables and paths, for example `predict?horizon=2`."""
    agent: str
    """The agent's variant id, for example `lifelong-dpo?independent=true`."""
    seed: Annotated[int, Field(ge=0)]
    history: Source
    instrument: Source
    rng_scheme: str
    package_version: str
    git_commit: str | None = None
    live: bool = False
    """True for a closed loop with a live model: it can be reproduced but not recomputed from the record."""
    sha256: Sha256
    """sha256 of the canonical JSON of all other fields; see `RunConfig.make`."""

    @classmethod
    def make(cls, **fields: Any) -> Self:
        """Build a config with its own hash filled in."""
        draft = cls.model_validate({**fields, "sha256": "0" * 64})
        return draft.model_copy(update={"sha256": draft.digest()})

    def digest(self) -> str:
        """sha256 of the canonical JSON of all fields except `sha256`."""
        return sha256_bytes(canonical_json(self.model_dump(mode="json", exclude={"sha256"})).encode())

    def same_run(self, other: RunConfig) -> bool:
        """Whether two configs ask for the same numbers: everything but the code version is equal."""
        skip = {"sha256", "git_commit", "package_version"}
        return all(getattr(self, name) == getattr(other, name) for name in RunConfig.model_fields if name not in skip)


class StepScores(Sealed):
    """The numbers of one cell without the paths of values. Lists have one entry a step."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    utility: Finite
    """U: the sum of `utilities`."""
    utilities: list[Finite]
    static_utilities: list[Finite]
    """The same steps for an agent that answers as in century 0 for ever."""
    reference_utilities: list[Finite]
    """The same steps for the challenge's reference."""
    drift_cosine: list[Finite | None]
    """None where the human did not move."""
    dimension_error: list[Finite]
    published: dict[str, Finite]
    """Scores on the published scales, by name."""
    lock_in: dict[str, Finite] = Field(default_factory=dict)
    """Coevolve only: measures of how far the simulated human was locked in."""
    justifiability: list[Finite | None] = Field(default_factory=list)
    """Each step: share of the answers that differ from century 0's which win a debate before the target century."""

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        steps = len(self.utilities)
        for name in ("static_utilities", "reference_utilities", "drift_cosine", "dimension_error", "agent_values"):
            if len(getattr(self, name, self.utilities)) != steps:
                raise ValueError(f"{name} has {len(getattr(self, name))} entries for {steps} steps")
        return self


class RunScores(StepScores):
    """`scores.json`: the numbers of one cell."""

    agent_values: list[list[Finite | None]]
    """(steps, 19); None on dimensions that the instrument does not cover."""
    human_values: list[list[Finite | None]]
    """(T, 19) values of the human path."""

    def without_paths(self) -> StepScores:
        """The numbers without the paths of values."""
        return StepScores.model_construct(**{name: getattr(self, name) for name in StepScores.model_fields})


class Done(Sealed):
    """`DONE.json`, written last: the sha256 of every other file of the cell."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    files: dict[str, Sha256]


class IntervalRecord(Sealed):
    """A number with its 95 % interval."""

    low: Finite
    mid: Finite
    high: Finite


class ExplainedRecord(Sealed):
    """Drift explained, see `scores.explained`."""

    interval: IntervalRecord | None
    """None where the human's drift cannot be told from no drift."""
    spread: Finite
    """Standard deviation over runs of a run's own figure: what another seed or split does."""
    shares: dict[str, Finite]
    """Shares of the interval's variance that come from items, runs and people."""
    ahead: dict[str, IntervalRecord] = Field(default_factory=dict)
    """Other agent -> how much more of the drift is explained, of the same runs: a paired difference."""


class Aggregate(Sealed):
    """One row of the table: an agent on a challenge and a history, over seeds."""

    agent: str
    challenge: str
    history: str
    seeds: Annotated[int, Field(ge=1)]
    splits: bool = False
    """Whether every seed divided the items anew."""
    explained: ExplainedRecord | None = None
    """Drift explained; None for challenges that it does not rank."""
    skill: IntervalRecord | None
    """None: not identified, not ranked."""
    item_bias: Finite | None = None
    """How much the skill exceeds (negative: falls short of) that on an endless questionnaire, to first order."""
    runs: list[Finite] = Field(default_factory=list)
    """A run's own (U - U_static) / (mean lead), in the order of the seeds; empty when not identified."""
    utility: IntervalRecord
    static: Finite
    reference: Finite
    lead: IntervalRecord
    similarity: Finite
    """Raw mean cosine over steps and seeds."""
    drift_cosine: Finite | None
    dimension_error: Finite
    published: dict[str, Finite]
    lock_in: dict[str, IntervalRecord] = Field(default_factory=dict)
    """Coevolve only: measures of the simulated human after the last step, with intervals over seeds."""
    front: Annotated[int, Field(ge=1)] | None = None
    """Coevolve only, and only what is ranked: 1 on the Pareto front of utility and little displacement, 2 on the front
    of what is left without it, and so on."""
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Wall time of a run, mean over seeds, without scoring; None where it was not kept."""
    justifiability: Finite | None = None
    """Mean of the cells' justifiability over steps and seeds; None where no answer ever differs."""
    privileged: bool = False
    """True for references that read the truth; they are never ranked."""
    unmet: list[str] = Field(default_factory=list)
    """Conditions that its run fails, with the reason, a line each; what fails one is not ranked."""
    labels: str = "probability"


class AcrossHistories(Sealed):
    """One agent on one challenge, over all histories on which its skill is identified; see `scores.improvement`."""

    agent: str
    challenge: str
    histories: Annotated[list[str], Field(min_length=1)]
    runs: Annotated[int, Field(ge=1)]
    """How many runs on all of them."""
    interquartile_mean: IntervalRecord
    """Of the runs' skills."""
    improvement: dict[str, IntervalRecord]
    """Other agent -> probability that a run beats one of the other's, mean over the histories that both have."""
    privileged: bool = False
    labels: str = "probability"


class Cell(Sealed):
    """One finished run: what and what came out."""

    config: RunConfig
    scores: RunScores | StepScores
    """Without the paths of values, which are in the cell's own `scores.json`; with them in files of versions before."""


class Results(Sealed):
    """`results.json`: a whole benchmark."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    command: list[str]
    git_commit: str | None
    packages: dict[str, str]
    device: str
    created: str
    """ISO 8601, UTC."""
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    cells: list[Cell]
    aggregates: list[Aggregate]
    across: list[AcrossHistories] = Field(default_factory=list)
    findings: list[str] = Field(default_factory=list)
    """What a reader must know about the numbers, in sentences: who steers, what is not identified."""
    warnings: list[str] = Field(default_factory=list)

    def without_paths(self) -> Self:
        """What is written: the paths of values, most of the text, stay in the cells' own files."""
        cells = [
            cell.model_copy(update={"scores": cell.scores.without_paths()})
            if isinstance(cell.scores, RunScores)
            else cell
            for cell in self.cells
        ]
        return self.model_copy(update={"cells": cells})


def load_record(path: Path | str, kind: type[Record]) -> Record:
    """Read a JSON file into a schema.

    Raises:
        UserError: one line that names the file, the field and what is wrong with it.
    """
    value = read_json(path)
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise _misfit(error, kind, path) from None


def parse_record(data: bytes, kind: type[Record], path: Path | str) -> Record:
    """The same from bytes that were read already; `path` is what a message calls them."""
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise _misfit(error, kind, path) from None


def _misfit(error: ValidationError, kind: type[Sealed], path: Path | str) -> UserError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the whole file"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return UserError(f"{path} is not a valid {kind.__name__}: {where}: {first['msg']}{more}")


def save_record(path: Path | str, record: BaseModel) -> None:
    """Write a record as JSON on one line, atomically: a benchmark's has more than a million numbers."""
    write_text(path, record.model_dump_json() + "\n")
