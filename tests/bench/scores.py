"""Every score of the default benchmark, compactly: what `tests/golden/scores.json` holds."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import torch

from progressgym.core.files import canonical_json
from progressgym.scores.records import Results

DIGITS = 16


def compact(results: Results) -> dict[str, Any]:
    """Utility of every run in full, and digests of all other scores.

    Returns:
        `arithmetic`, `groups` (id -> utilities by seed, skill, digest of the cells, digest of the row), and `together`:
        digest of what rests on several groups.
    """
    groups: dict[str, Any] = {}
    for cell in results.cells:
        config = cell.config
        name = f"{config.arguments['history']}  {config.challenge}  {config.agent}"
        groups.setdefault(name, []).append(cell.scores)
    rows = {f"{row.history}  {row.challenge}  {row.agent}": row for row in results.aggregates}
    return {
        "arithmetic": arithmetic(),
        "groups": {
            name: {
                "utilities": [score.utility for score in scores],
                "skill": None if (skill := rows[name].skill) is None else skill.mid,
                "cells": _digest([score.model_dump(mode="json") for score in scores]),
                "row": _digest(
                    rows[name].model_dump(mode="json", exclude={"seconds", "front", "explained", "splits", "unmet"})
                ),
            }
            for name, scores in groups.items()
        },
        "together": _digest(
            [
                [one.model_dump(mode="json") for one in results.across],
                [row.front for row in results.aggregates],
                results.findings,
            ]
        ),
    }


def write(scores: dict[str, Any]) -> str:
    """A group a line."""
    groups = ",\n".join(f"  {json.dumps(name)}: {json.dumps(group)}" for name, group in scores["groups"].items())
    rest = ",\n".join(f" {json.dumps(key)}: {json.dumps(scores[key])}" for key in ("arithmetic", "together"))
    return f'{{\n{rest},\n "groups": {{\n{groups}\n }}\n}}\n'


def arithmetic() -> str:
    """What this machine makes of numbers that every one should make the same of, to the last bit.

    exp, log, products and solutions of linear equations differ in their last bits between processors and libraries;
    only where none of them does can scores be asked for to the last bit.
    """
    line = np.linspace(-9.0, 9.0, 9973)
    table = np.sin(np.arange(240 * 57, dtype=np.float64)).reshape(240, 57)
    square = table.T @ table + np.eye(57)
    deep = torch.from_numpy(square)
    parts = [
        np.exp(line),
        np.log(np.exp(line)),
        np.exp(line.astype(np.float32)),
        square,
        np.linalg.solve(square, table.T),
        np.einsum("nd,nd->n", table, table),
        torch.linalg.cholesky(deep).numpy(),
        torch.sigmoid(torch.from_numpy(line)).numpy(),
        torch.nn.functional.softplus(torch.from_numpy(line)).numpy(),
        (deep @ deep).numpy(),
    ]
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()[:DIGITS]


def _digest(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:DIGITS]
