"""Submissions put together at random from what has fooled boards: none may rank, none may move another entry."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from progressgym.leaderboard.arrays import write_actions
from progressgym.leaderboard.board import load_board
from progressgym.leaderboard.manifest import MANIFEST, SIGNATURE, pack, write_manifest
from progressgym.leaderboard.records import Reproduction
from progressgym.leaderboard.schema import SUBMISSION
from progressgym.leaderboard.standings import make_standings
from progressgym.leaderboard.store import Store
from progressgym.leaderboard.submission import CONFIG, STEPS, load_submission
from progressgym.leaderboard.truth import episode_truth
from progressgym.leaderboard.unpack import Files
from progressgym.leaderboard.verify import verify
from progressgym.scores.records import RunConfig

HONEST = Path(__file__).parents[2] / "leaderboard" / "entries" / "lifelong-map-2.zip"
AGENT = "attack:Agent"
NAMES = (
    "orac1e",
    "last_human",
    "lifelong-rnap",
    "board",
    "<b>x</b>",
    "=cmd",
    "a\u202eb",
    "con",
    "../x",
    "lif\u0435long-map",
    "mine",
)
EXTRA = {
    "standings.json": b'{"rows": []}',
    "scores.json": b'{"skill": 1.0}',
    "evil.py": b"import os",
    "model.safetensors": b"x",
    "cells/../../x": b"x",
    "__pycache__/x.pyc": b"x",
}
CLAIMS: dict[str, Any] = {
    "status": "reproduced",
    "place": 1,
    "score": 1.0,
    "rung": "reproduced",
    "reproduction": {"matches": True},
}
Actions = dict[Any, Any]


class Entries:
    """A store with one entry that the board ran itself, and what is submitted to it."""

    def __init__(self, seed: int, folder: Path) -> None:
        """Open the store."""
        self.rng, self.noise, self.folder = random.Random(seed), np.random.default_rng(seed), folder
        self.board, self.base = load_board(), load_submission(HONEST)
        self.store = Store.open(folder / "store")
        verdict, evidence = verify(HONEST, resamples=2)
        receipt = self.store.submit(verdict, evidence, "honest")
        ran = Reproduction(
            split="1-0",
            commitments={},
            matches=True,
            largest_difference=0.0,
            groups=verdict.groups,
            seconds=1.0,
            note="",
        )
        self.honest = str(receipt.id)
        self.store.record_reproduction(self.honest, ran)
        self.before = self._standing()
        self.accepted, self.count, self.kinds = 0, 0, set[tuple[str, ...]]()

    def attack(self) -> str | None:
        """One submission; what it won, or None."""
        self.count += 1
        possible = sorted(MOVES if self.rng.random() < 0.5 else ANSWERS)
        moves = self.rng.sample(possible, self.rng.randint(1, 4))
        self.kinds.add(tuple(sorted(moves)))
        record = json.loads(self.base.files[SUBMISSION])
        record["agent"] |= {"id": AGENT, "name": f"attack-{self.count}", "version": "1"}
        for cell in record["cells"]:
            cell["utility"] = None  # claims nothing; the move `utility` does
        record["code"] = {"url": "https://example.org/x", "commit": "0123456", "entry": AGENT}
        actions: Actions = {key: array.copy() for key, array in self.base.actions.items()}
        draft = Draft(record=record, actions=actions, extra={})
        for move in moves:
            MOVES[move](self, draft)
        path = self.folder / "attack.zip"
        path.write_bytes(pack(self._files(draft)))
        verdict, evidence = verify(path, resamples=2)
        receipt = self.store.submit(verdict, evidence, self.rng.choice(["mallory", "eve", "trudy"]))
        self.accepted += receipt.rung is not None
        return self._won(moves)

    def close(self) -> None:
        """Close the store and remove it."""
        self.store.check_log()
        self.store.close()
        shutil.rmtree(self.folder / "store")

    def _standing(self) -> tuple[Any, ...]:
        row = next(row for row in make_standings(self.store).rows if row.id == self.honest[:16])
        return row.place, row.score, row.status, row.agent

    def _won(self, moves: list[str]) -> str | None:
        rows = make_standings(self.store).rows
        ranked = [row.agent for row in rows if row.id != self.honest[:16] and (row.place is not None or not row.open)]
        if ranked:
            return f"ranked without a run, {ranked}: {moves}"
        return None if self._standing() == self.before else f"moved the honest entry: {moves}"

    def _files(self, draft: Draft) -> Files:
        files: Files = {SUBMISSION: json.dumps(draft.record).encode("utf-8", "surrogatepass"), **draft.extra}
        for key, array in draft.actions.items():
            config = json.loads(self.base.files[f"{key.folder}/{CONFIG}"]) | {"agent": draft.record["agent"]["id"]}
            made = RunConfig.make(**{name: value for name, value in config.items() if name != "sha256"})
            files.setdefault(f"{key.folder}/{CONFIG}", made.model_dump_json().encode())
            files.setdefault(f"{key.folder}/{STEPS}", write_actions(array))
        return {**files, MANIFEST: write_manifest({name: data for name, data in files.items() if name != SIGNATURE})}


class Draft:
    """A submission that is being put together."""

    def __init__(self, record: dict[str, Any], actions: Actions, extra: Files) -> None:
        """Hold its parts."""
        self.record, self.actions, self.extra = record, actions, extra


def _answers(change: Callable[[Entries, Any, Any], Any]) -> Callable[[Entries, Draft], None]:
    """A move that changes the answers of some or all cells."""

    def move(scene: Entries, draft: Draft) -> None:
        share = scene.rng.choice([1.0, 1.0, 0.5, 0.05])
        for key, array in draft.actions.items():
            if scene.rng.random() < share:
                draft.actions[key] = change(scene, array, episode_truth(scene.board, key)).astype(np.float32)

    return move


def _field(*names: tuple[str, Any]) -> Callable[[Entries, Draft], None]:
    def move(scene: Entries, draft: Draft) -> None:
        place, value = scene.rng.choice(names)
        draft.record[place] = value

    return move


def _name(scene: Entries, draft: Draft) -> None:
    draft.record["agent"][scene.rng.choice(["name", "id", "summary"])] = scene.rng.choice(NAMES)


def _claim(scene: Entries, draft: Draft) -> None:
    name = scene.rng.choice(sorted(CLAIMS))
    scene.rng.choice([draft.record, draft.record["agent"], draft.record["cells"][0]])[name] = CLAIMS[name]


def _cells(scene: Entries, draft: Draft) -> None:
    cells, at = draft.record["cells"], scene.rng.randrange(120)
    scene.rng.choice(
        [
            lambda: cells.pop(at),
            lambda: cells.append(cells[at]),
            cells.reverse,
            lambda: cells[at].update(seed=10**6 + at),
        ]
    )()


def _extra(scene: Entries, draft: Draft) -> None:
    name = scene.rng.choice(sorted(EXTRA))
    draft.extra[name] = EXTRA[name]


def _signed(scene: Entries, draft: Draft) -> None:
    forged = {
        "schema_version": 1,
        "algorithm": "ed25519",
        "public_key": "0" * 64,
        "manifest": "1" * 64,
        "signature": "0" * 128,
    }
    draft.extra[SIGNATURE] = json.dumps(forged).encode()


def _utility(scene: Entries, draft: Draft) -> None:
    for cell in draft.record["cells"]:
        cell["utility"] = scene.rng.choice([99.0, -0.0, 1e308, None])


def _blend(scene: Entries, array: Any, truth: Any) -> Any:
    weight = scene.rng.random()
    return weight * truth.reference_actions() + (1.0 - weight) * array


MOVES: dict[str, Callable[[Entries, Draft], None]] = {
    "truth": _answers(lambda scene, array, truth: truth.reference_actions()),
    "blend": _answers(_blend),
    "static": _answers(lambda scene, array, truth: truth.static_actions()),
    "noise": _answers(lambda scene, array, _: array + scene.noise.normal(0, scene.rng.choice([1e-6, 1e-2, 0.3, 3.0]), array.shape)),
    "scale": _answers(lambda scene, array, _: array * scene.rng.choice([0.0, 1e-3, 0.5, -1.0, 20.0])),
    "shift": _answers(lambda scene, array, _: array + scene.noise.normal(0, 1, (1, array.shape[1], 1))),
    "turned": _answers(lambda scene, array, _: array[::-1].copy()),
    "numbers": _answers(lambda scene, array, _: np.full_like(array, scene.rng.choice([np.nan, np.inf, 3e38, 1e-44, -0.0]))),
    "name": _name,
    "claim": _claim,
    "cells": _cells,
    "extra": _extra,
    "signed": _signed,
    "utility": _utility,
    "field": _field(
        ("created", "2999-01-01T00:00:00+00:00"), ("authors", ["board"]), ("licence", "=1+1"), ("training_data", "\u202e"),
        ("schema_version", 2), ("command", ["x" * 5000]), ("base_model", {"name": "x", "revision": "\x00"}),
    ),
}  # fmt: skip
"""What can be done to a submission, by name."""
ANSWERS = ("truth", "blend", "static", "noise", "scale", "shift", "turned")
"""Those that leave its form alone."""
