"""Write cells, and find those that need not be run again; what a cell is, and how it is read: `progressgym.scores.cells`."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from progressgym.core.errors import UserError
from progressgym.core.files import discard, npz_bytes, sha256_bytes, write_bytes, write_folder
from progressgym.scores.cells import (
    AGENT,
    CONFIG,
    DONE,
    LOG,
    SCORES,
    STEPS,
    FinishedCell,
    archive_of,
    group_folder,
    read_cell,
)
from progressgym.scores.records import Done, RunConfig, RunScores

__all__ = ["FinishedCell", "archive_of", "group_folder", "read_cell", "reusable", "write_cell"]


def write_cell(
    place: Path,
    *,
    config: RunConfig,
    actions: NDArray[np.float32],
    scores: RunScores,
    log: list[dict[str, Any]] | None = None,
    source: str | None = None,
) -> None:
    """Write a finished cell; an older one at the same place is replaced.

    Args:
        place: of the cell, `<agent>/<seed>`.
        config: what was run.
        actions: (n, N, K) exactly as given.
        scores: what came out.
        log: one row a step; with it the cell is a folder of files, without it one archive.
        source: sha256 of the source of a user's own agent.
    """
    files = {CONFIG: _pretty(config), STEPS: npz_bytes(actions=actions), SCORES: _pretty(scores)}
    if log is not None:
        files[LOG] = "".join(json.dumps(row, allow_nan=False) + "\n" for row in log).encode()
    if source is not None:
        files[AGENT] = (json.dumps({"source_sha256": source}) + "\n").encode()
    files[DONE] = _pretty(Done(files={name: sha256_bytes(data) for name, data in sorted(files.items())}))
    if log is None:
        write_bytes(archive_of(place), _archive(files))
        discard(place)  # of an older run, or damaged
        return
    with write_folder(place) as staged:  # flushes every file before the folder gets its name
        for name, data in files.items():
            (staged / name).write_bytes(data)
    archive_of(place).unlink(missing_ok=True)


def reusable(place: Path, config: RunConfig, source: str | None = None) -> FinishedCell | None:
    """The finished cell at a place, if it is whole and answers the same question; None if it has to be run."""
    try:
        cell = read_cell(place)
        return cell if cell.config.same_run(config) and (source is None or cell.source == source) else None
    except UserError:
        return None


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A zip with the same bytes for the same files (no time stamps)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            kind = zipfile.ZIP_STORED if name == STEPS else zipfile.ZIP_DEFLATED  # steps are compressed already
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, kind)
    return buffer.getvalue()


def _pretty(record: BaseModel) -> bytes:
    text = json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8")
