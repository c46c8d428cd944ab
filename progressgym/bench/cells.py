"""Cells: one agent on one challenge, history and seed, as a folder that is there wholly or not at all.

    <out>/<history>/<challenge>/<agent>/<seed>/
        config.json   what was run, with hashes
        steps.npz     the raw float32 action of every step
        steps.jsonl   a readable log
        scores.json   what came out
        agent.json    only for an agent from a user's own module: the hash of its source
        DONE.json     sha256 of the others, written last

Comparisons and labels are not stored: they follow from seed and hashes. A cell without DONE, with a file that does not
match its hash, or of another configuration is run again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from progressgym.core.errors import UserError
from progressgym.core.files import read_npz, sha256_file, write_folder, write_npz
from progressgym.core.ids import safe_name
from progressgym.core.reading import read_object
from progressgym.scores.records import Done, RunConfig, RunScores, load_record

CONFIG, STEPS, LOG, SCORES, AGENT, DONE = (
    "config.json",
    "steps.npz",
    "steps.jsonl",
    "scores.json",
    "agent.json",
    "DONE.json",
)
REQUIRED = (CONFIG, STEPS, LOG, SCORES)


@dataclass(kw_only=True, frozen=True, eq=False)
class FinishedCell:
    """A cell as it lies on disk, verified."""

    config: RunConfig
    scores: RunScores
    actions: NDArray[np.float32]
    """(n, N, K)."""


def group_folder(out: Path, history: str, challenge: str, agent: str) -> Path:
    """Where the seeds of one agent, challenge and history lie."""
    return out / safe_name(history) / safe_name(challenge) / safe_name(agent)


def write_cell(
    folder: Path,
    *,
    config: RunConfig,
    actions: NDArray[np.float32],
    scores: RunScores,
    log: list[dict[str, Any]],
    source: str | None = None,
) -> None:
    """Write a finished cell; an older one at the same place is replaced.

    Args:
        folder: of the cell.
        config: what was run.
        actions: (n, N, K) exactly as given.
        scores: what came out.
        log: one row a step.
        source: sha256 of the source of a user's own agent.
    """
    texts = {
        CONFIG: _pretty(config),
        LOG: "".join(json.dumps(row, allow_nan=False) + "\n" for row in log),
        SCORES: _pretty(scores),
    }
    if source is not None:
        texts[AGENT] = json.dumps({"source_sha256": source}) + "\n"
    with write_folder(folder) as staged:  # flushes every file before the folder gets its name
        write_npz(staged / STEPS, actions=actions)
        for name, text in texts.items():
            (staged / name).write_text(text, encoding="utf-8")
        files = {path.name: sha256_file(path) for path in sorted(staged.iterdir())}
        (staged / DONE).write_text(_pretty(Done(files=files)), encoding="utf-8")


def read_cell(folder: Path) -> FinishedCell:
    """Read a cell and verify every byte of it.

    Raises:
        UserError: it is not finished, or damaged; the message says where.
    """
    if not (folder / DONE).is_file():
        raise UserError(f"{folder} is not a finished cell: it has no {DONE}")
    done = load_record(folder / DONE, Done)
    missing = [name for name in REQUIRED if name not in done.files]
    if missing:
        raise UserError(f"{folder / DONE} does not list {', '.join(missing)}")
    for name, digest in done.files.items():
        path = folder / Path(name).name
        if not path.is_file() or sha256_file(path) != digest:
            raise UserError(f"{path} is missing or does not match its hash in {DONE}")
    config, scores = load_record(folder / CONFIG, RunConfig), load_record(folder / SCORES, RunScores)
    arrays = read_npz(folder / STEPS)
    if "actions" not in arrays or arrays["actions"].dtype != np.float32 or arrays["actions"].ndim != 3:
        raise UserError(f"{folder / STEPS} must hold float32 actions of shape (steps, items, options)")
    if config.digest() != config.sha256:
        raise UserError(f"{folder / CONFIG} does not match its own sha256")
    return FinishedCell(config=config, scores=scores, actions=arrays["actions"])


def reusable(folder: Path, config: RunConfig, source: str | None = None) -> FinishedCell | None:
    """The finished cell at a place, if it is whole and answers the same question; None if it has to be run."""
    try:
        cell = read_cell(folder)
        kept = read_object(folder / AGENT, "an agent's record").get("source_sha256") if source is not None else None
    except UserError:
        return None
    return cell if cell.config.same_run(config) and kept == source else None


def _pretty(record: BaseModel) -> str:
    return json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
