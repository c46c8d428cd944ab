"""Make a submission from a finished benchmark run: what the board asks and nothing more."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from progressgym.core.errors import UserError
from progressgym.core.files import sha256_bytes, write_bytes, write_folder
from progressgym.core.ids import is_own, parse_id, safe_name
from progressgym.core.provenance import describe_device, package_versions
from progressgym.core.reading import read_object
from progressgym.leaderboard.arrays import write_actions
from progressgym.leaderboard.board import DEFAULT_BOARD, Board, CellKey, load_board
from progressgym.leaderboard.manifest import MANIFEST, SIGNATURE, pack, write_manifest
from progressgym.leaderboard.problems import Refused
from progressgym.leaderboard.reproduce import READER
from progressgym.leaderboard.schema import (
    SUBMISSION,
    AgentInfo,
    BoardInfo,
    CellInfo,
    CodeInfo,
    ModelInfo,
    SubmissionRecord,
)
from progressgym.leaderboard.signing import sign
from progressgym.leaderboard.submission import validate
from progressgym.leaderboard.truth import episode_truth
from progressgym.leaderboard.unpack import Files
from progressgym.scores.cells import CONFIG, DONE, STEPS, archive_of, group_folder, read_cell
from progressgym.scores.records import RunConfig

RESULTS = "results.json"
Model = TypeVar("Model", bound=BaseModel)


@dataclass(kw_only=True, frozen=True)
class About:
    """What the run itself does not know."""

    agent: str
    """Id of the agent in the run."""
    name: str = ""
    """How the board calls it; the id when empty."""
    version: str = "1"
    summary: str = ""
    authors: tuple[str, ...] = ()
    licence: str = ""
    code_url: str = ""
    """Needed for an agent of one's own."""
    code_commit: str = ""
    training_data: str = "none"
    base_model: str = ""
    base_revision: str = ""
    compute_seconds: float | None = None


def package(run: Path, about: About, *, board: str = DEFAULT_BOARD, key: Path | None = None) -> Files:
    """The files of a submission.

    Args:
        run: folder of a finished benchmark.
        about: the rest of `submission.json`.
        board: name of the board.
        key: private key to sign with.

    Raises:
        UserError: a cell is missing or unfinished, or the result would not be accepted as valid.
    """
    grid = load_board(board)
    files: Files = {}
    cells, commits = [], set()
    for cell_key in grid.cells:
        info, config = _add_cell(run, about.agent, grid, cell_key, files)
        cells.append(info)
        commits.add(config.git_commit)
    record = _record(run, about, grid, cells, commits)
    files[SUBMISSION] = (json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n").encode()
    files[MANIFEST] = write_manifest(files)
    if key is not None:
        files[SIGNATURE] = sign(sha256_bytes(files[MANIFEST]), key)
    try:
        validate(files)
    except Refused as refused:
        raise UserError(f"the board would refuse this: {refused.problems[0]}") from None
    return files


def write_submission(files: Files, out: Path) -> None:
    """Write a submission whole: a .zip when `out` ends so, else a folder.

    Raises:
        UserError: it exists.
    """
    if out.exists():
        raise UserError(f"{out} exists; choose another --out or remove it")
    if out.suffix == ".zip":
        write_bytes(out, pack(files))
        return
    with write_folder(out) as staged:
        for name, data in files.items():
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def dirty(files: Files) -> bool:
    """Whether a cell was run from a checkout with uncommitted changes."""
    return any(name.endswith(CONFIG) and b'-dirty"' in data for name, data in files.items())


def agents_in(run: Path, board: Board) -> list[str]:
    """Agents of a run that have a cell of the board's first group, by folder name."""
    group = board.groups[0]
    folder = run / safe_name(group.history) / safe_name(group.challenge)
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _add_cell(run: Path, agent: str, grid: Board, key: CellKey, files: Files) -> tuple[CellInfo, RunConfig]:
    place = group_folder(run, key.history, key.challenge, agent) / str(key.seed)
    if not (place / DONE).is_file() and not archive_of(place).is_file():
        names = agents_in(run, grid)
        raise UserError(
            f"{place} is not a finished cell; {grid.name} asks for {len(grid.cells)} of them: run progressgym bench "
            f"--agents '{agent}' {grid.bench_options} --out {run}"
            + (f" (agents in it: {', '.join(names)})" if names else "")
        )
    cell = read_cell(place)
    played = cell.config.arguments.get("history")
    asked = grid.history_of(key)
    if played != asked:
        raise UserError(
            f"{place} was run on {played}, and {grid.name} asks for {asked}: run progressgym bench {grid.bench_options}"
        )
    files[f"{key.folder}/{CONFIG}"] = cell.files[CONFIG]
    files[f"{key.folder}/{STEPS}"] = write_actions(cell.actions)
    info = CellInfo(
        history=key.history,
        challenge=key.challenge,
        seed=key.seed,
        comparisons=episode_truth(grid, key).comparisons,
        utility=cell.scores.utility,
    )
    return info, cell.config


def _record(run: Path, about: About, grid: Board, cells: list[CellInfo], commits: set[str | None]) -> SubmissionRecord:
    """`submission.json`, from what the run recorded and what the submitter adds."""
    results = read_object(run / RESULTS, "the results of a run") if (run / RESULTS).is_file() else {}
    commit = about.code_commit or next((c for c in commits if c is not None), "").removesuffix("-dirty")
    own = is_own(about.agent)
    _check_model(about)
    fields: dict[str, Any] = {
        "board": BoardInfo(name=grid.name, sha256=grid.digest),
        "agent": _make(
            AgentInfo,
            name=about.name or about.agent,
            version=about.version,
            id=about.agent,
            summary=about.summary or f"{about.name or about.agent}, version {about.version}",
        ),
        "authors": list(about.authors),
        "licence": about.licence,
        "code": _make(CodeInfo, url=about.code_url or None, commit=commit, entry=about.agent if own else None),
        "training_data": about.training_data,
        "base_model": _make(ModelInfo, name=about.base_model, revision=about.base_revision)
        if about.base_model
        else None,
        "hardware": _text(results.get("device")) or describe_device(),
        "packages": results.get("packages") or package_versions(),
        "command": _command(_list(results.get("command"))),
        "created": _text(results.get("created")) or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "compute_seconds": about.compute_seconds,
        "cells": cells,
    }
    return _make(SubmissionRecord, **fields)


def _check_model(about: About) -> None:
    """A language model that is asked in text is entered with its digest, and with what it is and in which revision.

    Raises:
        UserError: it is not.
    """
    variant = parse_id(about.agent)
    if variant.name != READER:
        return
    if not variant.arguments.get("weights"):
        raise UserError(
            f"{about.agent!r} does not say which weights are its own: run it as reader?model=NAME&weights=DIGEST, "
            "with the first 9 signs or more of progressgym.agents.text_reader.digest(NAME)"
        )
    if not (about.base_model and about.base_revision):
        raise UserError("a language model is entered with its hub id or address (--base-model) and --base-revision")


def _make(kind: type[Model], **fields: Any) -> Model:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{kind.__name__}: {where} {first['msg'].removeprefix('Value error, ')}") from None


def _command(parts: Sequence[Any]) -> list[str]:
    """What was typed, without the folders of the submitter's machine."""
    named = [Path(part).name if Path(part).is_absolute() else part for part in map(_text, parts)]
    return [part[:200] for part in ["progressgym", *named[1:]] if part][:100]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []
