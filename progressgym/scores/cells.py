"""Cells: one agent on one challenge, history and seed, as a file that is there wholly or not at all.

    <out>/<history>/<challenge>/<agent>/<seed>.zip
        config.json   what was run, with hashes
        steps.npz     the raw float32 action of every step
        scores.json   what came out
        agent.json    only for an agent from a user's own module: the hash of its source
        DONE.json     sha256 of the others

One file a cell, because a benchmark has thousands of them. A cell that is asked for as a folder, `<seed>/`, holds the same
files and `steps.jsonl`, a readable log; either is read. Comparisons and labels are not stored: they follow from seed and
hashes. A cell without DONE, with a file that does not match its hash, or of another configuration is run again.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from progressgym.core.errors import UserError
from progressgym.core.files import sha256_bytes
from progressgym.core.ids import safe_name
from progressgym.core.reading import parse_json
from progressgym.scores.records import Done, RunConfig, RunScores, parse_record

CONFIG, STEPS, LOG, SCORES, AGENT, DONE = (
    "config.json",
    "steps.npz",
    "steps.jsonl",
    "scores.json",
    "agent.json",
    "DONE.json",
)
REQUIRED = (CONFIG, STEPS, SCORES)
ARCHIVE = ".zip"


@dataclass(kw_only=True, frozen=True, eq=False)
class FinishedCell:
    """A cell as it lies on disk, verified."""

    config: RunConfig
    scores: RunScores
    files: Mapping[str, bytes]
    """Every file of it, by name, each of the hash that DONE says."""
    place: Path
    """Folder or archive."""

    @property
    def digest(self) -> str:
        """sha256 of DONE, and so of everything in it."""
        return sha256_bytes(self.files[DONE])

    @property
    def source(self) -> str | None:
        """sha256 of the source of a user's own agent."""
        if AGENT not in self.files:
            return None
        record = parse_json(self.files[AGENT].decode("utf-8", "replace"), str(self.place / AGENT))
        return record.get("source_sha256") if isinstance(record, dict) else None

    @cached_property
    def actions(self) -> NDArray[np.float32]:
        """(n, N, K).

        Raises:
            UserError: they are no actions.
        """
        try:
            with np.load(io.BytesIO(self.files[STEPS]), allow_pickle=False) as archive:
                actions: NDArray[np.float32] = archive["actions"]
        except (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
            raise UserError(f"{self.place}: {STEPS} is no readable npz file with actions: {error}") from None
        if actions.dtype != np.float32 or actions.ndim != 3:
            raise UserError(f"{self.place}: {STEPS} must hold float32 actions of shape (steps, items, options)")
        return actions


def group_folder(out: Path, history: str, challenge: str, agent: str) -> Path:
    """Where the seeds of one agent, challenge and history lie."""
    return out / safe_name(history) / safe_name(challenge) / safe_name(agent)


def archive_of(place: Path) -> Path:
    """The one file of a cell, beside its folder `<seed>/`."""
    return place.with_name(place.name + ARCHIVE)


def read_cell(place: Path) -> FinishedCell:
    """Read a cell and verify every byte of it.

    Args:
        place: `<agent>/<seed>`, whichever of folder and archive is there.

    Raises:
        UserError: it is not finished, or damaged; the message says where.
    """
    if (place / DONE).is_file():
        try:
            return _checked(place, _Folder(place))
        except UserError:
            if not archive_of(place).is_file():
                raise
    archive = archive_of(place)
    if not archive.is_file():
        raise UserError(f"{place} is not a finished cell: it has no {DONE}")
    try:
        with zipfile.ZipFile(archive) as opened:
            files = {name: opened.read(name) for name in opened.namelist()}
    except (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{archive} is not a readable zip file (truncated or damaged): {error}") from None
    return _checked(archive, files)


class _Folder(dict[str, bytes]):
    """The files of a folder, read when they are asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, name: str) -> bytes:
        try:
            self[name] = (self._folder / Path(name).name).read_bytes()
        except OSError:
            raise KeyError(name) from None
        return self[name]


def _checked(place: Path, files: Mapping[str, bytes]) -> FinishedCell:
    """A cell of files that are what DONE says.

    Raises:
        UserError: they are not.
    """
    try:
        done = parse_record(files[DONE], Done, place / DONE)
    except KeyError:
        raise UserError(f"{place} is not a finished cell: it has no {DONE}") from None
    missing = [name for name in REQUIRED if name not in done.files]
    if missing:
        raise UserError(f"{place / DONE} does not list {', '.join(missing)}")
    for name, digest in done.files.items():
        try:
            matches = sha256_bytes(files[name]) == digest
        except KeyError:
            matches = False
        if not matches:
            raise UserError(f"{place / name} is missing or does not match its hash in {DONE}")
    config = parse_record(files[CONFIG], RunConfig, place / CONFIG)
    if config.digest() != config.sha256:
        raise UserError(f"{place / CONFIG} does not match its own sha256")
    scores = parse_record(files[SCORES], RunScores, place / SCORES)
    return FinishedCell(config=config, scores=scores, files=files, place=place)
