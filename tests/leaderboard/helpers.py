"""Submissions made in memory: small actions, real board, real truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from progressgym.leaderboard.arrays import write_actions
from progressgym.leaderboard.board import Board, CellKey, load_board
from progressgym.leaderboard.manifest import MANIFEST, SIGNATURE, write_manifest
from progressgym.leaderboard.schema import SUBMISSION
from progressgym.leaderboard.submission import CONFIG, STEPS
from progressgym.leaderboard.truth import EpisodeTruth, episode_truth
from progressgym.leaderboard.unpack import Files
from progressgym.scores.records import RunConfig, Source

Actions = NDArray[np.float32]
Agent = Callable[[EpisodeTruth, CellKey], Actions]


def nudged(truth: EpisodeTruth, key: CellKey, size: float = 0.1) -> Actions:
    """An honest agent of few words: century 0's answers, two items changed a little more in every step."""
    actions = truth.static_actions()
    for step in range(truth.steps):
        actions[step, :2, 0] += np.float32(size * (step + 1))
        actions[step, truth.instrument.evaluation[:2], 0] += np.float32(size * (step + 1))
    return actions


def config_of(board: Board, key: CellKey, agent: str, **changes: Any) -> bytes:
    """`config.json` of a cell, with its own hash."""
    challenge, truth = board.challenge(key.challenge), episode_truth(board, key)
    fields: dict[str, Any] = {
        "environment": challenge.environment,
        "arguments": {"history": board.history_of(key), **dict(challenge.arguments)},
        "challenge": key.challenge,
        "agent": agent,
        "seed": key.seed,
        "history": Source(name=truth.history.name, hash=truth.history.hash),
        "instrument": Source(name=truth.instrument.name, hash=truth.instrument.hash),
        "rng_scheme": board.rng_scheme,
        "package_version": "0.1.0",
    }
    record = RunConfig.make(**{**fields, **changes})
    return (json.dumps(record.model_dump(mode="json")) + "\n").encode()


def make_files(agent: Agent = nudged, name: str = "nudged", **fields: Any) -> Files:
    """A submission that is right in every way."""
    board = load_board()
    files: Files = {}
    cells = []
    for key in board.cells:
        truth = episode_truth(board, key)
        files[f"{key.folder}/{CONFIG}"] = config_of(board, key, name)
        files[f"{key.folder}/{STEPS}"] = _packed(agent(truth, key))
        cells.append({**key._asdict(), "comparisons": truth.comparisons})
    record = {
        "schema_version": 1,
        "board": {"name": board.name, "sha256": board.digest},
        "agent": {"name": name, "version": "1", "id": name, "summary": "For tests"},
        "authors": ["Ada Lovelace"],
        "licence": "MIT",
        "code": {"url": "https://example.org/code", "commit": "0123456"},
        "training_data": "none",
        "hardware": "two cores",
        "packages": {"numpy": "2"},
        "command": ["progressgym", "bench"],
        "created": "2026-01-31T12:00:00+00:00",
        "cells": cells,
    }
    files[SUBMISSION] = json.dumps({**record, **fields}, indent=1).encode()
    return manifested(files)


def manifested(files: Files) -> Files:
    """The same files with a fresh manifest."""
    return {**files, MANIFEST: write_manifest({k: v for k, v in files.items() if k not in (MANIFEST, SIGNATURE)})}


def edited(files: Files, change: Callable[[dict[str, Any]], object]) -> Files:
    """The same submission with another `submission.json`."""
    record = json.loads(files[SUBMISSION])
    change(record)
    return manifested({**files, SUBMISSION: json.dumps(record).encode()})


def with_file(files: Files, name: str, data: bytes) -> Files:
    """The same submission with one file more, or another one, listed in the manifest."""
    return manifested({**files, name: data})


def with_actions(files: Files, key: CellKey, actions: Actions) -> Files:
    """The same submission with other actions in one cell."""
    return with_file(files, f"{key.folder}/{STEPS}", write_actions(actions))


def with_agent(files: Files, agent: Agent) -> Files:
    """The same submission with other actions everywhere."""
    board = load_board()
    changed = {f"{k.folder}/{STEPS}": _packed(agent(episode_truth(board, k), k)) for k in board.cells}
    return manifested({**files, **changed})


@lru_cache(maxsize=1)
def base_files() -> Files:
    """One good submission, made once a session; take a copy before changing it."""
    return make_files()


@lru_cache(maxsize=512)
def _packed_bytes(raw: bytes, shape: tuple[int, ...]) -> bytes:
    return write_actions(np.frombuffer(raw, dtype="<f4").reshape(shape))


def _packed(actions: Actions) -> bytes:
    """Deflating is what takes long; equal actions are packed once."""
    return _packed_bytes(np.ascontiguousarray(actions, dtype="<f4").tobytes(), actions.shape)
